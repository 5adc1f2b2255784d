package httpsig

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
)

// The vectors of RFC 9421, appendix B, cover other components than the device
// protocol does, so they are checked on the signature base and the algorithms.

func TestRFC9421AppendixB26Ed25519(t *testing.T) {
	t.Parallel()
	der, err := base64.StdEncoding.DecodeString("MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF")
	require.NoError(t, err)
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	require.NoError(t, err)
	key := parsed.(ed25519.PrivateKey)

	base := signatureBase([]component{
		{`"date"`, "Tue, 20 Apr 2021 02:07:55 GMT"},
		{`"@method"`, "POST"},
		{`"@path"`, "/foo"},
		{`"@authority"`, "example.com"},
		{`"content-type"`, "application/json"},
		{`"content-length"`, "18"},
	}, `("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`)
	sig, err := signBase(key, base)
	require.NoError(t, err)
	require.Equal(t,
		"wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
		base64.StdEncoding.EncodeToString(sig))
	require.True(t, verifyBase(key.Public(), algEd25519, base, sig))
}

func TestRFC9421AppendixB24P256(t *testing.T) {
	t.Parallel()
	der, err := base64.StdEncoding.DecodeString("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lfw0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==")
	require.NoError(t, err)
	pub, err := ParsePublicKey(der)
	require.NoError(t, err)
	sig, err := base64.StdEncoding.DecodeString("wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==")
	require.NoError(t, err)

	components := []component{
		{`"@status"`, "200"},
		{`"content-type"`, "application/json"},
		{`"content-digest"`, "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:"},
		{`"content-length"`, "23"},
	}
	params := `("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"`
	require.True(t, verifyBase(pub, algP256, signatureBase(components, params), sig))
	components[0].value = "201"
	require.False(t, verifyBase(pub, algP256, signatureBase(components, params), sig))
}

// RFC 9530, appendix D, has this digest of {"hello": "world"} and a line feed.
func TestRFC9530Digest(t *testing.T) {
	t.Parallel()
	require.Equal(t, "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", contentDigest([]byte("{\"hello\": \"world\"}\n")))
}

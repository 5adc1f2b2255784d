package lease_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
)

const rfcKey = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","use":"sig","alg":"EdDSA"}`

func TestAKeySetRoundTrips(t *testing.T) {
	t.Parallel()
	want := lease.JWKS{signer(t).Public(), signer(t).Public()}
	document, err := json.Marshal(want)
	require.NoError(t, err)
	got, err := lease.ParseJWKS(document)
	require.NoError(t, err)
	require.Equal(t, want, got)

	var embedded struct{ Keys lease.JWKS }
	require.NoError(t, json.Unmarshal([]byte(`{"Keys":`+string(document)+`}`), &embedded))
	require.Equal(t, want, embedded.Keys)
}

func TestAKeySetHasTheFormOfRFC7517(t *testing.T) {
	t.Parallel()
	keys, err := lease.ParseJWKS([]byte(`{"keys":[` + rfcKey + `]}`))
	require.NoError(t, err)
	document, err := json.Marshal(keys)
	require.NoError(t, err)
	require.Equal(t, `{"keys":[`+rfcKey+`]}`, string(document))

	empty, err := json.Marshal(lease.JWKS(nil))
	require.NoError(t, err)
	require.Equal(t, `{"keys":[]}`, string(empty))
}

func TestKeysOfOtherKindsAreLeftOut(t *testing.T) {
	t.Parallel()
	keys, err := lease.ParseJWKS([]byte(`{"keys":[{"kty":"EC","crv":"P-256"},{"kty":"OKP","crv":"X25519","x":"?"},` +
		`{"kty":"OKP","crv":"Ed25519","use":"enc"},` + strings.Replace(rfcKey, `{`, `{"x5t":"later",`, 1) + `],"next":1}`))
	require.NoError(t, err)
	require.Len(t, keys, 1)
}

func TestABrokenKeySetIsMalformed(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"nothing":        ``,
		"no keys":        `{}`,
		"trailing bytes": `{"keys":[]}]`,
		"an array":       `[]`,
		"wrong kid":      `{"keys":[` + strings.Replace(rfcKey, "kPrK", "kPrL", 1) + `]}`,
		"no kid":         `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		"short key":      `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"x"}]}`,
		"twice":          `{"keys":[` + rfcKey + `,` + rfcKey + `]}`,
		"private":        `{"keys":[` + strings.Replace(rfcKey, `{`, `{"d":"secret",`, 1) + `]}`,
		"too many":       `{"keys":[` + strings.Repeat(`{},`, 64) + `{}]}`,
		"too large":      `{"keys":[]` + strings.Repeat(" ", 70_000) + `}`,
	} {
		_, err := lease.ParseJWKS([]byte(document))
		require.ErrorIs(t, err, lease.ErrMalformed, name)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := json.Marshal(lease.JWKS{{1, 2}})
	require.Error(t, err)
}

func FuzzParseJWKS(f *testing.F) {
	f.Add([]byte(`{"keys":[` + rfcKey + `]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		keys, err := lease.ParseJWKS(document)
		if err != nil {
			return
		}
		again, err := json.Marshal(keys)
		require.NoError(t, err)
		same, err := lease.ParseJWKS(again)
		require.NoError(t, err)
		require.Equal(t, keys, same)
	})
}

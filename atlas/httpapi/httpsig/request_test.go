package httpsig_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
)

var made = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const checkin = "https://mdm.example.com/device/v1/checkin?full=1&name=a%2Fb"

func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return map[string]crypto.Signer{"ed25519": ed, "ecdsa-p256-sha256": ec}
}

// received is a signed request as a server that ends TLS sees it.
func received(t testing.TB, key crypto.Signer, url string, body []byte, p httpsig.Params) *http.Request {
	t.Helper()
	sent, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, httpsig.Sign(sent, body, key, p))
	got := httptest.NewRequestWithContext(context.Background(), sent.Method, sent.URL.RequestURI(), bytes.NewReader(body))
	got.Host = sent.URL.Host
	if sent.URL.Scheme == "https" || sent.URL.Scheme == "wss" {
		got.TLS = &tls.ConnectionState{}
	}
	got.Header = sent.Header.Clone()
	return got
}

func params() httpsig.Params { return httpsig.Params{KeyID: "device-1", Created: made, Counter: 7} }

func verify(r *http.Request, pub crypto.PublicKey, body []byte) error {
	_, unverified, err := httpsig.Parse(r, httpsig.Options{})
	if err != nil {
		return err
	}
	return unverified.Verify(pub, body)
}

func TestASignedRequestVerifies(t *testing.T) {
	t.Parallel()
	for name, key := range keys(t) {
		for _, body := range []string{"", `{"state":"ok"}`} {
			r := received(t, key, checkin, []byte(body), params())
			p, unverified, err := httpsig.Parse(r, httpsig.Options{})
			require.NoError(t, err, name)
			require.Equal(t, params(), p)
			require.NoError(t, unverified.Verify(key.Public(), []byte(body)), name)
		}
	}
}

func TestTheFieldsHaveTheDocumentedForm(t *testing.T) {
	t.Parallel()
	r := received(t, keys(t)["ed25519"], checkin, nil, params())
	require.Equal(t, []string{`atlas=("@method" "@target-uri" "content-digest");created=1772366400;nonce="7";keyid="device-1";alg="ed25519"`}, r.Header["Signature-Input"])
	require.Equal(t, []string{"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"}, r.Header["Content-Digest"])
	require.Regexp(t, `^atlas=:[A-Za-z0-9+/]{86}==:$`, r.Header.Get("Signature"))
}

func TestEveryCoveredPartIsProtected(t *testing.T) {
	t.Parallel()
	body := []byte(`{"state":"ok"}`)
	parts := map[string]func(*http.Request){
		"method":         func(r *http.Request) { r.Method = http.MethodPut },
		"scheme":         func(r *http.Request) { r.TLS = nil },
		"host":           func(r *http.Request) { r.Host = "other.example.com" },
		"path":           func(r *http.Request) { r.RequestURI = "/device/v1/enroll?full=1&name=a%2Fb" },
		"query":          func(r *http.Request) { r.RequestURI = "/device/v1/checkin?full=0&name=a%2Fb" },
		"query escaping": func(r *http.Request) { r.RequestURI = "/device/v1/checkin?full=1&name=a/b" },
		"created":        replace("created=1772366400", "created=1772366401"),
		"counter":        replace(`nonce="7"`, `nonce="8"`),
		"key id":         replace("device-1", "device-2"),
		"digest":         func(r *http.Request) { r.Header.Set("Content-Digest", digestOf(t, []byte("other"))) },
	}
	for name, key := range keys(t) {
		require.NoError(t, verify(received(t, key, checkin, body, params()), key.Public(), body))
		for part, change := range parts {
			r := received(t, key, checkin, body, params())
			change(r)
			require.ErrorIs(t, verify(r, key.Public(), body), atlas.ErrUnauthenticated, "%s %s", name, part)
		}
	}
}

func TestEveryBitOfTheSignatureCounts(t *testing.T) {
	t.Parallel()
	for name, key := range keys(t) {
		r := received(t, key, checkin, nil, params())
		good := r.Header.Get("Signature")
		for i := len("atlas=:"); i < len(good)-3; i++ {
			changed := []byte(good)
			changed[i] ^= 1
			r.Header.Set("Signature", string(changed))
			require.Error(t, verify(r, key.Public(), nil), "%s %d", name, i)
		}
	}
}

func TestABodyOtherThanTheSignedOneIsADigestError(t *testing.T) {
	t.Parallel()
	key := keys(t)["ed25519"]
	r := received(t, key, checkin, []byte("a"), params())
	require.ErrorIs(t, verify(r, key.Public(), []byte("b")), httpsig.ErrDigest)
	require.ErrorIs(t, verify(r, key.Public(), nil), httpsig.ErrDigest)
}

func TestAnotherKeyDoesNotVerify(t *testing.T) {
	t.Parallel()
	ours, theirs := keys(t), keys(t)
	for name, key := range ours {
		r := received(t, key, checkin, nil, params())
		for _, other := range theirs {
			require.ErrorIs(t, verify(r, other.Public(), nil), httpsig.ErrSignature, name)
		}
		for _, nonsense := range []crypto.PublicKey{nil, "key", ed25519.PublicKey{1}, (*ecdsa.PublicKey)(nil)} {
			require.ErrorIs(t, verify(r, nonsense, nil), httpsig.ErrSignature, name)
		}
	}
}

func TestTheAlgorithmIsTheKeysAndNotTheMessages(t *testing.T) {
	t.Parallel()
	key := keys(t)["ed25519"]
	r := received(t, key, checkin, nil, params())
	replace(`alg="ed25519"`, `alg="ecdsa-p256-sha256"`)(r)
	require.ErrorIs(t, verify(r, key.Public(), nil), httpsig.ErrSignature)
}

func TestTheZeroUnverifiedNeverVerifies(t *testing.T) {
	t.Parallel()
	require.Error(t, httpsig.Unverified{}.Verify(keys(t)["ed25519"].Public(), nil))
}

func TestOnlyTheOneFormIsAccepted(t *testing.T) {
	t.Parallel()
	forms := map[string]func(*http.Request){
		"unknown parameter":    replace(`;alg=`, `;tag="x";alg=`),
		"trailing parameter":   replace(`"ed25519"`, `"ed25519";expires=1`),
		"trailing space":       replace(`"ed25519"`, `"ed25519" `),
		"missing parameter":    replace(`;nonce="7"`, ``),
		"order of parameters":  replace(`;created=1772366400;nonce="7"`, `;nonce="7";created=1772366400`),
		"missing component":    replace(` "content-digest"`, ``),
		"additional component": replace(`"content-digest")`, `"content-digest" "date")`),
		"another label":        replace(`atlas=`, `sig1=`),
		"second member":        replace(`"ed25519"`, `"ed25519", b=()`),
		"space in the list":    replace(`("@method" `, `("@method"  `),
		"leading zero":         replace(`nonce="7"`, `nonce="07"`),
		"zero counter":         replace(`nonce="7"`, `nonce="0"`),
		"huge counter":         replace(`nonce="7"`, `nonce="9223372036854775808"`),
		"negative counter":     replace(`nonce="7"`, `nonce="-7"`),
		"empty counter":        replace(`nonce="7"`, `nonce=""`),
		"far future":           replace(`created=1772366400`, `created=100000000000`),
		"empty key id":         replace(`device-1`, ``),
		"escape in key id":     replace(`device-1`, `device\"1`),
		"long key id":          replace(`device-1`, strings.Repeat("k", 129)),
		"unknown algorithm":    replace(`ed25519`, `rsa-v1_5-sha256`),
		"far too long":         replace(`device-1`, strings.Repeat("k", 600)),
		"two inputs":           func(r *http.Request) { r.Header.Add("Signature-Input", r.Header.Get("Signature-Input")) },
		"two signatures":       func(r *http.Request) { r.Header.Add("Signature", r.Header.Get("Signature")) },
		"two digests":          func(r *http.Request) { r.Header.Add("Content-Digest", r.Header.Get("Content-Digest")) },
		"no digest":            func(r *http.Request) { r.Header.Del("Content-Digest") },
		"no input":             func(r *http.Request) { r.Header.Del("Signature-Input") },
		"short signature":      func(r *http.Request) { r.Header.Set("Signature", "atlas=:AAAA:") },
		"unpadded signature":   func(r *http.Request) { r.Header.Set("Signature", "atlas=:"+strings.Repeat("A", 86)+":") },
		"unclosed signature":   func(r *http.Request) { r.Header.Set("Signature", strings.TrimSuffix(r.Header.Get("Signature"), ":")) },
		"signature with gap":   func(r *http.Request) { r.Header.Set("Signature", "atlas=:"+strings.Repeat("A", 85)+"\n==:") },
		"another digest":       func(r *http.Request) { r.Header.Set("Content-Digest", "sha-512=:"+strings.Repeat("A", 43)+"=:") },
		"no target":            func(r *http.Request) { r.RequestURI, r.URL = "*", nil },
		"space in target":      func(r *http.Request) { r.RequestURI = "/a b" },
		"line in target":       func(r *http.Request) { r.RequestURI = "/a\n\"@method\": GET" },
		"long target":          func(r *http.Request) { r.RequestURI = "/" + strings.Repeat("a", 9000) },
		"line in method":       func(r *http.Request) { r.Method = "GET\n" },
		"no host":              func(r *http.Request) { r.Host = "" },
	}
	key := keys(t)["ed25519"]
	for name, change := range forms {
		r := received(t, key, checkin, nil, params())
		change(r)
		_, _, err := httpsig.Parse(r, httpsig.Options{})
		require.ErrorIs(t, err, httpsig.ErrMalformed, name)
	}
}

func TestAnUnsignedRequestIsMissing(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
	_, _, err := httpsig.Parse(r, httpsig.Options{})
	require.ErrorIs(t, err, httpsig.ErrMissing)
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
}

func TestSignRefusesWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	key := keys(t)["ed25519"]
	for name, p := range map[string]httpsig.Params{
		"no key id":       {Created: made, Counter: 1},
		"quote in key id": {KeyID: `a"b`, Created: made, Counter: 1},
		"no counter":      {KeyID: "k", Created: made},
		"counter too big": {KeyID: "k", Created: made, Counter: math.MaxInt64 + 1},
		"no time":         {KeyID: "k", Counter: 1},
	} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, checkin, nil)
		require.NoError(t, err)
		require.ErrorIs(t, httpsig.Sign(r, nil, key, p), httpsig.ErrMalformed, name)
		require.Empty(t, r.Header, name)
	}
	for _, url := range []string{"/relative", "mailto:someone", "ftp://host/x", "https://höst.example/"} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
		require.NoError(t, err)
		require.ErrorIs(t, httpsig.Sign(r, nil, key, params()), httpsig.ErrMalformed, url)
	}
}

func replace(from, to string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), from, to, 1))
	}
}

func digestOf(t testing.TB, body []byte) string {
	return received(t, keys(t)["ed25519"], checkin, body, params()).Header.Get("Content-Digest")
}

package httpsig_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
)

// FuzzParse checks that whatever parses can be written again to the same
// bytes: there is one form only, so nothing is read leniently.
func FuzzParse(f *testing.F) {
	key := keys(f)["ed25519"]
	good := received(f, key, checkin, nil, params())
	f.Add("POST", "/device/v1/checkin", good.Header.Get("Content-Digest"), good.Header.Get("Signature-Input"), good.Header.Get("Signature"))
	f.Add("", "", "", "", "")
	f.Fuzz(func(t *testing.T, method, target, digest, input, signature string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Method, r.RequestURI = method, target
		r.Header = http.Header{"Content-Digest": {digest}, "Signature-Input": {input}, "Signature": {signature}}
		p, unverified, err := httpsig.Parse(r, httpsig.Options{})
		if err != nil {
			return
		}
		require.Error(t, unverified.Verify(key.Public(), []byte("not the body of the seed")))
		again := httptest.NewRequest(http.MethodGet, checkin, nil)
		signer := keys(t)["ed25519"]
		if len(input) > 20 && input[len(input)-len(`sha256"`):] == `sha256"` {
			signer = keys(t)["ecdsa-p256-sha256"]
		}
		require.NoError(t, httpsig.Sign(again, nil, signer, p))
		require.Equal(t, input, again.Header.Get("Signature-Input"))
	})
}

func BenchmarkParseAndVerify(b *testing.B) {
	for name, key := range keys(b) {
		b.Run(name, func(b *testing.B) {
			body := make([]byte, 1024)
			r := received(b, key, checkin, body, params())
			for b.Loop() {
				if err := verify(r, key.Public(), body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

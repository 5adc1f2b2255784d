package httpsig_test

import (
	"context"
	"crypto"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
)

var answer = httpsig.ResponseParams{KeyID: "server-1", Created: made}

func answered(t *testing.T, key crypto.Signer, req *http.Request, status int, body string) *http.Response {
	t.Helper()
	h := http.Header{}
	require.NoError(t, httpsig.SignResponse(h, req, status, []byte(body), key, answer))
	return &http.Response{StatusCode: status, Header: h}
}

func always(pub crypto.PublicKey) func(string) (crypto.PublicKey, error) {
	return func(string) (crypto.PublicKey, error) { return pub, nil }
}

func TestASignedAnswerVerifies(t *testing.T) {
	t.Parallel()
	for name, key := range keys(t) {
		req := received(t, key, checkin, nil, params())
		resp := answered(t, key, req, http.StatusOK, `{"commands":[]}`)
		require.Equal(t, `atlas=("@status" "content-digest" "signature";req;key="atlas");created=1772366400;keyid="server-1";alg="`+name+`"`, resp.Header.Get("Signature-Input"))
		p, err := httpsig.VerifyResponse(resp, req, []byte(`{"commands":[]}`), func(id string) (crypto.PublicKey, error) {
			require.Equal(t, "server-1", id)
			return key.Public(), nil
		})
		require.NoError(t, err, name)
		require.Equal(t, answer, p)
	}
}

func TestAnAnswerFitsNoOtherRequest(t *testing.T) {
	t.Parallel()
	key := keys(t)["ed25519"]
	first := received(t, key, checkin, nil, params())
	second := received(t, key, checkin, nil, httpsig.Params{KeyID: "device-1", Created: made, Counter: 8})
	resp := answered(t, key, first, http.StatusOK, "{}")
	_, err := httpsig.VerifyResponse(resp, second, []byte("{}"), always(key.Public()))
	require.ErrorIs(t, err, httpsig.ErrSignature)
}

func TestEveryPartOfAnAnswerIsProtected(t *testing.T) {
	t.Parallel()
	for name, key := range keys(t) {
		for part, change := range map[string]func(*http.Response){
			"status":  func(r *http.Response) { r.StatusCode = http.StatusAccepted },
			"created": inResponse("created=1772366400", "created=1772366401"),
			"key id":  inResponse("server-1", "server-2"),
			"digest":  func(r *http.Response) { r.Header.Set("Content-Digest", digestOf(t, []byte("x"))) },
		} {
			req := received(t, key, checkin, nil, params())
			resp := answered(t, key, req, http.StatusOK, "{}")
			change(resp)
			_, err := httpsig.VerifyResponse(resp, req, []byte("{}"), always(key.Public()))
			require.ErrorIs(t, err, atlas.ErrUnauthenticated, "%s %s", name, part)
		}
	}
}

func TestAnAnswerInAnotherFormIsMalformed(t *testing.T) {
	t.Parallel()
	key := keys(t)["ed25519"]
	for name, change := range map[string]func(*http.Response){
		"without the request": inResponse(` "signature";req;key="atlas"`, ``),
		"as a request":        inResponse(`created=1772366400`, `created=1772366400;nonce="7"`),
		"status":              func(r *http.Response) { r.StatusCode = 0 },
	} {
		req := received(t, key, checkin, nil, params())
		resp := answered(t, key, req, http.StatusOK, "{}")
		change(resp)
		_, err := httpsig.VerifyResponse(resp, req, []byte("{}"), always(key.Public()))
		require.ErrorIs(t, err, httpsig.ErrMalformed, name)
	}
}

func TestAnUnsignedAnswerOrRequestIsMissing(t *testing.T) {
	t.Parallel()
	key := keys(t)["ed25519"]
	req := received(t, key, checkin, nil, params())
	_, err := httpsig.VerifyResponse(&http.Response{StatusCode: 200, Header: http.Header{}}, req, nil, always(key.Public()))
	require.ErrorIs(t, err, httpsig.ErrMissing)

	unsigned, err := http.NewRequestWithContext(context.Background(), http.MethodGet, checkin, nil)
	require.NoError(t, err)
	require.ErrorIs(t, httpsig.SignResponse(http.Header{}, unsigned, 200, nil, key, answer), httpsig.ErrMissing)
}

func TestAnAnswerByAnUnknownKeyIsTheFindersError(t *testing.T) {
	t.Parallel()
	key := keys(t)["ed25519"]
	req := received(t, key, checkin, nil, params())
	resp := answered(t, key, req, http.StatusOK, "{}")
	_, err := httpsig.VerifyResponse(resp, req, []byte("{}"), func(string) (crypto.PublicKey, error) { return nil, atlas.ErrNotFound })
	require.ErrorIs(t, err, atlas.ErrNotFound)
}

func inResponse(from, to string) func(*http.Response) {
	return func(r *http.Response) {
		r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), from, to, 1))
	}
}

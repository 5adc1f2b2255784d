package httpsig_test

import (
	"crypto"
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
	"github.com/atlas-mdm/atlas-go/atlas/security/replay"
)

// A device asks, a server checks and answers, and the device checks the
// answer.
func Example() {
	device := ed25519.NewKeyFromSeed([]byte("device key, random in real life."))
	server := ed25519.NewKeyFromSeed([]byte("server key, random in real life."))
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var window replay.Window // kept per device

	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		p, unverified, err := httpsig.Parse(r, httpsig.Options{})
		if err == nil {
			err = unverified.Verify(device.Public(), body) // the key enrolled as p.KeyID
		}
		if err == nil {
			err = httpsig.Fresh(p.Created, now, httpsig.DefaultSkew)
		}
		if err == nil {
			window, err = window.Accept(p.Counter)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		answer := []byte(`{"commands":[]}`)
		_ = httpsig.SignResponse(w.Header(), r, http.StatusOK, answer, server, httpsig.ResponseParams{KeyID: "2026-03", Created: now})
		_, _ = w.Write(answer)
	}))
	defer srv.Close()

	body := `{"battery":80}`
	req, _ := http.NewRequest(http.MethodPost, srv.URL+"/device/v1/checkin", strings.NewReader(body))
	id, _ := httpsig.KeyID(device.Public())
	if err := httpsig.Sign(req, []byte(body), device, httpsig.Params{KeyID: id, Created: now, Counter: 1}); err != nil {
		fmt.Println(err)
		return
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	_, err = httpsig.VerifyResponse(resp, req, answer, func(string) (crypto.PublicKey, error) { return server.Public(), nil })
	fmt.Println(resp.StatusCode, string(answer), err)

	_, err = window.Accept(1)
	fmt.Println(err)
	// Output:
	// 200 {"commands":[]} <nil>
	// replay: counter was used (unauthenticated)
}

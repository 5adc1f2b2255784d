package httpsig_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
)

func TestBothSidesNormalizeTheTargetAlike(t *testing.T) {
	t.Parallel()
	key := keys(t)["ed25519"]
	for _, url := range []string{
		"https://MDM.example.com:443/a", "http://mdm.example.com:80", "http://127.0.0.1:8080/a?", "HTTPS://mdm.example.com/a#frag",
		"wss://mdm.example.com/device/v1/ws", "ws://mdm.example.com:80/ws", "http://[::1]:8080/a//b/../c",
	} {
		require.NoError(t, verify(received(t, key, url, nil, params()), key.Public(), nil), url)
	}
}

func TestARealServerAndClientAgree(t *testing.T) {
	t.Parallel()
	key := keys(t)["ecdsa-p256-sha256"]
	srv := httptest.NewTLSServer(http.StripPrefix("/mdm", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verify(r, key.Public(), body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
		}
	})))
	t.Cleanup(srv.Close)
	for _, path := range []string{"", "/", "/a%2Fb", "/%C3%BC?q=%20+x", "/a?"} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, srv.URL+"/mdm"+path, strings.NewReader("hello"))
		require.NoError(t, err)
		require.NoError(t, httpsig.Sign(r, []byte("hello"), key, params()))
		resp, err := srv.Client().Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode, path)
	}
}

func TestBehindAProxyTheBaseURLDecides(t *testing.T) {
	t.Parallel()
	key := keys(t)["ed25519"]
	r := received(t, key, "https://mdm.example.com/fleet/device/v1/checkin?a=1", nil, params())
	r.TLS, r.Host, r.RequestURI = nil, "10.0.0.7:8080", "/device/v1/checkin?a=1"
	target, err := httpsig.BaseURL("https://MDM.example.com:443/fleet/")
	require.NoError(t, err)

	_, unverified, err := httpsig.Parse(r, httpsig.Options{TargetURI: target})
	require.NoError(t, err)
	require.NoError(t, unverified.Verify(key.Public(), nil))
	require.Error(t, verify(r, key.Public(), nil))
}

func TestABaseURLRefusesASignatureMadeForAnotherHost(t *testing.T) {
	t.Parallel()
	key := keys(t)["ed25519"]
	r := received(t, key, "https://other.example.com/device/v1/checkin", nil, params())
	target, err := httpsig.BaseURL("https://mdm.example.com")
	require.NoError(t, err)
	_, unverified, err := httpsig.Parse(r, httpsig.Options{TargetURI: target})
	require.NoError(t, err)
	require.ErrorIs(t, unverified.Verify(key.Public(), nil), httpsig.ErrSignature)
}

func TestBaseURLRefusesWhatIsNotABase(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "mdm.example.com", "ftp://a", "https://", "https://a?b", "https://a/#b", "https://u@a", "https://a/?", "%"} {
		_, err := httpsig.BaseURL(base)
		require.ErrorIs(t, err, httpsig.ErrMalformed, base)
	}
}

func TestTheAbsoluteFormOfARequestIsUnderstood(t *testing.T) {
	t.Parallel()
	key := keys(t)["ed25519"]
	r := received(t, key, "http://mdm.example.com/a?b=1", nil, params())
	r.URL.Scheme, r.URL.Host = "http", "mdm.example.com"
	r.RequestURI = "http://mdm.example.com/a?b=1"
	require.NoError(t, verify(r, key.Public(), nil))
}

package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// forwarded sends a request as a proxy on this machine does for a client.
func forwarded(t *testing.T, method, to, kind, body, token string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(body))
	require.NoError(t, err)
	req.Host = "mdm.example.com"
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", token)
	req.Header.Set("X-Forwarded-Proto", "https")
	req.Header.Set("X-Forwarded-For", "192.0.2.66, 203.0.113.9, 10.1.2.3")
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// signIns signs in by the panel and by the API, as a proxy's clients, and
// returns the panel's cookies and the addresses of all sessions.
func signIns(t *testing.T, p *program) (cookies []string, origins []string) {
	t.Helper()
	at := p.url()
	password := p.see(`with the password (\S{26})`)[1]
	form := url.Values{"username": {adminName}, "password": {password}}
	cookies = forwarded(t, "POST", at+"/sign-in", "application/x-www-form-urlencoded", form.Encode(), "").Header["Set-Cookie"]
	body, err := json.Marshal(map[string]string{"username": adminName, "password": password})
	require.NoError(t, err)
	var in struct{ Token string }
	require.NoError(t, json.NewDecoder(forwarded(t, "POST", at+"/v1/sessions", "application/json", string(body), "").Body).Decode(&in))
	var all struct{ Items []struct{ Origin string } }
	require.NoError(t, json.NewDecoder(forwarded(t, "GET", at+"/v1/sessions", "", "", "Bearer "+in.Token).Body).Decode(&all))
	for _, s := range all.Items {
		origins = append(origins, s.Origin)
	}
	return cookies, origins
}

func TestATrustedProxyIsBelievedByPanelAndAPI(t *testing.T) {
	t.Parallel()
	p := start(t, "-data", t.TempDir(), "-store", "memory:", "-trusted-proxy", "10.0.0.0/8, 127.0.0.0/8,::1/128")
	cookies, origins := signIns(t, p)
	require.Len(t, cookies, 2)
	require.Regexp(t, "^__Host-atlas=.*; Secure;", cookies[0])
	require.Equal(t, []string{"203.0.113.9", "203.0.113.9"}, origins)
}

func TestAnyOtherProxyIsNot(t *testing.T) {
	t.Parallel()
	for _, trusted := range [][]string{nil, {"-trusted-proxy", "10.0.0.0/8"}} {
		p := start(t, append(trusted, "-data", t.TempDir(), "-store", "memory:")...)
		cookies, origins := signIns(t, p)
		require.Empty(t, cookies, "over what may be plain http")
		require.Equal(t, []string{"127.0.0.1"}, origins)
	}
}

package panel_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/examples/mdm/internal/panel"
)

// asNorth is the form of a sign-in.
func asNorth() url.Values { return url.Values{"username": {"north"}, "password": {secretWord}} }

// overHTTPS makes a request one that a proxy took over https, for a server
// elsewhere.
func overHTTPS(r *http.Request) {
	r.Host = "mdm.example.com"
	r.Header.Set("X-Forwarded-Proto", "https")
}

// behindProxy believes every peer.
func behindProxy() panel.Options {
	return panel.Options{FromProxy: func(*http.Request) bool { return true }}
}

func TestTheCookiesAreOutOfReachOfScriptsAndOtherSites(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, behindProxy(), fleet.Options{})
	_, _, head := w.browser(t).post("/sign-in", asNorth())
	require.Len(t, head["Set-Cookie"], 2)
	require.Regexp(t, `^atlas=[^;]+; Path=/; Max-Age=\d+; HttpOnly; SameSite=Strict$`, head["Set-Cookie"][0])
	require.Regexp(t, `^atlas-browser=[^;]+; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict$`, head["Set-Cookie"][1])
	_, _, head = w.browser(t).post("/sign-in", asNorth(), overHTTPS)
	require.Len(t, head["Set-Cookie"], 2)
	require.Regexp(t, `^__Host-atlas=[^;]+; Path=/; Max-Age=\d+; HttpOnly; Secure; SameSite=Strict$`, head["Set-Cookie"][0])
	require.Regexp(t, `^__Host-atlas-browser=[^;]+; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Strict$`, head["Set-Cookie"][1])
}

func TestNobodySignsInOverPlainHTTPFromElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := func(r *http.Request) { r.Host = "mdm.example.com" }
	twice := func(r *http.Request) { overHTTPS(r); r.Header.Add("X-Forwarded-Proto", "http") }
	for name, c := range map[string]struct {
		trust panel.Options
		ask   func(*http.Request)
	}{
		"plain":                        {panel.Options{}, elsewhere},
		"plain by a proxy":             {behindProxy(), elsewhere},
		"a scheme that nobody vouches": {panel.Options{}, overHTTPS},
		"two schemes":                  {behindProxy(), twice},
	} {
		w := newWorldWith(t, c.trust, fleet.Options{})
		_, body, head := w.browser(t).post("/sign-in", asNorth(), c.ask)
		require.Empty(t, head.Get("Set-Cookie"), name)
		require.Contains(t, body, "over HTTPS only", name)
	}
}

func TestTheAddressOfSessionsIsTheClients(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, panel.Options{ClientAddr: func(r *http.Request) string { return r.Header.Get("X-Test-Client") }}, fleet.Options{})
	w.browser(t).post("/sign-in", asNorth(), func(r *http.Request) { r.Header.Set("X-Test-Client", "203.0.113.9") })
	all, err := w.svc.Sessions(t.Context(), w.north, w.north.Account)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "203.0.113.9", all[0].Origin)
}

func TestABrowserIsKnownAgainAfterSigningOut(t *testing.T) {
	t.Parallel()
	clock := atlastest.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	w := newWorldWith(t, panel.Options{}, fleet.Options{Clock: clock.Now})
	known, stranger := w.as(t, "north"), w.browser(t)
	known.post("/sign-out", nil)
	at, err := url.Parse(w.URL)
	require.NoError(t, err)
	kept := known.c.Jar.Cookies(at)
	require.Len(t, kept, 1)
	require.Equal(t, "atlas-browser", kept[0].Name)
	for range 7 {
		stranger.post("/sign-in", url.Values{"username": {"north"}, "password": {"wrong password"}})
	}
	status, _, _ := stranger.post("/sign-in", asNorth())
	require.Equal(t, http.StatusTooManyRequests, status)
	status, _, _ = known.post("/sign-in", asNorth())
	require.Equal(t, http.StatusSeeOther, status)
}

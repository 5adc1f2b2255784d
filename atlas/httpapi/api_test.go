package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

func TestNewRefusesOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	w := atlastest.New(t, memory.New(memory.Options{}))
	for _, o := range []httpapi.Options{{BaseURL: "mdm.example.com"}, {CursorKey: []byte("short")}} {
		_, err := httpapi.New(w.Service, o)
		require.ErrorIs(t, err, atlas.ErrInvalid)
	}
	_, err := httpapi.New(nil, httpapi.Options{})
	require.ErrorIs(t, err, atlas.ErrInvalid)
}

func TestListsAreReadPageByPage(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var seen []any
	path := "/v1/accounts?limit=3&role=client"
	cursor := ""
	for {
		got := s.as("north", "GET", path+cursor, nil).status(200)
		for _, it := range got.items() {
			seen = append(seen, it["id"])
		}
		next := got.text("next_cursor")
		if next == "" {
			break
		}
		require.Len(t, got.items(), 3)
		cursor = "&cursor=" + next
	}
	require.Len(t, seen, 6) // two full pages, and no empty one after them
}

func TestACursorIsGoodForItsListOnly(t *testing.T) {
	t.Parallel()
	s := serve(t)
	cursor := "cursor=" + s.as("north", "GET", "/v1/accounts?limit=1", nil).status(200).text("next_cursor")
	s.as("north", "GET", "/v1/accounts?limit=2&"+cursor, nil).status(200)
	for name, path := range map[string]string{"south": "/v1/accounts?", "north": "/v1/accounts?role=client&", "north/a": "/v1/devices?"} {
		p := s.as(name, "GET", path+cursor, nil).problem(422, "invalid")
		require.Equal(t, "query.cursor", p.Errors[0].Location)
	}
	for _, bad := range []string{"x", base64.RawURLEncoding.EncodeToString([]byte("0123456789abcdef" + "id")), cursor[7:] + "A"} {
		s.as("north", "GET", "/v1/accounts?cursor="+bad, nil).problem(422, "invalid")
	}
}

func TestDevicesAreFoundByWhetherTheyAreOnline(t *testing.T) {
	t.Parallel()
	s := serve(t)
	old := s.enrolled(s.code("north/1", 1)).id
	s.Clock.Advance(time.Hour - time.Second)
	fresh := s.enrolled(s.code("north/1", 1)).id
	for query, want := range map[string]string{"true": fresh, "false": old} {
		items := s.as("north", "GET", "/v1/devices?online="+query, nil).status(200).items()
		require.Len(t, items, 1)
		require.Equal(t, want, items[0]["id"])
		require.Equal(t, query == "true", items[0]["online"])
	}
	one := s.as("north", "GET", "/v1/devices?support_id="+strings.ToLower(s.as("north", "GET", "/v1/devices/"+old, nil).text("support_id")), nil)
	require.Len(t, one.status(200).items(), 1)
}

func TestAnAdminsPurposeIsRecorded(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.as("admin", "GET", "/v1/devices", nil).status(200)
	s.as("admin", "GET", "/v1/devices", nil, "Atlas-Purpose", "security").status(200)
	s.refused(1, func() { s.as("admin", "GET", "/v1/devices", nil, "Atlas-Purpose", "operate").problem(403, "denied") })
	var purposes []string
	for _, e := range atlastest.AuditEvents(t, s.Store) {
		if e.Action == "disclosure" {
			facts, err := e.Facts()
			require.NoError(t, err)
			purposes = append(purposes, facts[1].Value)
		}
	}
	require.ElementsMatch(t, []string{"support", "security"}, purposes)
}

func TestSigningOutEndsTheSession(t *testing.T) {
	t.Parallel()
	s := serve(t)
	require.Equal(t, "north", s.as("north", "GET", "/v1/me", nil).status(200).text("username"))
	require.Len(t, s.as("north", "GET", "/v1/sessions", nil).status(200).items(), 1)
	s.as("north", "DELETE", "/v1/sessions/current", nil).status(204)
	s.as("north", "GET", "/v1/me", nil).problem(401, "unauthenticated")
}

func TestABrowserThatSignedInBeforeIsNotKeptWaitingByOthers(t *testing.T) {
	t.Parallel()
	s := serve(t)
	in := object{"username": "north", "password": atlastest.Password}
	kept := s.as("", "POST", "/v1/sessions", in).status(201).text("browser")
	require.NotEmpty(t, kept)
	for range 7 {
		s.as("", "POST", "/v1/sessions", object{"username": "north", "password": "wrong password"})
	}
	s.as("", "POST", "/v1/sessions", in).problem(429, "limited")
	in["browser"] = kept
	require.Equal(t, kept, s.as("", "POST", "/v1/sessions", in).status(201).text("browser"))
	in["browser"] = kept[:len(kept)-1]
	s.as("", "POST", "/v1/sessions", in).problem(429, "limited")
}

func TestAnAPIKeyDoesWhatItIsForOnly(t *testing.T) {
	t.Parallel()
	s := serve(t)
	key := s.as("north", "POST", "/v1/api-keys", object{"name": "monitor", "scopes": []string{"device.read"}}).status(201)
	s.tokens["key"] = key.text("token")
	s.as("key", "GET", "/v1/devices", nil).status(200)
	s.as("key", "GET", "/v1/accounts", nil).problem(403, "denied")
	s.as("key", "DELETE", "/v1/sessions/current", nil).problem(409, "refused")
	listed := s.as("north", "GET", "/v1/api-keys", nil).status(200).items()
	require.Len(t, listed, 1)
	require.NotContains(t, listed[0], "token")
	s.as("north", "DELETE", "/v1/api-keys/"+key.text("id"), nil).status(204)
	s.as("key", "GET", "/v1/devices", nil).problem(401, "unauthenticated")
}

func TestPasswordsAreChanged(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.as("north", "POST", "/v1/password", object{"present": "wrong one", "next": "another long secret"}).problem(401, "unauthenticated")
	s.as("north", "POST", "/v1/password", object{"present": atlastest.Password, "next": "another long secret"}).status(204)
	s.as("", "POST", "/v1/sessions", object{"username": "north", "password": "another long secret"}).status(201)
	s.as("north", "POST", "/v1/accounts/"+string(s.ID("north/1"))+"/password", object{"password": "a new long secret"}).status(204)
	s.as("north/1", "GET", "/v1/me", nil).problem(401, "unauthenticated")
}

func TestHoldsAreCapturedInPartAndReleased(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.Grant("north", 10)
	hold := "/v1/credits/holds/" + s.as("north", "POST", "/v1/credits/holds", object{"account_id": s.ID("north"), "amount": 8}).status(201).text("id")
	s.as("north", "POST", hold+"/capture", object{"amount": 3}).status(200)
	s.refused(1, func() { s.as("north", "POST", hold+"/capture", object{"amount": 6}).problem(409, "hold") })
	s.as("north", "POST", hold+"/capture", object{"amount": 1}).status(200)
	require.InDelta(t, 4, s.as("north", "POST", hold+"/release", nil).status(200).get("released"), 0)
	entries := s.as("north", "GET", "/v1/accounts/"+string(s.ID("north"))+"/credits/entries", nil).status(200).items()
	require.Equal(t, []any{"debit", "debit", "credit"}, []any{entries[0]["direction"], entries[1]["direction"], entries[2]["direction"]})
	s.as("admin", "POST", "/v1/credits/refunds", object{"entry_id": entries[0]["id"]}).status(201)
	s.refused(1, func() {
		s.as("admin", "POST", "/v1/credits/refunds", object{"entry_id": entries[0]["id"]}).problem(409, "refund")
	})
}

// An embedder mounts both sides below prefixes, brings its own login, and
// devices sign the URL they call.
func TestTheSidesAreMountedBelowPrefixes(t *testing.T) {
	t.Parallel()
	w := atlastest.New(t, memory.New(memory.Options{}))
	api, err := httpapi.New(w.Service, httpapi.Options{Authenticate: func(r *http.Request) (atlas.Actor, error) {
		if r.Header.Get("X-User") == "" {
			return atlas.Actor{}, fmt.Errorf("nobody: %w", atlas.ErrUnauthenticated)
		}
		return w.Actor(r.Header.Get("X-User")), nil
	}})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/fleet/", http.StripPrefix("/fleet", api.Operators()))
	mux.Handle("/phones/", http.StripPrefix("/phones", api.Devices()))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	s := &server{World: w, Server: srv, t: t, tokens: map[string]string{}}

	require.Equal(t, "north", s.as("", "GET", "/fleet/v1/me", nil, "X-User", "north").status(200).text("username"))
	s.as("", "GET", "/fleet/v1/me", nil).problem(401, "unauthenticated")
	s.as("", "GET", "/fleet/device/v1/jwks.json", nil).problem(404, "not-found")

	code := w.Code("north/1", w.Plan(planOf(2))).Text
	srv.URL += "/phones"
	s.enrolled(code).checkIn(deviceproto.CheckIn{})
}

// Behind a proxy the server can't see the URL that devices call.
func TestTheBaseURLIsWhatDevicesSign(t *testing.T) {
	t.Parallel()
	s := serveWith(t, httpapi.Options{BaseURL: "https://mdm.example.com"}, fleet.Options{})
	p := s.enrolled(s.code("north/1", 1))
	s.send(p.signed("POST", deviceproto.PathCheckIn, []byte("{}"))).problem(401, "unauthenticated")
	var doc struct{ Servers []struct{ URL string } }
	s.as("", "GET", "/openapi.json", nil).status(200).into(&doc)
	require.Equal(t, "https://mdm.example.com", doc.Servers[0].URL)

	req := p.signed("POST", deviceproto.PathCheckIn, []byte("{}"))
	direct := req.URL
	req.URL.Scheme, req.URL.Host, req.Host = "https", "mdm.example.com", ""
	p.sign(req, []byte("{}"))
	direct.Scheme, direct.Host = "http", s.Listener.Addr().String()
	require.Equal(t, 200, s.send(req).StatusCode)
}

func TestAForwardedAddressIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.as("", "GET", "/v1/me", nil, "X-Forwarded-For", "203.0.113.9")
	events := atlastest.SecurityEvents(t, s.Store)
	require.Equal(t, "127.0.0.1", events[len(events)-1].Origin)
}

func TestEveryRequestIsObserved(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	s := serveWith(t, httpapi.Options{Observe: func(route string, status int, _ time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(route, " ", status))
	}}, fleet.Options{})
	s.as("", "GET", "/healthz", nil).status(200)
	s.as("", "GET", "/readyz", nil).status(200)
	s.as("south", "GET", "/v1/devices/x", nil).status(404)
	s.as("south", "GET", "/nothing", nil).status(404)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"GET /healthz 200", "GET /readyz 200", "GET /v1/devices/{id} 404", " 404"}, seen[len(seen)-4:])
}

// What is our own fault is told to the log and not to the client, who gets a
// reference to it.
func TestAnInternalErrorSaysNothing(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	w := atlastest.New(t, st)
	var log bytes.Buffer
	api, err := httpapi.New(w.Service, httpapi.Options{
		Logger:       slog.New(slog.NewTextHandler(&log, nil)),
		Authenticate: func(*http.Request) (atlas.Actor, error) { return w.Actor("north"), nil },
	})
	require.NoError(t, err)
	st.SetFault(func(op string) memory.Fault {
		if op == "devices.List" {
			return memory.Fault{Err: errors.New("disk on fire")}
		}
		return memory.Fault{}
	})
	out := httptest.NewRecorder()
	api.Handler().ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/v1/devices", nil))
	got := reply{Response: out.Result(), body: out.Body.Bytes(), t: t}.problem(500, "internal")
	require.NotContains(t, out.Body.String(), "fire")
	require.NotEmpty(t, got.Instance)
	require.Contains(t, log.String(), strings.TrimPrefix(got.Instance, "urn:uuid:"))
	require.Contains(t, log.String(), "disk on fire")

	st.SetFault(func(string) memory.Fault { return memory.Fault{Err: errors.New("disk on fire")} })
	out = httptest.NewRecorder()
	api.Handler().ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	reply{Response: out.Result(), body: out.Body.Bytes(), t: t}.problem(503, "unavailable")
}

func TestAPanicOfTheEmbeddersIsAnInternalError(t *testing.T) {
	t.Parallel()
	w := atlastest.New(t, memory.New(memory.Options{}))
	api, err := httpapi.New(w.Service, httpapi.Options{Authenticate: func(*http.Request) (atlas.Actor, error) { panic("oops") }})
	require.NoError(t, err)
	out := httptest.NewRecorder()
	api.Handler().ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/v1/me", nil))
	reply{Response: out.Result(), body: out.Body.Bytes(), t: t}.problem(500, "internal")
}

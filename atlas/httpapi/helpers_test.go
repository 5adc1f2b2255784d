package httpapi_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

// server is a world behind HTTP.
type server struct {
	*atlastest.World
	*httptest.Server
	t      *testing.T
	tokens map[string]string
}

func serve(t *testing.T) *server { return serveWith(t, httpapi.Options{}, fleet.Options{}) }

func serveWith(t *testing.T, o httpapi.Options, f fleet.Options) *server {
	t.Helper()
	w := atlastest.NewWith(t, memory.New(memory.Options{}), f)
	api, err := httpapi.New(w.Service, o)
	require.NoError(t, err)
	s := &server{World: w, Server: httptest.NewServer(api.Handler()), t: t, tokens: map[string]string{}}
	t.Cleanup(s.Close)
	if o.Authenticate == nil { // now, so that signing in is no part of what a test does
		for _, name := range []string{"admin", "north", "north/a", "north/1", "south"} {
			s.token(name)
		}
	}
	return s
}

// reply is an answer as read.
type reply struct {
	*http.Response
	body []byte
	t    *testing.T
}

// into reads the body into v.
func (r reply) into(v any) {
	r.t.Helper()
	require.NoError(r.t, json.Unmarshal(r.body, v), string(r.body))
}

// get returns a member of the body, which is an object.
func (r reply) get(path ...string) any {
	r.t.Helper()
	var v any
	r.into(&v)
	for _, p := range path {
		m, ok := v.(map[string]any)
		require.True(r.t, ok, "%s of %s", p, r.body)
		v = m[p]
	}
	return v
}

func (r reply) text(path ...string) string {
	r.t.Helper()
	s, ok := r.get(path...).(string)
	require.True(r.t, ok, "%v of %s", path, r.body)
	return s
}

func (r reply) items() []map[string]any {
	r.t.Helper()
	var v struct{ Items []map[string]any }
	r.into(&v)
	return v.Items
}

// status requires the status.
func (r reply) status(want int) reply {
	r.t.Helper()
	require.Equal(r.t, want, r.StatusCode, string(r.body))
	return r
}

// problem requires a problem of that status and type.
func (r reply) problem(status int, kind string) httpapi.Problem {
	r.t.Helper()
	r.status(status)
	require.Equal(r.t, "application/problem+json", r.Header.Get("Content-Type"))
	var p httpapi.Problem
	r.into(&p)
	require.Equal(r.t, "urn:atlas:problem:"+kind, p.Type)
	require.Equal(r.t, status, p.Status)
	return p
}

func (s *server) request(method, path string, body io.Reader) *http.Request {
	s.t.Helper()
	req, err := http.NewRequest(method, s.URL+path, body)
	require.NoError(s.t, err)
	return req
}

func (s *server) send(req *http.Request) reply {
	s.t.Helper()
	resp, err := s.Client().Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return reply{Response: resp, body: body, t: s.t}
}

// token signs the account of that name in, once.
func (s *server) token(name string) string {
	s.t.Helper()
	if s.tokens[name] == "" {
		req := s.request("POST", "/v1/sessions", encoded(s.t, map[string]string{
			"username": strings.ReplaceAll(name, "/", "."), "password": atlastest.Password,
		}))
		req.Header.Set("Content-Type", "application/json")
		s.tokens[name] = s.send(req).status(201).text("token")
	}
	return s.tokens[name]
}

// as makes a request as an account; body may be nil, text, or what is sent as
// JSON. fields are names and values of header fields.
func (s *server) as(name, method, path string, body any, fields ...string) reply {
	s.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case io.Reader:
		r = b
	default:
		r = encoded(s.t, b)
	}
	req := s.request(method, path, r)
	if r != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if name != "" {
		req.Header.Set("Authorization", "Bearer "+s.token(name))
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	return s.send(req)
}

func encoded(t *testing.T, v any) io.Reader {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return bytes.NewReader(b)
}

type object = map[string]any

// refused requires that do leaves the store as it was, and exactly as many
// security events as given.
func (s *server) refused(events int, do func()) {
	s.t.Helper()
	before, seen := atlastest.Contents(s.t, s.Store), len(atlastest.SecurityEvents(s.t, s.Store))
	do()
	require.True(s.t, before == atlastest.Contents(s.t, s.Store), "a refusal changed something")
	require.Len(s.t, atlastest.SecurityEvents(s.t, s.Store), seen+events)
}

// code issues a code of a free plan for an account.
func (s *server) code(owner string, devices int) string {
	s.t.Helper()
	plan := s.as("admin", "POST", "/v1/plans", object{"name": "Free", "days": 30, "devices": devices, "price": 0, "charge": "on_issue"}).status(201).text("id")
	codes := s.as("admin", "POST", "/v1/activation-codes", object{"plan_id": plan, "count": 1, "owner_id": s.ID(owner)}).status(201)
	return codes.items()[0]["code"].(string)
}

// tiny is a real APK.
func tiny(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../apk/testdata/" + name)
	require.NoError(t, err)
	return b
}

// upload sends a file as an account.
func (s *server) upload(name string, file []byte, fields ...string) reply {
	s.t.Helper()
	return s.as(name, "POST", "/v1/apks", bytes.NewReader(file), append([]string{"Content-Type", "application/vnd.android.package-archive"}, fields...)...)
}

// phone speaks the device protocol.
type phone struct {
	s       *server
	key     ed25519.PrivateKey
	id      string
	keyID   string
	keys    lease.JWKS
	counter uint64
}

func (s *server) newPhone() *phone {
	s.t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(s.t, err)
	id, err := httpsig.KeyID(key.Public())
	require.NoError(s.t, err)
	return &phone{s: s, key: key, keyID: id}
}

// enrol sends an enrolment.
func (p *phone) enrol(code string) reply {
	p.s.t.Helper()
	pub, err := httpsig.MarshalPublicKey(p.key.Public())
	require.NoError(p.s.t, err)
	return p.s.as("", "POST", deviceproto.PathEnrol, deviceproto.Enrol{
		ActivationCode: code, PublicKey: pub, Device: deviceproto.Device{Name: "Phone", Model: "One", SDK: 34},
		Capabilities: []string{"app.install", "app.uninstall", "device.sync", "device.reboot"},
	})
}

// enrolled enrols and keeps the answer.
func (s *server) enrolled(code string) *phone {
	s.t.Helper()
	p := s.newPhone()
	var in deviceproto.Enrolled
	p.enrol(code).status(201).into(&in)
	keys, err := lease.ParseJWKS(in.Keys)
	require.NoError(s.t, err)
	p.id, p.keys = in.DeviceID, keys
	require.Equal(s.t, p.keyID, in.KeyID)
	return p
}

// signed makes the phone's next request, without sending it.
func (p *phone) signed(method, path string, body []byte) *http.Request {
	p.s.t.Helper()
	req := p.s.request(method, path, bytes.NewReader(body))
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	p.sign(req, body)
	return req
}

// verified sends a signed request and requires that the answer is signed.
func (p *phone) verified(req *http.Request) reply {
	p.s.t.Helper()
	r := p.s.send(req)
	_, err := httpsig.VerifyResponse(r.Response, req, r.body, func(id string) (crypto.PublicKey, error) {
		key, ok := p.keys.Key(id)
		require.True(p.s.t, ok, "answer by key %s", id)
		return key, nil
	})
	require.NoError(p.s.t, err, string(r.body))
	return r
}

func (p *phone) checkIn(in deviceproto.CheckIn) deviceproto.Orders {
	p.s.t.Helper()
	b, err := json.Marshal(in)
	require.NoError(p.s.t, err)
	var out deviceproto.Orders
	p.verified(p.signed("POST", deviceproto.PathCheckIn, b)).status(200).into(&out)
	return out
}

// done reports that commands succeeded.
func done(cs ...deviceproto.Command) deviceproto.CheckIn {
	var in deviceproto.CheckIn
	for _, c := range cs {
		in.Results = append(in.Results, deviceproto.Report{CommandID: c.ID, Attempt: c.Attempt, Outcome: "succeeded"})
	}
	return in
}

// planOf is a free plan for some devices.
func planOf(devices int64) activation.Plan { return activation.Plan{Devices: devices} }

// sign signs a request again, as it is now.
func (p *phone) sign(req *http.Request, body []byte) {
	p.s.t.Helper()
	p.counter++
	require.NoError(p.s.t, httpsig.Sign(req, body, p.key, httpsig.Params{KeyID: p.keyID, Created: p.s.Now(), Counter: p.counter}))
}

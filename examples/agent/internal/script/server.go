// Package script is a server of the device protocol for tests: small, with
// the real signatures, leases and replay windows, and as unreliable or
// hostile as a test asks for.
package script

import (
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
	"github.com/atlas-mdm/atlas-go/atlas/security/replay"
)

// Fault is what goes wrong with one request.
type Fault string

// The faults.
const (
	None       Fault = ""
	Lost       Fault = "lost"        // the server acts, and the connection breaks before its answer
	Refused    Fault = "refused"     // 503 from something in between, unsigned
	Unsigned   Fault = "unsigned"    // the right answer without a signature
	ForeignKey Fault = "foreign key" // the right answer, signed by somebody else
	OtherOne   Fault = "other one"   // the answer to an earlier request
	Forgotten  Fault = "forgotten"   // the server lost its replay window and skips ahead
	Unknown    Fault = "unknown"     // the server does not know the device any more
	BadProblem Fault = "bad problem" // an unsigned problem that tells a counter and a time
)

// Server is the scripted server. Its fields may be set between requests.
type Server struct {
	*httptest.Server

	mu sync.Mutex
	// Now is the server's time.
	Now time.Time
	// Fault decides about each request by its path; nil: nothing is wrong.
	Fault func(path string) Fault
	// Files are the packages by digest; File, if set, answers downloads that
	// have a good signature in their place.
	Files map[string][]byte
	File  http.HandlerFunc
	// Activation is the word that check-ins answer.
	Activation string
	// Redeliver makes every check-in answer all commands, ended or not.
	Redeliver bool
	// NewKeys is told in every check-in if it is set.
	NewKeys json.RawMessage
	// Wake is what waits answer.
	Wake bool

	Commands []deviceproto.Command
	Ended    map[string]deviceproto.Report // by id and attempt
	Reports  []deviceproto.Report          // all that came, repeats too
	Apps     []deviceproto.App
	Device   deviceproto.Device
	Counters []uint64 // of all requests with a good signature
	Ranges   []string // of all downloads
	Enrolled int      // devices made
	Asked    map[string]int

	key    ed25519.PrivateKey
	device crypto.PublicKey
	spki   string
	window replay.Window
	last   *http.Request // an earlier request, with its answer
}

// Start returns a running server with the code "CODE".
func Start(now time.Time) *Server {
	s := &Server{
		Now: now, Activation: "active", Files: map[string][]byte{}, Ended: map[string]deviceproto.Report{}, Asked: map[string]int{},
		key: ed25519.NewKeyFromSeed([]byte("server key, random in real life.")),
	}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

// With runs f while no request is served.
func (s *Server) With(f func(*Server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// Send queues a command of attempt 1 with those parameters.
func (s *Server) Send(id, kind string, params any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, err := json.Marshal(params)
	if err != nil {
		panic(err) // a mistake in the test
	}
	s.Commands = append(s.Commands, deviceproto.Command{
		ID: id, Attempt: 1, Kind: kind, Params: raw, CreatedAt: s.Now, ExpiresAt: s.Now.Add(7 * 24 * time.Hour),
	})
}

// ID names an attempt in [Server.Ended].
func ID(command string, attempt int64) string { return fmt.Sprintf("%s#%d", command, attempt) }

// Key is the server's signing key.
func (s *Server) Key() ed25519.PrivateKey { return s.key }

// Forget makes the server expect counters above the ceiling.
func (s *Server) Forget(ceiling uint64) { s.With(func(s *Server) { s.window = replay.After(ceiling) }) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, deviceproto.MaxBody))
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.URL.Path
	if strings.HasPrefix(path, deviceproto.PathAPK) {
		path = deviceproto.PathAPK
	}
	s.Asked[path]++
	fault := None
	if s.Fault != nil {
		fault = s.Fault(path)
	}
	if fault == Refused {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if path == deviceproto.PathEnrol {
		s.enrol(w, body, fault)
		return
	}
	a := s.answer(r, body, path, fault)
	if a.file {
		s.download(w, r)
		return
	}
	s.write(w, r, a, fault)
}

// answer is what is to be said, and whether it is a download's file.
type answer struct {
	status int
	body   any
	file   bool
}

func (s *Server) answer(r *http.Request, body []byte, path string, fault Fault) answer {
	if p := s.authenticate(r, body, fault); p != nil {
		return answer{status: p.Status, body: p}
	}
	switch path {
	case deviceproto.PathCheckIn:
		var in deviceproto.CheckIn
		if err := json.Unmarshal(body, &in); err != nil {
			return answer{status: http.StatusBadRequest, body: deviceproto.Problem{Status: http.StatusBadRequest, Title: err.Error()}}
		}
		return answer{status: http.StatusOK, body: s.checkIn(in)}
	case deviceproto.PathWait:
		return answer{status: http.StatusOK, body: deviceproto.Wake{Commands: s.Wake}}
	case deviceproto.PathAPK:
		return answer{file: true}
	}
	return answer{status: http.StatusNotFound, body: deviceproto.Problem{Status: http.StatusNotFound, Title: "Not Found"}}
}

// authenticate returns the problem of a request that is refused.
func (s *Server) authenticate(r *http.Request, body []byte, fault Fault) *deviceproto.Problem {
	no := func(kind string) *deviceproto.Problem {
		return &deviceproto.Problem{Type: kind, Title: "Unauthorized", Status: http.StatusUnauthorized}
	}
	p, unverified, err := httpsig.Parse(r, httpsig.Options{})
	if err != nil || s.device == nil || fault == Unknown {
		return no(deviceproto.ProblemUnknown)
	}
	if err := unverified.Verify(s.device, body); err != nil {
		return no("about:blank")
	}
	s.Counters = append(s.Counters, p.Counter)
	if err := httpsig.Fresh(p.Created, s.Now, httpsig.DefaultSkew); err != nil {
		out, now := no(deviceproto.ProblemClock), s.Now
		out.ServerTime = &now
		return out
	}
	if fault == Forgotten {
		s.window = replay.After(p.Counter + 500)
	}
	next, err := s.window.Accept(p.Counter)
	if err != nil {
		out := no(deviceproto.ProblemReplay)
		out.Counter = s.window.Highest
		return out
	}
	s.window = next
	return nil
}

func (s *Server) enrol(w http.ResponseWriter, body []byte, fault Fault) {
	var in deviceproto.Enrol
	err := json.Unmarshal(body, &in)
	if err == nil && in.ActivationCode != "CODE" {
		err = errors.New("no such code")
	}
	if err == nil {
		s.device, err = httpsig.ParsePublicKey(in.PublicKey)
	}
	if err != nil || s.spki != "" && s.spki != string(in.PublicKey) {
		w.WriteHeader(http.StatusConflict)
		_ = json.NewEncoder(w).Encode(deviceproto.Problem{Title: "Conflict", Detail: fmt.Sprint(err)})
		return
	}
	if s.spki == "" {
		s.Enrolled++
	}
	s.spki = string(in.PublicKey)
	if fault == Lost {
		hangUp(w)
		return
	}
	keys, err := json.Marshal(lease.JWKS{s.key.Public().(ed25519.PublicKey)})
	id, ierr := httpsig.KeyID(s.device)
	if err = errors.Join(err, ierr); err != nil {
		panic(err)
	}
	_ = json.NewEncoder(w).Encode(deviceproto.Enrolled{
		DeviceID: "device-1", SupportID: "7K2M9QXR", KeyID: id, Lease: s.Lease("active"), Counter: s.window.Highest, Keys: keys, ServerTime: s.Now,
	})
}

// Lease returns a lease of the server's for the device, in the plan's usual
// times: a day, and three days of grace.
func (s *Server) Lease(state string) string {
	signer, err := lease.NewSigner(s.key)
	if err != nil {
		panic(err)
	}
	day := 24 * time.Hour
	token, err := signer.Sign(lease.Lease{
		ID: "lease-1", Device: atlas.DeviceID("device-1"), Issuer: "https://mdm.example.com", Plan: "standard", State: state,
		IssuedAt: s.Now, NextCheck: s.Now.Add(day), Expires: s.Now.Add(day), GraceUntil: s.Now.Add(4 * day),
	})
	if err != nil {
		panic(err)
	}
	return token
}

func (s *Server) checkIn(in deviceproto.CheckIn) deviceproto.Orders {
	for _, r := range in.Results {
		s.Reports = append(s.Reports, r)
		if r.Outcome != "acknowledged" {
			s.Ended[ID(r.CommandID, r.Attempt)] = r
		}
	}
	if in.Apps != nil {
		s.Apps = *in.Apps
	}
	if in.Device != nil {
		s.Device = *in.Device
	}
	out := deviceproto.Orders{
		Commands: []deviceproto.Command{}, Activation: s.Activation, AgentEnabled: true, NextCheckIn: 300, ServerTime: s.Now, Keys: s.NewKeys,
	}
	if s.Activation == "active" {
		out.Lease = s.Lease("active")
	}
	for _, c := range s.Commands {
		if _, ended := s.Ended[ID(c.ID, c.Attempt)]; !ended || s.Redeliver {
			out.Commands = append(out.Commands, c)
		}
	}
	if s.Redeliver { // twice in one answer, too
		out.Commands = append(out.Commands, slices.Clone(out.Commands)...)
	}
	return out
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, a answer, fault Fault) {
	if fault == BadProblem {
		later := s.Now.Add(1000 * time.Hour)
		a = answer{status: http.StatusUnauthorized, body: deviceproto.Problem{Type: deviceproto.ProblemReplay, Counter: 1 << 40, ServerTime: &later}}
	}
	raw, err := json.Marshal(a.body)
	if err != nil {
		panic(err)
	}
	key, signed := s.key, r
	switch fault {
	case Lost:
		hangUp(w)
		return
	case ForeignKey:
		key = ed25519.NewKeyFromSeed([]byte("someone's key, not the server's."))
	case OtherOne:
		if signed = s.last; signed == nil {
			signed = r
		}
	default:
		s.last = r
	}
	if fault != Unsigned && fault != BadProblem {
		p := httpsig.ResponseParams{KeyID: lease.Thumbprint(s.key.Public().(ed25519.PublicKey)), Created: s.Now}
		if err := httpsig.SignResponse(w.Header(), signed, a.status, raw, key, p); err != nil {
			w.Header().Del("Signature")
		}
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(raw)
}

func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	s.Ranges = append(s.Ranges, r.Header.Get("Range"))
	if s.File != nil {
		s.File(w, r)
		return
	}
	sum := strings.TrimPrefix(r.URL.Path, deviceproto.PathAPK)
	content, ok := s.Files[sum]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", `"`+sum+`"`)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(content)))
}

// hangUp breaks the connection without an answer.
func hangUp(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_ = c.Close()
}

package main_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
	"github.com/atlas-mdm/atlas-go/examples/agent/device"
	"github.com/atlas-mdm/atlas-go/store/postgres/postgrestest"
)

// kills is how often the server is killed on each database.
const kills = 50

func TestNothingIsLostOrDoubledWhenTheServerIsKilledOnSQLite(t *testing.T) {
	if testing.Short() {
		t.Skip("50 kills take a minute")
	}
	dir := t.TempDir()
	survive(t, "sqlite:"+filepath.Join(dir, "atlas.db"), dir)
}

func TestNothingIsLostOrDoubledWhenTheServerIsKilledOnPostgreSQL(t *testing.T) {
	if testing.Short() {
		t.Skip("50 kills take a minute")
	}
	survive(t, postgrestest.DSN(t), t.TempDir())
}

// survive loads the server from several sides, kills it with SIGKILL in the
// middle of that, starts it again, and repeats. Every request whose answer
// was lost is sent again with the same idempotency key. In the end each must
// have had its effect exactly once.
func survive(t *testing.T, store, data string) {
	s := start(t, store, data)
	w := prepare(t, s)
	agents, stop := w.agents(t, 2)
	for round := range kills {
		w.round(t, time.Duration(40+rand.IntN(160))*time.Millisecond, agents)
		s.kill(t)
		w.senders.Wait()
		s.run(t)
		w.login(t)
		w.repeatLost(t)
		if round%10 == 9 {
			w.check(t)
		}
	}
	w.settle(t, agents)
	stop()
	w.check(t)
	w.checkAudit(t)
	t.Logf("%d kills: %d transfers, %d codes, %d devices, %d commands; %d answers were lost and asked for again",
		kills, w.done[opTransfer], w.done[opIssue], w.done[opEnrol], w.done[opCommand], w.lostTotal)
}

// server is the program under test in a process of its own.
type server struct {
	bin, addr, store, data string
	args                   []string // further ones
	cmd                    *exec.Cmd
}

func start(t *testing.T, store, data string) *server {
	t.Helper()
	s := build(t, store, data)
	s.run(t)
	return s
}

// build returns a server that does not run yet.
func build(t *testing.T, store, data string) *server {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "mdm")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	s := &server{bin: bin, addr: freeAddr(t), store: store, data: data}
	t.Cleanup(func() { s.kill(t) })
	return s
}

const adminPassword = "correct horse battery staple"

func (s *server) run(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(s.bin, append(s.args, "-addr", s.addr, "-store", s.store, "-data", s.data)...)
	s.cmd.Env = append(os.Environ(), "ATLAS_ADMIN_PASSWORD="+adminPassword)
	log, err := os.OpenFile(filepath.Join(s.data, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	require.NoError(t, s.cmd.Start())
	require.Eventually(t, func() bool {
		resp, err := http.Get(s.url("/readyz"))
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, 30*time.Second, 10*time.Millisecond, "server does not become ready")
}

func (s *server) url(path string) string { return "http://" + s.addr + path }

func (s *server) kill(t *testing.T) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGKILL))
	_ = s.cmd.Wait() // it was killed
	s.cmd = nil
}

// op is a kind of request in the load.
type op int

const (
	opTransfer op = iota
	opIssue
	opEnrol
	opCommand
	ops
)

// request is one intention: sent until it is answered, always with the same
// key and body.
type request struct {
	op   op
	path string
	key  string
	body []byte
}

// load is the world that the requests act on, and what became of them.
type load struct {
	s                      *server
	token, shop, sub, plan string

	senders sync.WaitGroup

	mu        sync.Mutex
	done      [ops]int
	lost      []request
	lostTotal int
	codes     []string // issued and not redeemed yet
	keys      atomic.Int64
	reboots   atomic.Int64
}

const credits = 1_000_000

func prepare(t *testing.T, s *server) *load {
	t.Helper()
	w := &load{s: s}
	w.login(t)
	var me struct {
		ID string `json:"id"`
	}
	w.get(t, "/v1/me", &me)
	account := func(role, name, parent string) string {
		return w.create(t, "/v1/accounts", map[string]any{
			"username": name, "display_name": name, "role": role, "parent_id": parent, "password": "another long password",
		})
	}
	w.shop = account("reseller", "shop", me.ID)
	w.sub = account("sub_reseller", "sub", w.shop)
	w.create(t, "/v1/credits/grants", map[string]any{"account_id": w.shop, "amount": credits})
	w.plan = w.create(t, "/v1/plans", map[string]any{
		"name": "Month", "days": 30, "devices": 1, "price": 2, "charge": "on_redeem", "grace_hours": 48, "redeem_days": 0,
	})
	return w
}

func (w *load) login(t *testing.T) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"username": "admin", "password": adminPassword})
	require.NoError(t, err)
	status, answer, err := w.send(request{path: "/v1/sessions", body: body})
	require.NoError(t, err)
	require.Less(t, status, 300, string(answer))
	var got struct {
		Token string `json:"token"`
	}
	require.NoError(t, json.Unmarshal(answer, &got))
	w.token = got.Token
}

// send sends one request. An error means that the outcome is unknown.
func (w *load) send(r request) (int, []byte, error) {
	req, err := http.NewRequest(http.MethodPost, w.s.url(r.path), bytes.NewReader(r.body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if w.token != "" {
		req.Header.Set("Authorization", "Bearer "+w.token)
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

func (w *load) create(t *testing.T, path string, body any) string {
	t.Helper()
	b, err := json.Marshal(body)
	require.NoError(t, err)
	status, answer, err := w.send(request{path: path, body: b, key: path + string(b)[:min(len(b), 100)]})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, status, string(answer))
	var got struct {
		ID string `json:"id"`
	}
	require.NoError(t, json.Unmarshal(answer, &got))
	return got.ID
}

func (w *load) get(t *testing.T, path string, out any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.s.url(path), nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+w.token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", path, answer)
	require.NoError(t, json.Unmarshal(answer, out))
}

// next makes up another intention.
func (w *load) next(agents []*device.Agent) request {
	switch op(rand.IntN(int(ops))) {
	case opTransfer:
		r := w.request(opTransfer, "/v1/credits/transfers", nil)
		return r.with(map[string]any{"from": w.shop, "to": w.sub, "amount": 1, "memo": r.key})
	case opEnrol:
		if code := w.takeCode(); code != "" {
			r := w.request(opEnrol, deviceproto.PathEnrol, enrolment(code))
			r.key = "" // the code and the device's key are its identity
			return r
		}
	case opCommand:
		id := agents[rand.IntN(len(agents))].Status().DeviceID
		return w.request(opCommand, "/v1/commands", map[string]any{"kind": "device.reboot", "target": map[string]any{"device_ids": []string{id}}})
	}
	return w.issue()
}

func (w *load) issue() request {
	return w.request(opIssue, "/v1/activation-codes", map[string]any{"plan_id": w.plan, "count": 1, "owner_id": w.shop})
}

func (w *load) request(o op, path string, body any) request {
	return request{op: o, path: path, key: fmt.Sprintf("k%d", w.keys.Add(1))}.with(body)
}

func (r request) with(body any) request {
	r.body, _ = json.Marshal(body) // maps of texts and numbers
	return r
}

func enrolment(code string) deviceproto.Enrol {
	pub, _, _ := ed25519.GenerateKey(nil)
	der, _ := httpsig.MarshalPublicKey(pub)
	return deviceproto.Enrol{ActivationCode: code, PublicKey: der, Capabilities: []string{"device.sync"}}
}

func (w *load) takeCode() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.codes) == 0 {
		return ""
	}
	code := w.codes[0]
	w.codes = w.codes[1:]
	return code
}

// round sends requests from several sides and returns after d; what is under
// way then goes on until the server is killed.
func (w *load) round(t *testing.T, d time.Duration, agents []*device.Agent) {
	for range 6 {
		w.senders.Go(func() {
			for {
				r := w.next(agents)
				if !w.settleOne(t, r) {
					w.mu.Lock()
					w.lost = append(w.lost, r)
					w.lostTotal++
					w.mu.Unlock()
					return
				}
			}
		})
	}
	time.Sleep(d) // the load is real time's
}

// settleOne sends r and reports whether it was answered.
func (w *load) settleOne(t *testing.T, r request) bool {
	status, answer, err := w.send(r)
	if err != nil || status >= 500 {
		return false
	}
	if r.op == opCommand && status == http.StatusTooManyRequests {
		return true // the device has enough to do; nothing was queued
	}
	if status >= 300 {
		t.Errorf("%s: %d: %s", r.path, status, answer)
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[r.op]++
	if r.op == opIssue {
		var got struct {
			Items []struct {
				Code string `json:"code"`
			} `json:"items"`
		}
		if err := json.Unmarshal(answer, &got); err != nil || len(got.Items) != 1 {
			t.Errorf("issued codes: %s", answer)
			return true
		}
		w.codes = append(w.codes, got.Items[0].Code)
	}
	return true
}

// repeatLost sends again what was not answered, until it is.
func (w *load) repeatLost(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		w.mu.Lock()
		lost := w.lost
		w.lost = nil
		w.mu.Unlock()
		for i, r := range lost {
			if !w.settleOne(t, r) {
				w.mu.Lock()
				w.lost = append(w.lost, lost[i:]...)
				w.mu.Unlock()
				return false
			}
		}
		return true
	}, 30*time.Second, 20*time.Millisecond)
}

// agents are phones that go on through every kill.
func (w *load) agents(t *testing.T, n int) ([]*device.Agent, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var g sync.WaitGroup
	var out []*device.Agent
	for i := range n {
		require.True(t, w.settleOne(t, w.issue()))
		a, err := device.Open("http://"+w.s.addr, filepath.Join(t.TempDir(), fmt.Sprint(i)), counting{&w.reboots}, device.Options{})
		require.NoError(t, err)
		require.NoError(t, a.Enroll(ctx, w.takeCode()))
		w.done[opEnrol]++
		g.Go(func() {
			for ctx.Err() == nil {
				if err := a.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("agent: %v", err)
					return
				}
			}
		})
		out = append(out, a)
	}
	return out, func() {
		cancel()
		g.Wait()
	}
}

// counting is a device on which reboots are counted and nothing else happens.
type counting struct{ reboots *atomic.Int64 }

func (c counting) Install(context.Context, string, deviceproto.Install) error { return nil }
func (c counting) Uninstall(context.Context, string) error                    { return nil }
func (c counting) ClearCache(context.Context, string) error                   { return nil }
func (c counting) ClearData(context.Context, string) error                    { return nil }
func (c counting) Reboot(context.Context) error                               { c.reboots.Add(1); return nil }
func (c counting) Apps(context.Context) ([]deviceproto.App, error)            { return nil, nil }

// settle waits until every command is at its end.
func (w *load) settle(t *testing.T, agents []*device.Agent) {
	t.Helper()
	require.Eventually(t, func() bool {
		open := 0
		for _, a := range agents {
			for _, c := range each[command](t, w, "/v1/devices/"+a.Status().DeviceID+"/commands") {
				if c.State != "succeeded" {
					open++
				}
			}
		}
		return open == 0
	}, 2*time.Minute, 200*time.Millisecond, "commands remain open")
	total := 0
	for _, a := range agents {
		for _, c := range each[command](t, w, "/v1/devices/"+a.Status().DeviceID+"/commands") {
			if c.Kind == "device.reboot" {
				total++
			}
		}
	}
	require.Equal(t, w.done[opCommand], total, "commands")
	require.EqualValues(t, total, w.reboots.Load(), "each command ran exactly once")
}

type command struct {
	ID, Kind, State string
}

// each reads all pages of a list.
func each[T any](t *testing.T, w *load, path string) (all []T) {
	t.Helper()
	for cursor := ""; ; {
		var page struct {
			Items      []T    `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		w.get(t, path+"?limit=200&cursor="+cursor, &page)
		all = append(all, page.Items...)
		if cursor = page.NextCursor; cursor == "" {
			return all
		}
	}
}

// check compares what is stored with what was answered.
func (w *load) check(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	done := w.done
	w.mu.Unlock()
	var sub, shop struct{ Balance, Held, Available int }
	w.get(t, "/v1/accounts/"+w.sub+"/credits", &sub)
	require.Equal(t, done[opTransfer], sub.Balance, "transfers")
	w.get(t, "/v1/accounts/"+w.shop+"/credits", &shop)
	require.Equal(t, credits-done[opTransfer]-2*done[opEnrol], shop.Balance, "activations are paid for once")
	require.Equal(t, 2*(done[opIssue]-done[opEnrol]), shop.Held, "codes that nobody used")
	require.Len(t, each[struct{}](t, w, "/v1/activation-codes"), done[opIssue], "codes")
	require.Len(t, each[struct{}](t, w, "/v1/devices"), done[opEnrol], "devices")
}

// checkAudit counts the audit events of the load.
func (w *load) checkAudit(t *testing.T) {
	t.Helper()
	count := map[string]int{}
	for _, e := range each[struct{ Action string }](t, w, "/v1/audit") {
		count[e.Action]++
	}
	require.Equal(t, w.done[opTransfer], count["credit.transfer"])
	require.Equal(t, w.done[opIssue], count["activation_code.issue"])
	require.Equal(t, w.done[opEnrol], count["device.enrol"])
	require.Equal(t, w.done[opCommand], count["command.send"])
}

package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/examples/agent/device"
	"github.com/atlas-mdm/atlas-go/store/postgres/postgrestest"
)

func TestTheMainJobOnTheMemoryStore(t *testing.T) {
	t.Parallel()
	s := start(t, "memory:", t.TempDir())
	mainJob(t, s, s)
}

func TestTheMainJobOnSQLite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, "sqlite:"+filepath.Join(dir, "atlas.db"), dir)
	mainJob(t, s, s)
}

func TestTheMainJobOnPostgreSQLWithTwoServers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one := start(t, postgrestest.DSN(t), dir)
	two := &server{bin: one.bin, addr: freeAddr(t), store: one.store, data: dir}
	two.run(t)
	t.Cleanup(func() { two.kill(t) })
	mainJob(t, one, two)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// mainJob is the whole story over HTTP: operators talk to the one server, the
// phone to the other.
func mainJob(t *testing.T, office, field *server) {
	admin := &api{s: office}
	admin.login(t, "admin", adminPassword)
	boss := admin.get(t, "/v1/me")["id"]
	shop := admin.post(t, "/v1/accounts", `{"username":"north","display_name":"North Mobile","role":"reseller","parent_id":%q,"password":"another long password"}`, boss)["id"]
	admin.post(t, "/v1/accounts", `{"username":"south","display_name":"South","role":"reseller","parent_id":%q,"password":"another long password"}`, boss)
	admin.post(t, "/v1/credits/grants", `{"account_id":%q,"amount":100,"memo":"invoice 1"}`, shop)
	plan := admin.post(t, "/v1/plans", `{"name":"Year","days":365,"devices":1,"price":10,"charge":"on_redeem","grace_hours":24,"redeem_days":30}`)["id"]

	north, south := &api{s: office}, &api{s: office}
	north.login(t, "north", "another long password")
	south.login(t, "south", "another long password")
	codes := north.post(t, "/v1/activation-codes", `{"plan_id":%q,"count":2,"owner_id":%q}`, plan, shop)["items"].([]any)
	code := codes[0].(map[string]any)["code"].(string)

	phone, stop := field.phone(t, code)
	defer stop()
	id := phone.agent.Status().DeviceID
	require.EqualValues(t, 90, north.get(t, "/v1/accounts/"+shop.(string)+"/credits")["balance"])
	south.refused(t, "/v1/devices/"+id, http.StatusNotFound)

	app := north.upload(t, "../../apk/testdata/tiny.apk")
	require.Equal(t, "dev.atlasmdm.tiny", app["package"])
	north.eventually(t, "/v1/apks/"+app["id"].(string), "state", "clean")
	south.refused(t, "/v1/apks/"+app["id"].(string), http.StatusNotFound)
	north.post(t, "/v1/apks/"+app["id"].(string)+"/assignments", `{"account_id":%q}`, shop)
	sent := north.post(t, "/v1/commands", `{"kind":"app.install","target":{"device_ids":[%q]},"params":{"apk_id":%q}}`, id, app["id"])
	north.eventually(t, "/v1/commands/"+sent["id"].(string), "state", "succeeded")

	apps, err := phone.executor.Apps(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 1)
	require.Equal(t, app["sha256"], apps[0].SHA256)
	admin.eventually(t, "/v1/audit?limit=1", "sealed", true)
}

// phone is a real agent with a folder for a device.
type phone struct {
	agent    *device.Agent
	executor device.FolderExecutor
}

func (s *server) phone(t *testing.T, code string) (phone, func()) {
	t.Helper()
	dir := t.TempDir()
	x := device.FolderExecutor{Dir: filepath.Join(dir, "device")}
	a, err := device.Open("http://"+s.addr, filepath.Join(dir, "agent"), x, device.Options{})
	require.NoError(t, err)
	require.NoError(t, a.Enroll(t.Context(), code))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = a.Run(ctx)
	}()
	return phone{agent: a, executor: x}, func() {
		cancel()
		<-done
	}
}

// api is an operator.
type api struct {
	s     *server
	token string
	calls int
}

func (a *api) login(t *testing.T, username, password string) {
	t.Helper()
	a.token = a.post(t, "/v1/sessions", `{"username":%q,"password":%q}`, username, password)["token"].(string)
}

func (a *api) do(t *testing.T, method, path, contentType string, body io.Reader) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.s.url(path), body)
	require.NoError(t, err)
	if body != nil {
		a.calls++
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Idempotency-Key", fmt.Sprint(a.calls))
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var out map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
	return resp.StatusCode, out
}

func (a *api) post(t *testing.T, path, format string, args ...any) map[string]any {
	t.Helper()
	status, out := a.do(t, http.MethodPost, path, "application/json", bytes.NewBufferString(fmt.Sprintf(format, args...)))
	require.Less(t, status, 300, "%s: %v", path, out)
	return out
}

func (a *api) get(t *testing.T, path string) map[string]any {
	t.Helper()
	status, out := a.do(t, http.MethodGet, path, "", nil)
	require.Equal(t, http.StatusOK, status, "%s: %v", path, out)
	return out
}

func (a *api) refused(t *testing.T, path string, want int) {
	t.Helper()
	status, out := a.do(t, http.MethodGet, path, "", nil)
	require.Equal(t, want, status, "%s: %v", path, out)
}

func (a *api) upload(t *testing.T, file string) map[string]any {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	status, out := a.do(t, http.MethodPost, "/v1/apks", "application/vnd.android.package-archive", f)
	require.Equal(t, http.StatusCreated, status, "%v", out)
	return out
}

// eventually waits until the answer, or the first item of it, has the value.
func (a *api) eventually(t *testing.T, path, field string, want any) {
	t.Helper()
	var got map[string]any
	require.Eventually(t, func() bool {
		got = a.get(t, path)
		if items, ok := got["items"].([]any); ok && len(items) > 0 {
			got = items[0].(map[string]any)
		}
		return got[field] == want
	}, time.Minute, 50*time.Millisecond, "%s never has %s %v", path, field, want)
}

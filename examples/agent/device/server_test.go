package device_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/examples/agent/device"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

// product is the agent against the product's own server.
type product struct {
	*atlastest.World
	t     *testing.T
	url   string
	dir   string
	opt   device.Options
	phone device.FolderExecutor
	agent *device.Agent
	drop  atomic.Int64 // answers to lose
}

func newProduct(t *testing.T) *product {
	t.Helper()
	p := &product{World: atlastest.New(t, memory.New(memory.Options{})), t: t, dir: t.TempDir()}
	p.phone = device.FolderExecutor{Dir: filepath.Join(p.dir, "phone"), SDK: 34}
	api, err := httpapi.New(p.Service, httpapi.Options{})
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.Handler().ServeHTTP(w, r)
		if p.drop.Add(-1) >= 0 {
			panic(http.ErrAbortHandler) // everything was done, and nobody hears of it
		}
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	p.opt = device.Options{
		Clock: p.Clock.Now, Elapsed: func() time.Duration { return p.Clock.Now().Sub(atlastest.Start) },
		Sleep: func(ctx context.Context, d time.Duration) error { p.Clock.Advance(d); return ctx.Err() },
	}
	p.open()
	t.Cleanup(func() { _ = p.agent.Close() })
	code := p.Code("north/a/1", p.Plan(activation.Plan{}))
	require.NoError(t, p.agent.Enroll(t.Context(), code.Text))
	return p
}

func (p *product) open() {
	p.t.Helper()
	var err error
	p.agent, err = device.Open(p.url, filepath.Join(p.dir, "state"), p.phone, p.opt)
	require.NoError(p.t, err)
}

func (p *product) id() atlas.DeviceID { return atlas.DeviceID(p.agent.Status().DeviceID) }

// release takes one of the real packages through quarantine and assigns it.
func (p *product) release(name string) intake.Package {
	p.t.Helper()
	f, err := os.Open(testdata + name)
	require.NoError(p.t, err)
	defer f.Close()
	ctx, actor := p.t.Context(), p.Actor("north/a")
	pkg, err := p.UploadAPK(ctx, actor, fleet.Upload{FileName: name}, f)
	require.NoError(p.t, err)
	_, err = p.ScanPending(ctx)
	require.NoError(p.t, err)
	_, err = p.AssignAPK(ctx, actor, "", pkg.ID, fleet.AssignTarget{AccountID: p.ID("north/a")})
	require.NoError(p.t, err)
	return pkg
}

func (p *product) send(kind commands.Kind, params any) string {
	p.t.Helper()
	raw, err := json.Marshal(params)
	require.NoError(p.t, err)
	sent, err := p.SendCommand(p.t.Context(), p.Actor("north/a"), "", fleet.NewCommand{
		Kind: kind, Params: raw, Target: fleet.Target{DeviceIDs: []atlas.DeviceID{p.id()}},
	})
	require.NoError(p.t, err)
	return sent.ID
}

func (p *product) state(id string) commands.State {
	p.t.Helper()
	c, err := p.Command(p.t.Context(), p.Actor("north/a"), id)
	require.NoError(p.t, err)
	return c.State
}

func TestPackageReachesADeviceOfTheProductsServer(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	first := p.send(commands.AppInstall, commands.Install{APKID: p.release("tiny.apk").ID})
	require.NoError(t, p.agent.CheckIn(t.Context()))
	require.Equal(t, commands.Succeeded, p.state(first))

	second := p.send(commands.AppUpdate, commands.Install{APKID: p.release("tiny-v2.apk").ID})
	require.NoError(t, p.agent.CheckIn(t.Context()))
	require.Equal(t, commands.Succeeded, p.state(second))
	inventory, err := p.DeviceApps(t.Context(), p.Actor("north/a"), p.id())
	require.NoError(t, err)
	require.Len(t, inventory.Apps, 1)
	require.EqualValues(t, 2, inventory.Apps[0].VersionCode)

	third := p.send(commands.AppUninstall, commands.App{Package: tiny})
	require.NoError(t, p.agent.CheckIn(t.Context()))
	require.Equal(t, commands.Succeeded, p.state(third))
	inventory, err = p.DeviceApps(t.Context(), p.Actor("north/a"), p.id())
	require.NoError(t, err)
	require.Empty(t, inventory.Apps)
}

func TestProductsServerAndAgentRecoverFromLostAnswersAndRestarts(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	id := p.send(commands.DeviceReboot, commands.None{})
	p.drop.Store(2)
	require.Error(t, p.agent.CheckIn(t.Context()))
	require.NoError(t, p.agent.Close())
	p.open()
	require.Error(t, p.agent.CheckIn(t.Context()))
	p.Clock.Advance(commands.DefaultLease)
	require.NoError(t, p.agent.CheckIn(t.Context()))
	require.Equal(t, commands.Succeeded, p.state(id))
	boots, err := p.phone.BootID(t.Context())
	require.NoError(t, err)
	require.Equal(t, "2", boots, "started once, and once more by the command")
}

func TestProductsServerCorrectsTheClock(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	require.NoError(t, p.agent.Close())
	p.opt.Clock = func() time.Time { return p.Clock.Now().Add(-48 * time.Hour) }
	p.open()
	require.NoError(t, p.agent.CheckIn(t.Context()))
	require.True(t, p.agent.Status().Active)
}

func TestServerThatLostItsWindowsIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	require.NoError(t, p.agent.CheckIn(t.Context()))
	api, err := httpapi.New(p.Node(p.Store), httpapi.Options{}) // another node, which has seen no counter
	require.NoError(t, err)
	server := httptest.NewServer(api.Handler())
	defer server.Close()
	require.NoError(t, p.agent.Close())
	p.url = server.URL
	p.open()
	require.NoError(t, p.agent.CheckIn(t.Context()))
}

func TestLeaseOfTheProductsServerEndsWithItsWord(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	require.NoError(t, p.agent.CheckIn(t.Context()))
	require.Equal(t, lease.Valid, p.agent.Status().LeaseStatus)
	_, err := p.SuspendAccount(t.Context(), p.Actor("north"), p.ID("north/a"))
	require.NoError(t, err)
	require.NoError(t, p.agent.CheckIn(t.Context()))
	require.False(t, p.agent.Status().Active)
}

func TestWaitingDeviceOfTheProductsServerIsWoken(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	require.NoError(t, p.agent.CheckIn(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.agent.Run(ctx) }()
	id := p.send(commands.DeviceSync, commands.None{})
	require.Eventually(t, func() bool { return p.state(id) == commands.Succeeded }, 20*time.Second, 5*time.Millisecond)
	cancel()
	require.NoError(t, <-done)
}

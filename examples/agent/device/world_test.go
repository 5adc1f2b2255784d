package device_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/examples/agent/device"
	"github.com/atlas-mdm/atlas-go/examples/agent/internal/script"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clocks are the device's: one that people set, and one that nobody can.
type clocks struct {
	mu      sync.Mutex
	wall    time.Time
	elapsed time.Duration
	slept   []time.Duration
}

func (c *clocks) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *clocks) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.elapsed
}

// pass lets time pass.
func (c *clocks) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.elapsed = c.wall.Add(d), c.elapsed+d
}

// set sets the clock that people set.
func (c *clocks) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = t
}

func (c *clocks) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.slept = append(c.slept, d)
	c.mu.Unlock()
	c.pass(d)
	return ctx.Err()
}

// recorder is a folder device that counts what is done to it.
type recorder struct {
	device.FolderExecutor
	mu   sync.Mutex
	done map[string]int
	// before and after run around each installation, in the executor.
	before, after func(context.Context) error
}

func (r *recorder) count(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[what]++
}

func (r *recorder) times(what string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done[what]
}

func (r *recorder) Install(ctx context.Context, file string, p deviceproto.Install) error {
	r.count("install")
	if r.before != nil {
		if err := r.before(ctx); err != nil {
			return err
		}
	}
	err := r.FolderExecutor.Install(ctx, file, p)
	if err == nil && r.after != nil {
		err = r.after(ctx)
	}
	return err
}

func (r *recorder) ClearData(ctx context.Context, pkg string) error {
	r.count("clear " + pkg)
	return r.FolderExecutor.ClearData(ctx, pkg)
}

func (r *recorder) Reboot(ctx context.Context) error {
	r.count("reboot")
	err := r.FolderExecutor.Reboot(ctx)
	if err == nil && r.after != nil {
		err = r.after(ctx)
	}
	return err
}

// world is a device and its server.
type world struct {
	*script.Server
	t     *testing.T
	dir   string
	clock *clocks
	phone *recorder
	opt   device.Options
	agent *device.Agent
}

// newWorld returns a device that is not enrolled.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Server: script.Start(noon), t: t, dir: t.TempDir(), clock: &clocks{wall: noon, elapsed: time.Hour}}
	t.Cleanup(w.Close)
	w.phone = &recorder{FolderExecutor: device.FolderExecutor{Dir: filepath.Join(w.dir, "phone"), SDK: 34}, done: map[string]int{}}
	w.opt = device.Options{
		Clock: w.clock.Now, Elapsed: w.clock.Elapsed, Sleep: w.clock.Sleep,
		Info: deviceproto.Device{Name: "Till 3", Model: "Folder", SDK: 34},
	}
	w.open()
	t.Cleanup(func() { _ = w.agent.Close() })
	return w
}

// enrolled is newWorld with a device that is enrolled.
func enrolled(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	require.NoError(t, w.agent.Enroll(t.Context(), "CODE"))
	return w
}

func (w *world) open() {
	w.t.Helper()
	agent, err := device.Open(w.URL, filepath.Join(w.dir, "state"), w.phone, w.opt)
	require.NoError(w.t, err)
	w.agent = agent
}

// restart ends the agent's process and starts another one: nothing survives
// but the folder.
func (w *world) restart() {
	w.t.Helper()
	require.NoError(w.t, w.agent.Close())
	w.open()
}

func (w *world) pass(d time.Duration) {
	w.clock.pass(d)
	w.With(func(s *script.Server) { s.Now = s.Now.Add(d) })
}

func (w *world) checkIn() {
	w.t.Helper()
	require.NoError(w.t, w.agent.CheckIn(w.t.Context()))
}

// fail makes the next requests to path fail in that order.
func (w *world) fail(path string, faults ...script.Fault) {
	w.With(func(s *script.Server) {
		s.Fault = func(p string) script.Fault {
			if p != path || len(faults) == 0 {
				return script.None
			}
			next := faults[0]
			faults = faults[1:]
			return next
		}
	})
}

// outcome is what the server knows of an attempt.
func (w *world) outcome(id string, attempt int64) (r deviceproto.Report) {
	w.With(func(s *script.Server) { r = s.Ended[script.ID(id, attempt)] })
	return r
}

// offer puts one of the real packages on the server and returns the order.
func (w *world) offer(name string) deviceproto.Install {
	w.t.Helper()
	p, content := order(w.t, name)
	w.With(func(s *script.Server) { s.Files[p.SHA256] = content })
	return p
}

const testdata = "../../../apk/testdata/"

func order(t *testing.T, name string) (deviceproto.Install, []byte) {
	t.Helper()
	content, err := os.ReadFile(testdata + name)
	require.NoError(t, err)
	info, err := apk.InspectFile(testdata+name, apk.Options{})
	require.NoError(t, err)
	sum := sha256.Sum256(content)
	p := deviceproto.Install{
		APKID: name, Package: info.Package, VersionCode: info.VersionCode, VersionName: info.VersionName,
		Size: info.Size, SHA256: hex.EncodeToString(sum[:]), Signers: []string{},
	}
	for _, s := range info.Signature.Signers {
		p.Signers = append(p.Signers, s.SHA256)
	}
	return p, content
}

func (w *world) apps() []deviceproto.App {
	w.t.Helper()
	apps, err := w.phone.Apps(w.t.Context())
	require.NoError(w.t, err)
	return apps
}

// leftovers are the files in the folder of downloads.
func (w *world) leftovers() []string {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.dir, "state", "downloads", "*"))
	require.NoError(w.t, err)
	return files
}

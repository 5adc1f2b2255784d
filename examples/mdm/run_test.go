package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/examples/mdm/internal/demo"
)

// output is what a program prints, as it prints it.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	news chan struct{}
}

func newOutput() *output { return &output{news: make(chan struct{}, 1)} }

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(p)
	select {
	case o.news <- struct{}{}:
	default:
	}
	return n, err
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// program is run in the background.
type program struct {
	t      *testing.T
	out    *output
	errors *output
	stop   context.CancelFunc
	ended  chan int
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &program{t: t, out: newOutput(), errors: newOutput(), stop: stop, ended: make(chan int, 1)}
	go func() { p.ended <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), p.out, p.errors) }()
	t.Cleanup(func() {
		stop()
		select {
		case code := <-p.ended:
			require.Zero(t, code, p.errors)
		case <-time.After(time.Minute):
			t.Error("the program did not stop")
		}
	})
	return p
}

// see waits until the output matches and returns the submatches.
func (p *program) see(pattern string) []string {
	p.t.Helper()
	re, end := regexp.MustCompile(pattern), time.After(2*time.Minute)
	for {
		if m := re.FindStringSubmatch(p.out.String()); m != nil {
			return m
		}
		select {
		case <-p.out.news:
		case code := <-p.ended:
			p.ended <- code
			require.FailNow(p.t, "the program ended", "%d\n%s\n%s", code, p.out, p.errors)
		case <-end:
			require.FailNow(p.t, "not seen: "+pattern, "%s\n%s", p.out, p.errors)
		}
	}
}

func (p *program) url() string { return p.see(`listening on (http://\S+)`)[1] }

// quit stops the program and returns its exit code.
func (p *program) quit() int {
	p.stop()
	code := <-p.ended
	p.ended <- code
	return code
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestTheDemonstrationTellsItsStoryOnEveryStore(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]string{"memory": "memory:", "sqlite": "sqlite:atlas.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, "-demo", "-store", store, "-data", t.TempDir())
			p.see(`(?m)^` + demo.Done + `$`)
			for _, said := range []string{
				"north passes 400 on to harbour", "fjord has 120 credits left, 20 of them set aside",
				"dev.atlasmdm.tiny 1.0 is clean", "installed: 3 of 3", "it is rejected: signed by another certificate", "the proof of №\u00a0",
			} {
				require.Contains(t, p.out.String(), said)
			}
			_, metrics := get(t, p.url()+"/metrics")
			require.Contains(t, metrics, "\natlas_devices 3\n")
			require.Contains(t, metrics, "\natlas_devices_online 3\n")
			require.Contains(t, metrics, `atlas_http_requests_total{route="POST /device/v1/checkin",status="200"}`)
			require.Zero(t, p.quit())
		})
	}
}

func TestTheDemonstrationGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, "-demo", "-data", dir)
	password := first.see(`(?m)^  +north +(\S{16})$`)[1]
	first.see(demo.Done)
	require.Zero(t, first.quit())
	again := start(t, "-demo", "-data", dir)
	again.see(demo.Done)
	require.Contains(t, again.out.String(), "told before")
	require.Equal(t, password, again.see(`(?m)^  +north +(\S{16})$`)[1])
	require.NotContains(t, again.out.String(), "stays away")
	_, metrics := get(t, again.url()+"/metrics")
	require.Contains(t, metrics, "\natlas_devices 3\n")
}

func TestThePasswordIsShownOnTheFirstStartOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, "-data", dir)
	password := p.see(`with the password (\S{26}) \(it is shown this once\)`)[1]
	require.Equal(t, http.StatusCreated, signIn(t, p.url(), password))
	require.Zero(t, p.quit())
	again := start(t, "-data", dir)
	require.Equal(t, http.StatusCreated, signIn(t, again.url(), password))
	require.NotContains(t, again.out.String(), "password")
	require.NotContains(t, p.errors.String()+again.errors.String(), password)
}

func signIn(t *testing.T, url, password string) int {
	t.Helper()
	body, err := json.Marshal(map[string]string{"username": adminName, "password": password})
	require.NoError(t, err)
	resp, err := http.Post(url+"/v1/sessions", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

// It changes the environment, so it is not run beside others.
func TestThePasswordMayComeFromTheEnvironment(t *testing.T) {
	t.Setenv("ATLAS_ADMIN_PASSWORD", "given by the operator")
	p := start(t, "-data", t.TempDir(), "-store", "memory:")
	require.Equal(t, http.StatusCreated, signIn(t, p.url(), "given by the operator"))
	require.NotContains(t, p.out.String(), "given by the operator")
}

// The program's own signal handling is in main, so this is main: a copy of
// the test's binary that runs it.
func TestASignalDrainsAndExitsWithZero(t *testing.T) {
	t.Parallel()
	cmd, out := mainProgram(t, "-addr", "127.0.0.1:0", "-demo", "-store", "memory:", "-data", t.TempDir())
	url := waitFor(t, out, `listening on (http://\S+)`)
	waitFor(t, out, demo.Done) // devices wait in long polls from here on
	status, _ := get(t, url+"/readyz")
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	begin := time.Now()
	require.NoError(t, cmd.Wait())
	require.Less(t, time.Since(begin), drainTime, "waiting devices were let go")
}

func TestTheSecretIsMadeOnceAndForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret.key")
	first, err := loadSecret(file)
	require.NoError(t, err)
	require.Len(t, first, secretSize)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	again, err := loadSecret(file)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.NoError(t, os.WriteFile(file, first[:31], 0o600))
	_, err = loadSecret(file)
	require.ErrorContains(t, err, "31 bytes")
}

func TestABadCommandLineIsRefused(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]struct {
		code int
		says string
	}{
		"-nonsense":                {exitUsage, "not defined"},
		"more":                     {exitUsage, `unexpected argument "more"`},
		"-store mysql://x":         {exitFailed, "-store must be"},
		"-store sqlite:":           {exitFailed, "-store must be"},
		"-store postgres://a:b@%":  {exitFailed, "is no PostgreSQL URL"},
		"-store memory: -addr x:y": {exitFailed, "listen"},
		"-trusted-proxy 10.0.0.1":  {exitUsage, `"10.0.0.1" is no network`},
		"-h":                       {exitStopped, "-demo"},
	} {
		var errs bytes.Buffer
		code := run(t.Context(), append(strings.Fields(args), "-data", t.TempDir()), io.Discard, &errs)
		if args == "more" {
			code = run(t.Context(), []string{"more"}, io.Discard, &errs)
		}
		require.Equal(t, want.code, code, args)
		require.Contains(t, errs.String(), want.says)
	}
}

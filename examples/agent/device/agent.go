package device

import (
	"context"
	"crypto"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/commands"
)

// Options change how an agent works. The zero value works.
type Options struct {
	// P256 makes a new key an ECDSA P-256 one, the kind that every Android
	// Keystore can hold, in place of Ed25519. A key that is there stays.
	P256 bool
	// Info is what the device says of itself.
	Info deviceproto.Device
	// Capabilities are the kinds of command the agent runs; nil: the nine
	// built-in ones. Others end as unsupported.
	Capabilities []string
	// PlainHTTP allows a server URL without TLS that is not this machine's
	// own. Enrolment trusts the server on first use, so TLS is what makes
	// that safe.
	PlainHTTP bool
	// Client sends requests; nil means a new one. Redirects are never
	// followed: the signature is for one URL.
	Client *http.Client
	// Clock is the device's clock; nil means the system's. It may be wrong:
	// the agent keeps to the server's time.
	Clock atlas.Clock
	// Elapsed is the time since some fixed moment by a clock that nobody can
	// set, the process's own where nil. On Android use
	// SystemClock.elapsedRealtime, which counts while the device sleeps.
	Elapsed func() time.Duration
	// Sleep waits between tries, until ctx ends; nil means a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Logger gets what happens; nil: nobody does. It gets no secrets.
	Logger *slog.Logger
	// Progress is called as a package is downloaded: its name, the bytes
	// that are there and the whole size.
	Progress func(p deviceproto.Install, done int64)
	// Tries is how often in a row a download may be tried without a new byte;
	// 0 means 8.
	Tries int
	// MaxFile bounds a package in bytes; 0 means 4 GiB - 1, the platform's own
	// bound.
	MaxFile int64
}

// Agent is one device. Its methods may be called from several goroutines.
type Agent struct {
	server   *url.URL
	dir      string
	executor Executor
	opt      Options
	client   *http.Client
	key      crypto.Signer
	lock     *os.File

	work sync.Mutex // held by whoever checks in and runs commands

	mu      sync.Mutex // guards what follows
	state   state
	time    timekeeper
	counter uint64 // the last one used
}

// Open returns the agent whose state is in the folder dir, which is made if it
// is not there, for the server at that URL. Nothing is sent before a method
// is called. It returns ErrInvalid for a URL that can't be used and ErrState
// for such a folder. The folder stays locked until Close.
func Open(server, dir string, x Executor, o Options) (*Agent, error) {
	u, err := serverURL(server, o.PlainHTTP)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	held, err := lock(dir)
	if err != nil {
		return nil, err
	}
	a := &Agent{server: u, dir: dir, executor: x, opt: o.withDefaults(), lock: held}
	if err := a.load(); err != nil {
		_ = held.Close()
		return nil, err
	}
	client := *a.opt.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a.client = &client
	return a, nil
}

func (a *Agent) load() (err error) {
	if a.key, err = deviceKey(filepath.Join(a.dir, "key.pem"), a.opt.P256); err != nil {
		return err
	}
	if a.state, err = readState(filepath.Join(a.dir, "state.json")); err != nil {
		return err
	}
	a.counter = a.state.Ceiling
	a.time = timekeeper{floor: a.state.Floor, at: a.opt.Elapsed()}
	return nil
}

// Close gives the state folder free. Call it after the other methods have
// returned.
func (a *Agent) Close() error { return a.lock.Close() }

func (o Options) withDefaults() Options {
	if o.Capabilities == nil {
		for _, k := range commands.BuiltIn().Names() {
			o.Capabilities = append(o.Capabilities, string(k))
		}
	}
	if o.Client == nil {
		o.Client = new(http.Client)
	}
	if o.Clock == nil {
		o.Clock = atlas.SystemClock
	}
	if o.Elapsed == nil {
		start := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(start) }
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(deviceproto.Install, int64) {}
	}
	if o.Tries == 0 {
		o.Tries = 8
	}
	if o.MaxFile == 0 {
		o.MaxFile = 1<<32 - 1
	}
	return o
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serverURL reads the URL below which the server's /device/v1 is.
func serverURL(s string, plain bool) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("device: %w", atlas.Invalid("server", "is not a URL of scheme, host and perhaps a path"))
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && (plain || isLoopback(u.Hostname())):
	case u.Scheme == "http":
		return nil, fmt.Errorf("device: %w", atlas.Invalid("server", "has to be https"))
	default:
		return nil, fmt.Errorf("device: %w", atlas.Invalid("server", "is neither http nor https"))
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), ""
	return u, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// url returns the URL of a path of the protocol.
func (a *Agent) url(path, query string) string {
	u := *a.server
	u.Path += path
	u.RawQuery = query
	return u.String()
}

package atlastest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store/blob"
)

// Phone is a simulated phone that talks to a service as the device protocol
// does, without HTTP: it has a key, counts its requests, and executes each
// attempt of a command at most once, whatever it is handed twice. Like
// Android it refuses an update by another signer. A phone is for one
// goroutine.
type Phone struct {
	// Service is the node that serves the phone; a test may change it.
	Service *fleet.Service
	ID      atlas.DeviceID
	KeyID   string
	// Counter is the counter of the last request.
	Counter uint64
	// Lease is the last lease it got.
	Lease string
	// Apps are the installed applications by package name.
	Apps map[string]atlas.App
	// Runs counts the attempts of each command that were executed.
	Runs map[string]int
	// Fails makes executions of a kind fail with the text given.
	Fails map[commands.Kind]string
	// Info is what the phone says of itself.
	Info fleet.DeviceInfo

	world     *World
	key       ed25519.PrivateKey
	public    []byte // SPKI
	signers   map[string][]string
	done      map[string]commands.Report // by command and attempt
	pending   []commands.Report
	inventory bool // to be reported
}

// Phone returns a new phone that enrolled with a code.
func (w *World) Phone(code string) *Phone {
	w.t.Helper()
	p := w.Unboxed()
	require.NoError(w.t, p.Enrol(context.Background(), code))
	return p
}

// Unboxed returns a new phone that has a key and is not enrolled yet. It can
// run all built-in kinds of command.
func (w *World) Unboxed() *Phone {
	w.t.Helper()
	w.phones++
	seed := sha256.Sum256(fmt.Appendf(nil, "phone %d", w.phones))
	key := ed25519.NewKeyFromSeed(seed[:])
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(w.t, err)
	sum := sha256.Sum256(public)
	var kinds []string
	for _, k := range w.Kinds().Names() {
		kinds = append(kinds, string(k))
	}
	return &Phone{
		Service: w.Service, KeyID: base64.RawURLEncoding.EncodeToString(sum[:]), world: w, key: key, public: public,
		Apps: map[string]atlas.App{}, Runs: map[string]int{}, Fails: map[commands.Kind]string{},
		signers: map[string][]string{}, done: map[string]commands.Report{},
		Info: fleet.DeviceInfo{
			Name: fmt.Sprintf("Phone %d", w.phones), Manufacturer: "Example", Model: "One", OSVersion: "16", AgentVersion: "1.0",
			SDK: 36, ABIs: []string{"arm64-v8a"}, Capabilities: kinds,
		},
	}
}

// Enrolment is what the phone shows to enrol with a code.
func (p *Phone) Enrolment(code string) fleet.Enrolment {
	return fleet.Enrolment{Code: code, PublicKey: p.public, KeyID: p.KeyID, Info: p.Info, Origin: "198.51.100.7"}
}

// Enrol redeems a code.
func (p *Phone) Enrol(ctx context.Context, code string) error {
	out, err := p.Service.Enrol(ctx, p.Enrolment(code))
	if err == nil {
		p.ID, p.Lease = out.Device.ID, out.Lease
	}
	return err
}

// Authenticate signs the phone's next request and returns the device that the
// service takes it for. After a *fleet.ReplayError it continues above the
// ceiling that it was told, as the protocol demands.
func (p *Phone) Authenticate(ctx context.Context) (fleet.Device, error) {
	d, err := p.Request(ctx, p.Counter+1)
	var behind *fleet.ReplayError
	if errors.As(err, &behind) {
		d, err = p.Request(ctx, behind.Ceiling+1)
	}
	return d, err
}

// Request signs a request with the counter given.
func (p *Phone) Request(ctx context.Context, counter uint64) (fleet.Device, error) {
	p.Counter = max(p.Counter, counter)
	message := fmt.Appendf(nil, "request %d of %s", counter, p.KeyID)
	signature := ed25519.Sign(p.key, message)
	return p.Service.AuthenticateDevice(ctx, fleet.Proof{KeyID: p.KeyID, Counter: counter, Origin: "198.51.100.7", Verify: func(public []byte) error {
		key, err := x509.ParsePKIXPublicKey(public)
		if err != nil {
			return err
		}
		if pub, ok := key.(ed25519.PublicKey); !ok || !ed25519.Verify(pub, message, signature) {
			return fmt.Errorf("signature does not verify (%w)", atlas.ErrUnauthenticated)
		}
		return nil
	}})
}

// CheckIn reports what is to be reported, and executes what it is handed. The
// results go out with the next check-in.
func (p *Phone) CheckIn(ctx context.Context) (fleet.Orders, error) {
	d, err := p.Authenticate(ctx)
	if err != nil {
		return fleet.Orders{}, err
	}
	out, err := p.Service.CheckIn(ctx, d, p.Report())
	if err != nil {
		return out, err
	}
	p.pending, p.inventory = nil, false
	if out.Lease != "" {
		p.Lease = out.Lease
	}
	for _, c := range out.Commands {
		p.pending = append(p.pending, p.run(ctx, d, c))
	}
	return out, nil
}

// Report is what the next check-in says.
func (p *Phone) Report() fleet.CheckIn {
	in := fleet.CheckIn{Results: slices.Clone(p.pending)}
	if p.inventory {
		apps := []atlas.App{}
		for _, name := range slices.Sorted(maps.Keys(p.Apps)) {
			apps = append(apps, p.Apps[name])
		}
		in.Apps = &apps
	}
	return in
}

// Sync checks in until nothing is left to do or to report.
func (p *Phone) Sync(ctx context.Context) error {
	for range 100 {
		out, err := p.CheckIn(ctx)
		if err != nil || len(out.Commands) == 0 && len(p.pending) == 0 {
			return err
		}
	}
	return errors.New("atlastest: a phone is never done")
}

// waitLimit bounds how long a phone waits, in real time.
const waitLimit = 30 * time.Second

// Wait waits for something to do as the long poll does, for at most as long
// as ctx lasts and never more than half a minute.
func (p *Phone) Wait(ctx context.Context) (bool, error) {
	d, err := p.Authenticate(ctx)
	if err != nil {
		return false, err
	}
	return p.Service.Wait(ctx, d, waitLimit)
}

// run executes an attempt of a command, unless it did before: then it repeats
// its report.
func (p *Phone) run(ctx context.Context, d fleet.Device, c commands.Command) commands.Report {
	attempt := fmt.Sprintf("%s %d", c.ID, c.Attempt)
	if r, ok := p.done[attempt]; ok {
		return r
	}
	p.Runs[c.ID]++
	r := commands.Report{CommandID: c.ID, Attempt: c.Attempt, Outcome: commands.OutcomeSucceeded}
	if err := p.execute(ctx, d, c); err != nil {
		r.Outcome, r.Detail = commands.OutcomeFailed, err.Error()
	}
	p.done[attempt] = r
	return r
}

func (p *Phone) execute(ctx context.Context, d fleet.Device, c commands.Command) error {
	if text, ok := p.Fails[c.Kind]; ok {
		return errors.New(text)
	}
	switch c.Kind {
	case commands.AppInstall, commands.AppUpdate:
		return p.install(ctx, d, c.Params)
	case commands.AppUninstall:
		var app commands.App
		if err := json.Unmarshal(c.Params, &app); err != nil {
			return err
		}
		delete(p.Apps, app.Package)
		p.inventory = true
	case commands.DeviceSync:
		p.inventory = true
	}
	return nil
}

// install downloads a package, checks that it is the one that was ordered,
// and installs it.
func (p *Phone) install(ctx context.Context, d fleet.Device, params []byte) error {
	var in commands.Install
	if err := json.Unmarshal(params, &in); err != nil {
		return err
	}
	f, err := p.Service.Download(ctx, d, in.SHA256)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, blob.NewReader(f)); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != in.SHA256 {
		return fmt.Errorf("downloaded %s instead of %s", got, in.SHA256)
	}
	if was, ok := p.signers[in.Package]; ok && !slices.Equal(was, in.Signers) {
		return errors.New("INSTALL_FAILED_UPDATE_INCOMPATIBLE: signatures do not match")
	}
	if was, ok := p.Apps[in.Package]; ok && was.VersionCode > in.VersionCode {
		return errors.New("INSTALL_FAILED_VERSION_DOWNGRADE")
	}
	p.Apps[in.Package] = atlas.App{Package: in.Package, VersionCode: in.VersionCode, VersionName: in.VersionName, SHA256: in.SHA256}
	p.signers[in.Package], p.inventory = in.Signers, true
	return nil
}

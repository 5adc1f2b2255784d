package fleet

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/atlas/security/replay"
	"github.com/atlas-mdm/atlas-go/store"
)

// Device is a device that asks: who it is, as [Service.AuthenticateDevice]
// found it. The zero Device is nobody and is refused everywhere.
type Device struct {
	ID     atlas.DeviceID
	Origin string // network address, for security events
	path   atlas.Path
}

// Proof is a device's signed request: which key it names, its counter, and a
// function that checks the signature with the key that is stored.
type Proof struct {
	KeyID   string
	Counter uint64
	Origin  string
	Verify  func(publicKey []byte) error
}

// ErrReplay is the ErrUnauthenticated of a request whose counter was used or
// is behind. [*ReplayError] says from where on counters count.
var ErrReplay = fmt.Errorf("request counter was used (%w)", atlas.ErrUnauthenticated)

// ErrUnknownDevice is the ErrUnauthenticated of a key that no device has.
var ErrUnknownDevice = fmt.Errorf("unknown device (%w)", atlas.ErrUnauthenticated)

// ReplayError is an ErrReplay with the counter that the next request must
// exceed. It is only told to who showed a good signature.
type ReplayError struct{ Ceiling uint64 }

// Error says that the counter was used.
func (e *ReplayError) Error() string { return ErrReplay.Error() }

// Unwrap returns ErrReplay.
func (e *ReplayError) Unwrap() error { return ErrReplay }

// AuthenticateDevice returns the device whose key signed the request, once
// for each counter. The check against replay holds across restarts and nodes:
// a node reserves a block of counters in the store before it accepts any of
// them, so that only the first contact, the end of a block and a change of
// node cost a statement. What a crash loses is the rest of a block; the
// device then gets a *[ReplayError] once and continues above it.
func (s *Service) AuthenticateDevice(ctx context.Context, p Proof) (Device, error) {
	d, err := s.deviceByKey(ctx, p.KeyID)
	if isNotFound(err) {
		err = ErrUnknownDevice
	}
	if err == nil {
		err = p.Verify(d.PublicKey)
	}
	who := Device{Origin: p.Origin}
	if err == nil { // from here on it is known to be the device
		who.ID, who.path = d.ID, d.Path
		err = s.replays.accept(ctx, s.store, d, p.Counter)
	}
	if err != nil {
		s.recordProof(ctx, who, err)
		return Device{}, fmt.Errorf("fleet: authenticate device: %w", err)
	}
	return who, nil
}

func (s *Service) deviceByKey(ctx context.Context, keyID string) (d atlas.Device, err error) {
	err = s.store.View(ctx, func(ctx context.Context, tx store.Tx) error {
		d, err = tx.Devices().ByKey(ctx, keyID)
		return err
	})
	return d, err
}

func (s *Service) recordProof(ctx context.Context, d Device, err error) {
	if !errors.Is(err, atlas.ErrUnauthenticated) {
		return
	}
	class, severity := security.ClassDevice, security.Low
	if errors.Is(err, ErrReplay) {
		class, severity = security.ClassReplay, security.Medium
	}
	s.record(ctx, security.Event{
		Class: class, Severity: severity, DeviceID: d.ID, Path: d.path, Origin: d.Origin, Action: "device.authenticate", Reason: security.Reason(err),
	})
}

// block is how many counters a node reserves at once.
const block = 1000

// maxWindows bounds the windows kept in memory; one is about 100 bytes. A
// device whose window was dropped costs one statement more.
const maxWindows = 1_000_000

// replays has the windows of the devices this node serves.
type replays struct {
	mu      sync.Mutex
	windows map[atlas.DeviceID]*guarded
}

type guarded struct {
	mu      sync.Mutex
	window  replay.Window
	ceiling int64 // reserved by this node; counters above need a new block
}

func newReplays() *replays { return &replays{windows: map[atlas.DeviceID]*guarded{}} }

func (r *replays) of(id atlas.DeviceID) *guarded {
	r.mu.Lock()
	defer r.mu.Unlock()
	g, ok := r.windows[id]
	if !ok {
		for old := range r.windows { // any one: it is only memory
			if len(r.windows) < maxWindows {
				break
			}
			delete(r.windows, old)
		}
		g = new(guarded)
		r.windows[id] = g
	}
	return g
}

// accept counts the counter as used, or returns a *ReplayError.
func (r *replays) accept(ctx context.Context, st store.Store, d atlas.Device, counter uint64) error {
	g := r.of(d.ID)
	g.mu.Lock()
	defer g.mu.Unlock()
	if counter == 0 || counter > math.MaxInt64-block {
		return &ReplayError{Ceiling: uint64(max(g.ceiling, d.CounterCeiling))}
	}
	if int64(counter) > g.ceiling {
		if err := g.reserve(ctx, st, d, int64(counter)); err != nil {
			return err
		}
	}
	next, err := g.window.Accept(counter)
	if err != nil {
		return &ReplayError{Ceiling: g.window.Highest}
	}
	g.window = next
	return nil
}

// reserve takes the next block from the store. If the store's ceiling is not
// the one this node left there, another node served the device, or this one
// was restarted: every counter up to it counts as used.
func (g *guarded) reserve(ctx context.Context, st store.Store, d atlas.Device, counter int64) error {
	var ceiling int64
	err := st.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		got, err := tx.Devices().Get(ctx, d.ID)
		if err != nil {
			return err
		}
		if ceiling = got.CounterCeiling; ceiling != g.ceiling && counter <= ceiling {
			return nil
		}
		return tx.Devices().Reserve(ctx, d.ID, ceiling, counter+block)
	})
	if err != nil {
		return err
	}
	if ceiling != g.ceiling {
		g.window, g.ceiling = replay.After(uint64(ceiling)), ceiling
		if counter <= ceiling {
			return &ReplayError{Ceiling: uint64(ceiling)}
		}
	}
	g.ceiling = counter + block
	return nil
}

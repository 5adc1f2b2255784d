package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// CheckIn is what a device reports. All parts may be missing.
type CheckIn struct {
	Info    *DeviceInfo
	Results []commands.Report
	Apps    *[]atlas.App // all installed applications; nil: unchanged
}

// Orders is the answer to a check-in.
type Orders struct {
	Device   atlas.Device
	Commands []commands.Command
	// Lease is empty when Activation is not activation.Active.
	Lease      string
	Activation activation.State
	// Rejected are the results that could not be used.
	Rejected []Rejected
}

// Rejected is a result that could not be used, and why.
type Rejected struct {
	CommandID string
	Err       error
}

// Granularities of what a check-in writes, so that a device which has nothing
// to say and nothing to do costs reads only.
const (
	seenEvery     = 30 * time.Second
	verifiedEvery = time.Hour
)

// maxResults and maxClaim bound one check-in.
const (
	maxResults = 100
	maxClaim   = 16
)

// CheckIn takes a device's report, renews its lease and hands out the
// commands that are due. Results that can't be used are named in the answer
// and never stand in the way of the others; one about another device's
// command is recorded as a security event.
func (s *Service) CheckIn(ctx context.Context, d Device, in CheckIn) (Orders, error) {
	if d.ID == "" {
		return Orders{}, s.rejected(ctx, checkInAction, d, atlas.ErrUnauthenticated)
	}
	if len(in.Results) > maxResults {
		return Orders{}, s.rejected(ctx, checkInAction, d, fmt.Errorf("results: %w", atlas.ErrTooLarge))
	}
	apps, err := in.inventory(d.ID)
	if err != nil {
		return Orders{}, s.rejected(ctx, checkInAction, d, err)
	}
	now, made := s.Now(), &ids{make: s.opt.NewID}
	out, plan, idle, err := s.idle(ctx, d, in, now)
	if err == nil && !idle {
		err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) (err error) {
			w := &work{tx: tx, now: now, s: s, ids: made}
			out, plan, err = w.checkIn(ctx, d, in, apps)
			return err
		})
	}
	if err != nil {
		return Orders{}, s.rejected(ctx, checkInAction, d, err)
	}
	for _, r := range out.Rejected {
		if errors.Is(r.Err, atlas.ErrNotFound) {
			s.record(ctx, security.Event{
				Class: security.ClassDevice, Severity: security.Medium, DeviceID: d.ID, Path: out.Device.Path, Origin: d.Origin,
				Action: checkInAction, TargetID: r.CommandID, Reason: "result of a command that is not the device's",
			})
		}
	}
	if out.Activation == activation.Active {
		out.Lease, err = s.lease(out.Device, plan, now)
	}
	return out, err
}

func (in CheckIn) inventory(id atlas.DeviceID) (*atlas.Inventory, error) {
	if in.Apps == nil {
		return nil, nil
	}
	v, err := atlas.Inventory{ID: id, Apps: *in.Apps}.Clean()
	return &v, err
}

// idle reports whether a check-in needs no write, and then its answer.
func (s *Service) idle(ctx context.Context, d Device, in CheckIn, now time.Time) (out Orders, p activation.Plan, idle bool, err error) {
	if in.Info != nil || in.Apps != nil || len(in.Results) > 0 {
		return out, p, false, nil
	}
	err = s.store.View(ctx, func(ctx context.Context, tx store.Tx) error {
		dev, err := tx.Devices().Get(ctx, d.ID)
		if err != nil {
			return err
		}
		if now.Sub(dev.LastSeen) >= seenEvery || now.Sub(dev.VerifiedAt) >= verifiedEvery {
			return nil
		}
		w := &work{tx: tx, now: now, s: s}
		out.Device = dev
		if out.Activation, p, err = w.standing(ctx, dev); err != nil {
			return err
		}
		waiting, err := w.pending(ctx, dev, out.Activation)
		idle = err == nil && !waiting
		return err
	})
	return out, p, idle, err
}

// pending reports whether the device may have commands to get.
func (w *work) pending(ctx context.Context, d atlas.Device, state activation.State) (bool, error) {
	open, err := w.tx.Commands().Open(ctx, d.ID, commands.Scan)
	if err != nil {
		return false, err
	}
	for _, c := range open {
		if c.Late(w.now) || c.Due(w.now) && w.deliverable(c.Kind, d, state) {
			return true, nil
		}
	}
	if len(open) >= maxOpen {
		return false, nil
	}
	fresh, err := w.tx.Commands().Waiting(ctx, d, w.now, 1)
	return len(fresh) > 0, err
}

// standing returns the state of the device's activation as its code and plan
// have it now.
func (w *work) standing(ctx context.Context, d atlas.Device) (activation.State, activation.Plan, error) {
	code, err := w.tx.Codes().Code(ctx, d.CodeID)
	if err != nil {
		return "", activation.Plan{}, fmt.Errorf("code of device %s: %w", d.ID, err)
	}
	p, err := w.tx.Codes().Plan(ctx, code.PlanID)
	if err != nil {
		return "", p, fmt.Errorf("plan of device %s: %w", d.ID, err)
	}
	line, err := w.tx.Accounts().Line(ctx, d.OwnerID)
	if err != nil {
		return "", p, fmt.Errorf("owner of device %s: %w", d.ID, err)
	}
	if atlas.Effective(line) != atlas.Active {
		return activation.Suspended, p, nil
	}
	switch err := code.Sustains(d.ActivatedUntil, w.now); {
	case err == nil:
		return activation.Active, p, nil
	case errors.Is(err, activation.ErrExpired):
		return activation.Expired, p, nil
	case errors.Is(err, activation.ErrRevoked):
		return activation.Revoked, p, nil
	}
	return activation.Suspended, p, nil
}

func (w *work) checkIn(ctx context.Context, who Device, in CheckIn, apps *atlas.Inventory) (Orders, activation.Plan, error) {
	var out Orders
	d, err := w.tx.Devices().Get(ctx, who.ID)
	if err != nil {
		return out, activation.Plan{}, err
	}
	for _, r := range in.Results {
		if err := w.result(ctx, d, r, &out); err != nil {
			return out, activation.Plan{}, err
		}
	}
	if apps != nil {
		apps.ReportedAt = w.now
		if err := w.tx.Devices().SetInventory(ctx, *apps); err != nil {
			return out, activation.Plan{}, err
		}
	}
	state, p, err := w.standing(ctx, d)
	if err != nil {
		return out, p, err
	}
	out.Activation = state
	if out.Device, err = w.reported(ctx, d, in, state); err != nil {
		return out, p, err
	}
	if err := w.materialise(ctx, out.Device); err != nil {
		return out, p, err
	}
	out.Commands, err = w.claim(ctx, out.Device, state)
	return out, p, err
}

// result applies one report. Its own errors go into the answer.
func (w *work) result(ctx context.Context, d atlas.Device, r commands.Report, out *Orders) error {
	c, changed, err := commands.Receive(ctx, w.tx.Commands(), d.ID, r, w.now)
	if errors.Is(err, atlas.ErrNotFound) || errors.Is(err, atlas.ErrInvalid) {
		out.Rejected = append(out.Rejected, Rejected{CommandID: atlas.CleanText(r.CommandID, atlas.MaxID), Err: err})
		return nil
	}
	if err != nil || !changed || !c.State.Final() {
		return err
	}
	return w.auditDevice(ctx, "command.result", d, fact("command", c.ID), fact("kind", c.Kind), fact("state", c.State))
}

// reported stores what the device said of itself and that it was seen. A
// check-in that says nothing new moves LastSeen only.
func (w *work) reported(ctx context.Context, d atlas.Device, in CheckIn, state activation.State) (atlas.Device, error) {
	verify := state == activation.Active && w.now.Sub(d.VerifiedAt) >= verifiedEvery
	if in.Info == nil && !verify {
		err := w.tx.Devices().Touch(ctx, map[atlas.DeviceID]time.Time{d.ID: w.now})
		return d.Seen(w.now), err
	}
	if in.Info != nil {
		d = in.Info.describe(d)
	}
	if verify {
		d.VerifiedAt = w.now
	}
	d = d.Seen(w.now)
	err := w.tx.Devices().Save(ctx, d)
	d.Version++
	return d, err
}

// materialise makes the device's own commands of the campaigns that reach it.
func (w *work) materialise(ctx context.Context, d atlas.Device) error {
	if busy, err := w.busy(ctx, d); err != nil || busy {
		return err
	}
	waiting, err := w.tx.Commands().Waiting(ctx, d, w.now, maxClaim)
	if err != nil || len(waiting) == 0 {
		return err
	}
	own := make([]commands.Command, len(waiting))
	for i, c := range waiting {
		own[i] = c.For(w.id(), d)
	}
	return w.tx.Commands().Insert(ctx, own)
}

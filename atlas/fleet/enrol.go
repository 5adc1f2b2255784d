package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// Enrolment is a device that redeems an activation code.
type Enrolment struct {
	Code      string
	PublicKey []byte // SPKI, DER; checked by whoever parsed it
	KeyID     string // thumbprint of PublicKey
	Info      DeviceInfo
	Origin    string
}

// Enrolled is a device with its first lease.
type Enrolled struct {
	Device atlas.Device
	Lease  string
}

// Actions of devices, for events; devices are not in the policy's matrix.
const (
	enrolAction   = "device.enrol"
	checkInAction = "device.checkin"
	waitAction    = "device.wait"
	fetchAction   = "device.download"
)

// supportIDTries is how many support ids are drawn before an enrolment gives
// up; with 31^8 of them a second one is rarely needed.
const supportIDTries = 5

// Enrol redeems the code, takes its price, makes the device its owner's and
// queues its first command, or does none of it. Repeated with the same code
// and key it returns the same device. Errors are those of activation.Redeem,
// ErrInvalid for text that is no code, ErrLimited after too many wrong codes
// from one network, ErrSuspended if the owner is not active, and ErrExists if
// the key belongs to a device already.
func (s *Service) Enrol(ctx context.Context, in Enrolment) (Enrolled, error) {
	if len(in.PublicKey) == 0 || in.KeyID == "" {
		return Enrolled{}, s.rejected(ctx, enrolAction, Device{Origin: in.Origin}, fmt.Errorf("no key: %w", atlas.ErrUnauthenticated))
	}
	out, err := s.enrol(ctx, in)
	if err != nil {
		return Enrolled{}, s.rejected(ctx, enrolAction, Device{Origin: in.Origin}, err)
	}
	return out, nil
}

func (s *Service) enrol(ctx context.Context, in Enrolment) (Enrolled, error) {
	if err := s.guessing(ctx, in.Origin, false); err != nil {
		return Enrolled{}, err
	}
	lookup, err := s.codes.Lookup(in.Code)
	if err != nil {
		return Enrolled{}, err
	}
	names, err := s.supportIDs()
	if err != nil {
		return Enrolled{}, err
	}
	var d atlas.Device
	var p activation.Plan
	now, made := s.Now(), &ids{make: s.opt.NewID}
	err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		w := &work{tx: tx, now: now, s: s, ids: made}
		if d, p, err = w.again(ctx, in, lookup); !isNotFound(err) {
			return err
		}
		d, p, err = w.enrol(ctx, in, lookup, names)
		return err
	})
	if isNotFound(err) {
		if gerr := s.guessing(ctx, in.Origin, true); gerr != nil {
			s.opt.Logger.ErrorContext(ctx, "wrong code was not counted", "error", gerr)
		}
	}
	if err != nil {
		return Enrolled{}, err
	}
	token, err := s.lease(d, p, now)
	return Enrolled{Device: d, Lease: token}, err
}

func (s *Service) supportIDs() ([]string, error) {
	out := make([]string, supportIDTries)
	for i := range out {
		id, err := atlas.NewSupportID(s.opt.Random)
		if err != nil {
			return nil, err
		}
		out[i] = id
	}
	return out, nil
}

// again returns the device that this very enrolment made before, or
// ErrNotFound if there is none, or ErrExists if the key is in other use.
func (w *work) again(ctx context.Context, in Enrolment, lookup []byte) (atlas.Device, activation.Plan, error) {
	d, err := w.tx.Devices().ByKey(ctx, in.KeyID)
	if err != nil {
		return d, activation.Plan{}, err
	}
	code, err := w.tx.Codes().ByLookup(ctx, lookup)
	if isNotFound(err) || err == nil && code.ID != d.CodeID {
		return d, activation.Plan{}, fmt.Errorf("device key is enrolled: %w", atlas.ErrExists)
	}
	if err != nil {
		return d, activation.Plan{}, err
	}
	if err := code.Sustains(d.ActivatedUntil, w.now); err != nil {
		return d, activation.Plan{}, err
	}
	if err := w.ownerActs(ctx, d.OwnerID); err != nil {
		return d, activation.Plan{}, err
	}
	p, err := w.tx.Codes().Plan(ctx, code.PlanID)
	if isNotFound(err) {
		err = fmt.Errorf("plan of code %s is gone: %w", code.ID, atlas.ErrRefused)
	}
	return d, p, err
}

func (w *work) enrol(ctx context.Context, in Enrolment, lookup []byte, names []string) (atlas.Device, activation.Plan, error) {
	code, p, err := activation.Redeem(ctx, w.tx.Codes(), lookup, w.now)
	if err != nil {
		return atlas.Device{}, p, err
	}
	if err := w.ownerActs(ctx, code.OwnerID); err != nil {
		return atlas.Device{}, p, err
	}
	if err := w.capture(ctx, code); err != nil {
		return atlas.Device{}, p, err
	}
	d := atlas.Device{
		ID: atlas.DeviceID(w.id()), OwnerID: code.OwnerID, Path: code.Path, Tenant: code.Tenant, PublicKey: in.PublicKey, KeyID: in.KeyID,
		AgentEnabled: true, CodeID: code.ID, PlanID: p.ID, ActivatedAt: w.now, ActivatedUntil: p.Until(w.now), VerifiedAt: w.now,
		LastSeen: w.now, EnrolledAt: w.now, Version: 1,
	}
	d = in.Info.describe(d)
	if d, err = w.insertDevice(ctx, d, names); err != nil {
		return d, p, err
	}
	if err := w.firstCommand(ctx, d); err != nil {
		return d, p, err
	}
	return d, p, w.auditDevice(ctx, enrolAction, d, fact("code", code.ID), fact("plan", p.ID))
}

// ownerActs returns an ErrSuspended unless the owner of a code or device is
// active.
func (w *work) ownerActs(ctx context.Context, id atlas.AccountID) error {
	line, err := w.tx.Accounts().Line(ctx, id)
	if err != nil {
		return fmt.Errorf("owner %s: %w", id, err)
	}
	if atlas.Effective(line) != atlas.Active {
		return fmt.Errorf("owner of the code: %w", atlas.ErrSuspended)
	}
	return nil
}

// capture takes the price of one device out of what was set aside for its
// code.
func (w *work) capture(ctx context.Context, code activation.Code) error {
	if code.HoldID == "" || code.Price == 0 {
		return nil
	}
	_, err := ledger.Capture(ctx, w.tx.Ledger(), ledger.Draw{
		ID: w.id(), Hold: code.HoldID, To: ledger.Revenue(code.Tenant), Amount: code.Price, Memo: "activation", At: w.now,
	})
	return err
}

// insertDevice stores d under the first support id that is free.
func (w *work) insertDevice(ctx context.Context, d atlas.Device, names []string) (atlas.Device, error) {
	var err error
	named := d.Name != ""
	for _, name := range names {
		d.SupportID = name
		if !named {
			d.Name = "Device " + name
		}
		if err = w.tx.Devices().Insert(ctx, d); !errors.Is(err, atlas.ErrExists) {
			return d, err
		}
	}
	return d, err
}

// firstCommand asks a new device to report itself.
func (w *work) firstCommand(ctx context.Context, d atlas.Device) error {
	if !w.s.opt.Kinds.Allowed(commands.DeviceSync, d) {
		return nil
	}
	return w.tx.Commands().Insert(ctx, []commands.Command{{
		ID: w.id(), DeviceID: d.ID, Path: d.Path, Tenant: d.Tenant, Kind: commands.DeviceSync, Params: []byte("{}"),
		ExpiresAt: w.now.Add(commands.DefaultLife), State: commands.Queued, Attempts: 1, CreatedAt: w.now, Version: 1,
	}})
}

// auditDevice writes an audit event of something that a device did.
func (w *work) auditDevice(ctx context.Context, action string, d atlas.Device, facts ...audit.Fact) error {
	e, err := audit.New(audit.Event{ID: w.id(), At: w.now, DeviceID: d.ID, Action: action, TargetID: string(d.ID), Path: d.Path}, facts...)
	if err != nil {
		return err
	}
	return w.tx.Audit().Insert(ctx, e)
}

// lease signs the statement that d is active at now.
func (s *Service) lease(d atlas.Device, p activation.Plan, now time.Time) (string, error) {
	next := now.Add(activation.VerifyEvery)
	grace := next.Add(p.Grace())
	if end := d.ActivatedUntil; !end.IsZero() && end.Before(next) {
		if soon := now.Add(time.Second); end.Before(soon) {
			end = soon // a lease counts in whole seconds and lasts at least one
		}
		next, grace = end, end
	} else if !end.IsZero() && end.Before(grace) {
		grace = end
	}
	return s.leases.Sign(lease.Lease{
		ID: s.opt.NewID(), Device: d.ID, Issuer: s.opt.Issuer, Plan: p.ID, State: string(activation.Active),
		IssuedAt: now, NextCheck: next, Expires: next, GraceUntil: grace,
	})
}

// rejected wraps the error of a device's call once and, if it is a refusal,
// records it.
func (s *Service) rejected(ctx context.Context, action string, d Device, err error) error {
	err = fmt.Errorf("fleet: %s: %w", action, err)
	class, severity, refused := security.Refusal(err)
	if !refused {
		return err
	}
	if class != security.ClassLimited {
		class = security.ClassDevice
	}
	s.record(ctx, security.Event{
		Class: class, Severity: severity, DeviceID: d.ID, Path: d.path, Origin: d.Origin, Action: action, Reason: security.Reason(err),
	})
	return err
}

package fleet

import (
	"context"
	"fmt"
	"io"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store"
)

// AuditEvents returns a page of the audit events within the actor's reach,
// newest first.
func (s *Service) AuditEvents(ctx context.Context, a atlas.Actor, p atlas.Page) ([]audit.Event, error) {
	c := call{actor: a, action: atlas.AuditRead}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]audit.Event, error) {
		scope, err := w.scope()
		if err != nil {
			return nil, err
		}
		return w.tx.Audit().List(ctx, scope, p)
	})
}

// AuditCheckpoint returns the newest signed checkpoint of the audit log. It
// says how large the log is and nothing of what is in it, so everybody who
// may read any audit events may have it.
func (s *Service) AuditCheckpoint(ctx context.Context, a atlas.Actor) (audit.Checkpoint, error) {
	c := call{actor: a, action: atlas.AuditRead, target: "checkpoint"}
	return read(ctx, s, c, func(ctx context.Context, w *work) (audit.Checkpoint, error) {
		if _, err := w.scope(); err != nil {
			return audit.Checkpoint{}, err
		}
		return w.tx.Audit().Checkpoint(ctx)
	})
}

// ErrNotSealed is the ErrRefused of a proof for an event that has no place in
// the log yet; it gets one within moments.
var ErrNotSealed = fmt.Errorf("audit event is not sealed yet (%w)", atlas.ErrRefused)

// AuditProof returns the proof that an event within the actor's reach is in
// the log.
func (s *Service) AuditProof(ctx context.Context, a atlas.Actor, id string) (sealed.Proof, error) {
	c := call{actor: a, action: atlas.AuditRead, target: id}
	return read(ctx, s, c, func(ctx context.Context, w *work) (sealed.Proof, error) {
		e, err := w.tx.Audit().Get(ctx, id)
		if err != nil {
			_, err = seen(w, atlas.Account{}, err)
			return sealed.Proof{}, err
		}
		if err := w.may(atlas.Resource{Path: e.Path}); err != nil {
			return sealed.Proof{}, err
		}
		if e.Index == audit.Unsealed {
			return sealed.Proof{}, ErrNotSealed
		}
		return sealed.Prove(ctx, w.tx.Audit(), e.Index)
	})
}

// ExportAudit writes the whole log for offline verification. It has the
// events of all tenants, so it needs the reach Everywhere.
func (s *Service) ExportAudit(ctx context.Context, a atlas.Actor, out io.Writer) error {
	c := call{actor: a, action: atlas.AuditRead, target: "export"}
	_, err := read(ctx, s, c, func(_ context.Context, w *work) (struct{}, error) {
		scope, err := w.scope()
		if err == nil && scope.Reach() != atlas.Everywhere {
			err = fmt.Errorf("for those only who reach all tenants: %w", atlas.ErrDenied)
		}
		return struct{}{}, err
	})
	if err != nil {
		return err
	}
	if err := sealed.Export(ctx, stepwise{s.store}, out); err != nil {
		return fmt.Errorf("fleet: export audit log: %w", err)
	}
	return nil
}

// stepwise reads the log in a snapshot for each step, so that a slow reader
// holds none.
type stepwise struct{ store store.Store }

// Checkpoint implements audit.Sealed.
func (l stepwise) Checkpoint(ctx context.Context) (c audit.Checkpoint, err error) {
	err = l.store.View(ctx, func(ctx context.Context, tx store.Tx) error {
		c, err = tx.Audit().Checkpoint(ctx)
		return err
	})
	return c, err
}

// Sealed implements audit.Sealed.
func (l stepwise) Sealed(ctx context.Context, first int64, limit int) (events []audit.Event, err error) {
	err = l.store.View(ctx, func(ctx context.Context, tx store.Tx) error {
		events, err = tx.Audit().Sealed(ctx, first, limit)
		return err
	})
	return events, err
}

// SecurityEvents returns a page of the security events within the actor's
// reach, newest first.
func (s *Service) SecurityEvents(ctx context.Context, a atlas.Actor, p atlas.Page) ([]security.Event, error) {
	c := call{actor: a, action: atlas.SecurityRead}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]security.Event, error) {
		scope, err := w.scope()
		if err != nil {
			return nil, err
		}
		return w.tx.Security().List(ctx, scope, p)
	})
}

// sealBatch is how many events are sealed in one transaction.
const sealBatch = 1000

// SealAudit gives every unsealed audit event its place in the Merkle log and
// returns how many there were. [Service.Run] calls it; several nodes may,
// and the store makes them take turns.
func (s *Service) SealAudit(ctx context.Context) (int, error) {
	total := 0
	for {
		n, now := 0, s.Now()
		err := s.store.Update(ctx, func(ctx context.Context, tx store.Tx) (err error) {
			n, err = sealed.Batch(ctx, tx.Audit(), s.log, now, sealBatch)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("fleet: seal audit log: %w", err)
		}
		if total += n; n < sealBatch {
			return total, nil
		}
	}
}

// auditSystem writes an audit event of something that nobody asked for: the
// work of Run.
func (w *work) auditSystem(ctx context.Context, action, target string, at atlas.Path, facts ...audit.Fact) error {
	e, err := audit.New(audit.Event{ID: w.id(), At: w.now, Action: action, TargetID: target, Path: at}, facts...)
	if err != nil {
		return err
	}
	return w.tx.Audit().Insert(ctx, e)
}

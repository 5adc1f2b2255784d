package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// How much one sweep takes of each kind, and how long results of calls with
// an idempotency key and counts of failures are kept.
const (
	sweepBatch  = 500
	requestLife = 24 * time.Hour
	guessLife   = 24 * time.Hour
)

// Sweep ends commands, holds and unused codes that are past their time, and
// forgets old idempotency keys and counts of failures. It returns how many
// things it ended. Each is a transaction of its own, so that one that can't
// be ended stands in nobody's way; the error then joins what went wrong.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	var problems []error
	total := 0
	for _, job := range []func(context.Context) (int, error){s.expireCommands, s.expireHolds, s.expireCodes, s.forget} {
		n, err := job(ctx)
		total += n
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return total, fmt.Errorf("fleet: sweep: %w", err)
	}
	return total, nil
}

// ending is how one kind of record is ended.
type ending[R any] struct {
	// late lists some that are past their time.
	late func(ctx context.Context, tx store.Tx, now time.Time) ([]R, error)
	id   func(R) string
	// end reads the record anew, ends it and audits that; it reports false
	// where nothing is left to do.
	end func(ctx context.Context, w *work, id string) (bool, error)
}

func sweep[R any](ctx context.Context, s *Service, e ending[R]) (n int, err error) {
	now := s.Now()
	var late []R
	err = s.store.View(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		late, err = e.late(ctx, tx, now)
		return err
	})
	problems := []error{err}
	for _, r := range late {
		ended, made := false, &ids{make: s.opt.NewID}
		err := s.store.Update(ctx, func(ctx context.Context, tx store.Tx) (err error) {
			ended, err = e.end(ctx, &work{tx: tx, now: now, s: s, ids: made}, e.id(r))
			return err
		})
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", e.id(r), err))
		} else if ended {
			n++
		}
		if ctx.Err() != nil {
			break
		}
	}
	return n, errors.Join(problems...)
}

func (s *Service) expireCommands(ctx context.Context) (int, error) {
	return sweep(ctx, s, ending[commands.Command]{
		late: func(ctx context.Context, tx store.Tx, now time.Time) ([]commands.Command, error) {
			return tx.Commands().Late(ctx, now, sweepBatch)
		},
		id: func(c commands.Command) string { return c.ID },
		end: func(ctx context.Context, w *work, id string) (bool, error) {
			c, err := w.tx.Commands().Command(ctx, id)
			if err != nil || c.State.Final() || !c.Late(w.now) {
				return false, err
			}
			if c, err = w.finish(ctx, c, commands.Expired); err != nil {
				return false, err
			}
			return true, w.auditSystem(ctx, "command.expire", c.ID, c.Path, fact("device", c.DeviceID))
		},
	})
}

func (s *Service) expireHolds(ctx context.Context) (int, error) {
	return sweep(ctx, s, ending[ledger.Hold]{
		late: func(ctx context.Context, tx store.Tx, now time.Time) ([]ledger.Hold, error) {
			return tx.Ledger().ExpiredHolds(ctx, now, sweepBatch)
		},
		id: func(h ledger.Hold) string { return h.ID },
		end: func(ctx context.Context, w *work, id string) (bool, error) {
			h, err := w.tx.Ledger().Hold(ctx, id)
			if err != nil || h.Left() == 0 || !h.Expired(w.now) {
				return false, err
			}
			if _, err := ledger.Release(ctx, w.tx.Ledger(), id, 0, w.now); err != nil {
				return false, err
			}
			acc, err := w.tx.Accounts().Get(ctx, h.AccountID)
			if err != nil {
				return false, err
			}
			return true, w.auditSystem(ctx, "credit.hold_expire", id, acc.Path, fact("released", h.Left()))
		},
	})
}

func (s *Service) expireCodes(ctx context.Context) (int, error) {
	return sweep(ctx, s, ending[activation.Code]{
		late: func(ctx context.Context, tx store.Tx, now time.Time) ([]activation.Code, error) {
			return tx.Codes().Lapsed(ctx, now, sweepBatch)
		},
		id: func(c activation.Code) string { return c.ID },
		end: func(ctx context.Context, w *work, id string) (bool, error) {
			c, err := w.tx.Codes().Code(ctx, id)
			if err != nil {
				return false, err
			}
			unspent := c.Unspent()
			if c, err = c.Lapse(w.now); err != nil {
				return false, nil // somebody used or ended it meanwhile
			}
			if err := w.saveCode(ctx, c, unspent); err != nil {
				return false, err
			}
			return true, w.auditSystem(ctx, "activation_code.expire", id, c.Path)
		},
	})
}

// forget removes what was kept for a while only.
func (s *Service) forget(ctx context.Context) (n int, err error) {
	now := s.Now()
	err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		requests, err := tx.Requests().DeleteBefore(ctx, now.Add(-requestLife), sweepBatch)
		if err != nil {
			return err
		}
		counts, err := tx.Identity().ForgetAttempts(ctx, now.Add(-guessLife), sweepBatch)
		n = int(requests + counts)
		return err
	})
	return n, err
}

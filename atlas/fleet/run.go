package fleet

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// Run does what has to happen by itself until ctx is done: it scans uploads,
// seals the audit log, and ends what is past its time. Several nodes may run
// it at once. What fails is logged and tried again.
func (s *Service) Run(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { return s.every(ctx, "scan", time.Second, s.scanKick, s.ScanPending) })
	g.Go(func() error { return s.every(ctx, "seal", time.Second, nil, s.SealAudit) })
	g.Go(func() error { return s.every(ctx, "sweep", 5*time.Second, nil, s.Sweep) })
	return g.Wait()
}

func (s *Service) every(ctx context.Context, what string, d time.Duration, kick <-chan struct{}, job func(context.Context) (int, error)) error {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		if _, err := job(ctx); err != nil && ctx.Err() == nil {
			s.opt.Logger.ErrorContext(ctx, "background work failed", "work", what, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		case <-kick:
		}
	}
}

// How much one sweep takes of each kind, and how long results of calls with
// an idempotency key and counts of failures are kept.
const (
	sweepBatch  = 500
	requestLife = 24 * time.Hour
	guessLife   = 24 * time.Hour
)

// Sweep ends commands, holds and unused codes that are past their time, and
// forgets old idempotency keys and counts of failures. It returns how many
// things it ended. Each is a transaction of its own.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	total := 0
	for _, job := range []func(context.Context) (int, error){s.expireCommands, s.expireHolds, s.expireCodes, s.forget} {
		n, err := job(ctx)
		total += n
		if err != nil {
			return total, fmt.Errorf("fleet: sweep: %w", err)
		}
	}
	return total, nil
}

// sweep runs one kind of ending in a transaction.
func (s *Service) sweep(ctx context.Context, fn func(ctx context.Context, w *work) (int, error)) (n int, err error) {
	now, made := s.Now(), &ids{make: s.opt.NewID}
	err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		n, err = fn(ctx, &work{tx: tx, now: now, s: s, ids: made})
		return err
	})
	return n, err
}

func (s *Service) expireCommands(ctx context.Context) (int, error) {
	return s.sweep(ctx, func(ctx context.Context, w *work) (int, error) {
		late, err := w.tx.Commands().Late(ctx, w.now, sweepBatch)
		if err != nil {
			return 0, err
		}
		for _, c := range late {
			if _, err := w.finish(ctx, c, commands.Expired); err != nil {
				return 0, err
			}
			if err := w.auditSystem(ctx, "command.expire", c.ID, c.Path, fact("device", c.DeviceID)); err != nil {
				return 0, err
			}
		}
		return len(late), nil
	})
}

func (s *Service) expireHolds(ctx context.Context) (int, error) {
	return s.sweep(ctx, func(ctx context.Context, w *work) (int, error) {
		late, err := w.tx.Ledger().ExpiredHolds(ctx, w.now, sweepBatch)
		if err != nil {
			return 0, err
		}
		for _, h := range late {
			if _, err := ledger.Release(ctx, w.tx.Ledger(), h.ID, 0, w.now); err != nil {
				return 0, err
			}
			acc, err := w.tx.Accounts().Get(ctx, h.AccountID)
			if err != nil {
				return 0, err
			}
			if err := w.auditSystem(ctx, "credit.hold_expire", h.ID, acc.Path, fact("released", h.Left())); err != nil {
				return 0, err
			}
		}
		return len(late), nil
	})
}

func (s *Service) expireCodes(ctx context.Context) (int, error) {
	return s.sweep(ctx, func(ctx context.Context, w *work) (int, error) {
		lapsed, err := w.tx.Codes().Lapsed(ctx, w.now, sweepBatch)
		if err != nil {
			return 0, err
		}
		for _, c := range lapsed {
			c, err := c.Expire(w.now)
			if err != nil {
				return 0, err
			}
			if err := w.saveCode(ctx, c); err != nil {
				return 0, err
			}
			if err := w.auditSystem(ctx, "activation_code.expire", c.ID, c.Path); err != nil {
				return 0, err
			}
		}
		return len(lapsed), nil
	})
}

func (s *Service) forget(ctx context.Context) (int, error) {
	return s.sweep(ctx, func(ctx context.Context, w *work) (int, error) {
		n, err := w.tx.Requests().DeleteBefore(ctx, w.now.Add(-requestLife), sweepBatch)
		if err != nil {
			return 0, err
		}
		m, err := w.tx.Identity().ForgetAttempts(ctx, w.now.Add(-guessLife), sweepBatch)
		return int(n + m), err
	})
}

// Reconcile recomputes every balance from the postings and returns an error
// that names the first account that differs, or whose sum over all accounts
// is not zero.
func (s *Service) Reconcile(ctx context.Context) error {
	return s.store.View(ctx, func(ctx context.Context, tx store.Tx) error {
		stored, err := tx.Ledger().Balances(ctx)
		if err != nil {
			return fmt.Errorf("fleet: reconcile: %w", err)
		}
		want := map[atlas.AccountID]ledger.Credits{}
		for after := ""; ; {
			es, err := tx.Ledger().AllEntries(ctx, after, 1000)
			if err != nil {
				return fmt.Errorf("fleet: reconcile: %w", err)
			}
			for _, e := range es {
				want[e.FromID] -= e.Amount
				want[e.ToID] += e.Amount
				after = e.ID
			}
			if len(es) < 1000 {
				break
			}
		}
		var sum ledger.Credits
		for _, b := range stored {
			if sum += b.Posted; b.Posted != want[b.ID] {
				return fmt.Errorf("fleet: reconcile: %s has %d, its postings say %d: %w", b.ID, b.Posted, want[b.ID], atlas.ErrStale)
			}
		}
		if sum != 0 {
			return fmt.Errorf("fleet: reconcile: balances sum to %d: %w", sum, atlas.ErrStale)
		}
		return nil
	})
}

package fleet

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/atlas-mdm/atlas-go/atlas"
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

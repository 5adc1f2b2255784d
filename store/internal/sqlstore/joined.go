package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// Joined is a store.Store inside a transaction that somebody else began and
// will end.
type Joined struct {
	db       *bun.DB
	cfg      Config
	tx       *sql.Tx
	admit    func(ctx context.Context, tx *sql.Tx) error
	separate store.Store
	turn     chan struct{} // a transaction does one thing at a time
	admitted bool          // guarded by turn
}

var (
	_ store.Store    = (*Joined)(nil)
	_ store.Separate = (*Joined)(nil)
)

// Join returns a store inside tx. Before its first use admit looks at the
// transaction and may refuse it. separate is what [Joined.Separate] returns;
// nil stands for the store itself.
func Join(tx *sql.Tx, cfg Config, admit func(context.Context, *sql.Tx) error, separate store.Store) *Joined {
	return &Joined{
		db: bun.NewDB(nil, cfg.Dialect), cfg: cfg, tx: tx, // each query is given its connection
		admit: admit, separate: separate, turn: make(chan struct{}, 1),
	}
}

// Separate implements store.Separate.
func (j *Joined) Separate() store.Store {
	if j.separate == nil {
		return j
	}
	return j.separate
}

// Update implements store.Store: it runs fn once.
func (j *Joined) Update(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	return j.run(ctx, false, fn)
}

// View implements store.Store: it runs fn once.
func (j *Joined) View(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	return j.run(ctx, true, fn)
}

func (j *Joined) run(ctx context.Context, readOnly bool, fn func(context.Context, store.Tx) error) error {
	ctx, err := enter(ctx, j)
	if err != nil {
		return err
	}
	select {
	case j.turn <- struct{}{}:
		defer func() { <-j.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := j.check(ctx); err != nil {
		return err
	}
	l := &lease{IConn: j.tx}
	defer func() { l.over = true }()
	err = savepoint(ctx, j.tx, "atlas_joined", func() error {
		return fn(ctx, &tx{db: j.db, conn: l, cfg: &j.cfg, readOnly: readOnly})
	})
	if err != nil && j.cfg.LostRace(err) {
		return because(err, atlas.ErrStale)
	}
	return err
}

func (j *Joined) check(ctx context.Context) error {
	if j.admitted {
		return nil
	}
	if err := j.admit(ctx, j.tx); err != nil {
		return err
	}
	j.admitted = true
	return nil
}

// lease is a connection until fn returns, because the transaction itself
// lives on.
type lease struct {
	bun.IConn
	over bool
}

func (l *lease) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if l.over {
		return nil, fmt.Errorf("store: after the end: %w", sql.ErrTxDone)
	}
	return l.IConn.ExecContext(ctx, query, args...)
}

func (l *lease) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if l.over {
		return nil, fmt.Errorf("store: after the end: %w", sql.ErrTxDone)
	}
	return l.IConn.QueryContext(ctx, query, args...)
}

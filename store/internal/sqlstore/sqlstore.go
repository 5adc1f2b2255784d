// Package sqlstore is the store over a database that bun has a dialect for:
// the transactions and the queries that the backends postgres and sqlite
// share. Only these three packages import bun.
//
// Records are written and read as they are, without row types of their own:
// bun names a column after each field. A table is a [table] of the record.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// Config is how one database differs from another.
type Config struct {
	Dialect schema.Dialect
	// Write and Read are how transactions begin.
	Write, Read sql.TxOptions
	// LostRace reports whether the transaction is to run again because of
	// what others did at the same time.
	LostRace func(error) bool
	// Attempts is how often a transaction runs at most; 0 means
	// [DefaultAttempts].
	Attempts int
	// Admit looks at the first transaction of a store and may refuse to work
	// on such a database; nil admits every one.
	Admit func(ctx context.Context, tx *sql.Tx) error
	// OneWriter makes writing transactions of this process queue up, for a
	// database that has room for one at a time.
	OneWriter bool
	// Find is the SQL function that returns where in its first argument the
	// second begins, from 1, or 0.
	Find string
	// Instant is the SQL expression of a placeholder that holds a time.
	Instant string
}

// Store is a store.Store over a pool of connections.
type Store struct {
	db     *bun.DB
	cfg    Config
	writer chan struct{} // nil: any number
	fit    atomic.Bool   // the database was admitted
}

var _ store.Store = (*Store)(nil)

// New returns a store over db.
func New(db *sql.DB, cfg Config) *Store {
	s := &Store{db: bun.NewDB(db, cfg.Dialect), cfg: cfg}
	if cfg.OneWriter {
		s.writer = make(chan struct{}, 1)
	}
	return s
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	ctx, err := enter(ctx, s)
	if err != nil {
		return err
	}
	return s.cfg.retry(ctx, func() error {
		if err := s.takeTurn(ctx); err != nil {
			return err
		}
		defer s.endTurn()
		return s.once(ctx, &s.cfg.Write, false, fn)
	})
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	ctx, err := enter(ctx, s)
	if err != nil {
		return err
	}
	return s.cfg.retry(ctx, func() error { return s.once(ctx, &s.cfg.Read, true, fn) })
}

func (s *Store) takeTurn(ctx context.Context) error {
	if s.writer == nil {
		return nil
	}
	select {
	case s.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) endTurn() {
	if s.writer != nil {
		<-s.writer
	}
}

func (s *Store) once(ctx context.Context, opts *sql.TxOptions, readOnly bool, fn func(context.Context, store.Tx) error) (err error) {
	// Not bun's transaction: a plain one serves Joined too.
	t, err := s.db.DB.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	defer func() {
		if rerr := t.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) && ctx.Err() == nil {
			err = errors.Join(err, fmt.Errorf("store: roll back: %w", rerr))
		}
	}()
	if err := s.admit(ctx, t); err != nil {
		return err
	}
	if err := fn(ctx, &tx{db: s.db, conn: t, cfg: &s.cfg, readOnly: readOnly}); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("store: commit: %w", err)
	}
	return nil
}

func (s *Store) admit(ctx context.Context, t *sql.Tx) error {
	if s.cfg.Admit == nil || s.fit.Load() {
		return nil
	}
	err := s.cfg.Admit(ctx, t)
	if err == nil {
		s.fit.Store(true)
	}
	return err
}

// inTx marks the context of a transaction of that store.
type inTx struct{ of any }

// enter returns the context for a transaction of the store s, or ErrNestedTx
// if ctx is already one's.
func enter(ctx context.Context, s any) (context.Context, error) {
	if ctx.Value(inTx{s}) != nil {
		return ctx, atlas.ErrNestedTx
	}
	return context.WithValue(ctx, inTx{s}, true), nil
}

// tx is one transaction.
type tx struct {
	db       *bun.DB
	conn     bun.IConn
	cfg      *Config
	readOnly bool
}

func (x *tx) Accounts() store.Accounts { return accounts{x} }
func (x *tx) Folders() store.Folders   { return folders{x} }
func (x *tx) Devices() store.Devices   { return devices{x} }
func (x *tx) Codes() store.Codes       { return codes{x} }
func (x *tx) Ledger() store.Ledger     { return book{x} }
func (x *tx) Packages() store.Packages { return packages{x} }
func (x *tx) Commands() store.Commands { return queue{x} }
func (x *tx) Identity() store.Identity { return keys{x} }
func (x *tx) Security() store.Security { return securityLog{x} }
func (x *tx) Audit() store.Audit       { return auditLog{x} }
func (x *tx) Requests() store.Requests { return requests{x} }

// write runs a statement and returns how many rows it changed.
func (x *tx) write(ctx context.Context, query string, args ...any) (int64, error) {
	if x.readOnly {
		return 0, atlas.ErrReadOnly
	}
	return changed(x.db.NewRaw(query, args...).Conn(x.conn).Exec(ctx))
}

// changed returns how many rows a statement changed.
func changed(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, fmt.Errorf("store: write: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("store: rows affected: %w", err)
	}
	return n, nil
}

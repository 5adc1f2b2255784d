// Package postgres is the store over PostgreSQL 13 or newer. It brings no
// driver: the caller opens the *sql.DB, best with pgx's stdlib in
// QueryExecModeExec, because statements arrive with their arguments in them
// and none is worth preparing.
//
// [Migrate] makes the tables, all of them called atlas_*. [New] returns the
// store. [Joined] runs use cases inside a transaction of the embedder's own.
//
// Transactions are SERIALIZABLE. One that lost a race is run again; which
// errors say so is known by their SQLSTATE, so that any driver will do whose
// errors have a method SQLState.
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/internal/sqlstore"
)

// Options are how a store behaves. The zero value is good.
type Options struct {
	// Attempts is how often a transaction that loses races is run at most;
	// 0 means 30.
	Attempts int
}

// Store is a store.Store over a PostgreSQL database.
type Store struct{ sql *sqlstore.Store }

var _ store.Store = (*Store)(nil)

// New returns a store over db, whose tables [Migrate] made. It takes one
// connection of the pool for each transaction.
func New(db *sql.DB, o Options) *Store { return &Store{sqlstore.New(db, config(o.Attempts))} }

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	return s.sql.Update(ctx, fn)
}

// View implements store.Store. It may run fn again like Update: a snapshot
// that no order of the writers explains is not shown.
func (s *Store) View(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	return s.sql.View(ctx, fn)
}

func config(attempts int) sqlstore.Config {
	return sqlstore.Config{
		Dialect:  pgdialect.New(),
		Write:    sql.TxOptions{Isolation: sql.LevelSerializable},
		Read:     sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true},
		LostRace: lostRace,
		Admit:    quoting,
		Attempts: attempts,
		Find:     "strpos",
		Instant:  "?::timestamptz",
	}
}

// ErrQuoting is the atlas.ErrInvalid of a database, role or connection on
// which the setting standard_conforming_strings is off. Statements arrive with
// their arguments in them, quoted as the SQL standard says; with that setting
// off a backslash in an argument would be read as part of the statement.
var ErrQuoting = fmt.Errorf("postgres: standard_conforming_strings is off (%w)", atlas.ErrInvalid)

// quoting refuses to work where texts are not quoted as the standard says.
func quoting(ctx context.Context, tx *sql.Tx) error {
	var setting string
	if err := tx.QueryRowContext(ctx, "SHOW standard_conforming_strings").Scan(&setting); err != nil {
		return fmt.Errorf("postgres: read settings: %w", err)
	}
	if setting != "on" {
		return ErrQuoting
	}
	return nil
}

// lostRace knows the conditions after which PostgreSQL's manual (section
// 13.5, "Serialization Failure Handling") tells to run a transaction again:
// serialization_failure, deadlock_detected, and unique_violation, which two
// transactions that write the same new key may meet although each of them
// looked first.
func lostRace(err error) bool {
	var e interface{ SQLState() string }
	if !errors.As(err, &e) {
		return false
	}
	switch e.SQLState() {
	case "40001", "40P01", "23505":
		return true
	}
	return false
}

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewer is returned by [Migrate] for a database that a newer version of
// this module migrated. It is an atlas.ErrRefused.
var ErrNewer = sqlstore.ErrNewer

// migrating is the key of the advisory lock under which migrations run:
// "atlas" in ASCII.
const migrating = 0x61746c6173

// Migrate brings the tables to this version: it runs the migrations that are
// not in the table atlas_migrations yet, all of them or none. There is no way
// back. Nodes that start together may all call it; one works and the others
// wait.
func Migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("postgres: migrations: %w", err)
	}
	// Read committed, so that those who waited see what was done meanwhile.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after the commit it does nothing
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrating)); err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	if err := quoting(ctx, tx); err != nil {
		return err
	}
	if err := sqlstore.Migrate(ctx, tx, files); err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	return nil
}

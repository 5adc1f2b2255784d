// Package sqlite is the store over a SQLite file, for a program that is its
// own server. It brings no driver: the caller opens the *sql.DB with
// modernc.org/sqlite and the name that [DSN] returns. SQLite must be 3.37 or
// newer.
//
// [Migrate] makes the tables, all of them called atlas_*. [New] returns the
// store. Any number of transactions read at the same time, each its own
// snapshot, while one writes. Writers of one store queue up; those of other
// stores and processes on the same file wait for the file's lock.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/internal/sqlstore"
)

// Options are how a store behaves. The zero value is good.
type Options struct {
	// Attempts is how often a transaction that loses races is run at most;
	// 0 means 30.
	Attempts int
}

// Store is a store.Store over a SQLite file.
type Store struct{ sql *sqlstore.Store }

var _ store.Store = (*Store)(nil)

// New returns a store over db, which was opened by the name that [DSN]
// returns and whose tables [Migrate] made. Use one store for each file: its
// writers then wait for each other without touching the file.
func New(db *sql.DB, o Options) *Store {
	return &Store{sqlstore.New(db, sqlstore.Config{
		Dialect:   sqlitedialect.New(),
		Read:      sql.TxOptions{ReadOnly: true}, // begins without a lock; others begin with the writer's
		LostRace:  busy,
		Attempts:  o.Attempts,
		OneWriter: true,
		Find:      "instr",
		Instant:   "?",
	})}
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	return s.sql.Update(ctx, fn)
}

// View implements store.Store. It waits for no writer.
func (s *Store) View(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	return s.sql.View(ctx, fn)
}

// DSN returns the name by which modernc.org/sqlite opens file as the store
// needs it:
//
//   - writing transactions take the lock when they begin (_txlock=immediate):
//     one that read first could not get it later;
//   - the log is written ahead (journal_mode WAL), so that readers and the
//     writer don't wait for each other;
//   - a commit is on the disk before it returns (synchronous FULL). NORMAL
//     would be enough after a crash of the process, but a power failure would
//     take back commits whose devices were told already that they are
//     activated;
//   - the lock of another process is waited for, five seconds at most
//     (busy_timeout);
//   - foreign keys hold, for the embedder's own tables in the file.
func DSN(file string) string {
	q := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: file, RawQuery: q.Encode()}).String()
}

// busy knows SQLITE_BUSY (5) and SQLITE_LOCKED (6), whose extended codes have
// them in the low byte: https://www.sqlite.org/rescode.html.
func busy(err error) bool {
	var e interface{ Code() int }
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code() & 0xff
	return code == 5 || code == 6
}

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewer is returned by [Migrate] for a file that a newer version of this
// module migrated. It is an atlas.ErrRefused.
var ErrNewer = sqlstore.ErrNewer

// Migrate brings the tables to this version: it runs the migrations that are
// not in the table atlas_migrations yet, all of them or none. There is no way
// back. Processes that start together may all call it; one works and the
// others wait.
func Migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("sqlite: migrations: %w", err)
	}
	conn, err := begin(ctx, db)
	if err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	defer conn.Close()
	end := "COMMIT"
	err = sqlstore.Migrate(ctx, conn, files)
	if err != nil {
		end = "ROLLBACK"
	}
	// Also when ctx has ended: the connection goes back to the pool.
	if _, endErr := conn.ExecContext(context.WithoutCancel(ctx), end); endErr != nil {
		err = errors.Join(err, endErr)
	}
	if err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	return nil
}

// begin begins a writing transaction, however db was opened, and waits for
// the file's lock as long as ctx lets it. Opening a connection may meet the
// lock too, because it changes the journal mode of a new file.
func begin(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	for {
		conn, err := db.Conn(ctx)
		if err == nil {
			if _, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err == nil {
				return conn, nil
			}
			err = errors.Join(err, conn.Close())
		}
		if !busy(err) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"slices"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// ErrNewer means that the database was migrated by a newer program. It is an
// atlas.ErrRefused.
var ErrNewer = fmt.Errorf("store: the database is newer than this program (%w)", atlas.ErrRefused)

// Session is one connection inside a transaction.
type Session interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Migrate runs the files that the database has not seen yet, in the order of
// their names, and records them in atlas_migrations. The transaction of s
// must keep everybody else who migrates out.
func Migrate(ctx context.Context, s Session, files fs.FS) error {
	all, err := fs.Glob(files, "*.sql")
	if err != nil {
		return fmt.Errorf("store: migrations: %w", err)
	}
	slices.Sort(all)
	done, err := migrated(ctx, s)
	if err != nil {
		return fmt.Errorf("store: read atlas_migrations: %w", err)
	}
	for _, name := range done {
		if !slices.Contains(all, name) {
			return fmt.Errorf("%w: it has %s", ErrNewer, name)
		}
	}
	for _, name := range all {
		if slices.Contains(done, name) {
			continue
		}
		if err := migrate(ctx, s, files, name); err != nil {
			return fmt.Errorf("store: migration %s: %w", name, err)
		}
	}
	return nil
}

func migrated(ctx context.Context, s Session) (names []string, err error) {
	if _, err := s.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS atlas_migrations
		(name text PRIMARY KEY, applied_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)`); err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, "SELECT name FROM atlas_migrations")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// migrate runs one file. Its name goes into the statement as it is, because
// drivers differ in how arguments are written; it is one of our own.
func migrate(ctx context.Context, s Session, files fs.FS, name string) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if _, err := s.ExecContext(ctx, string(text)); err != nil {
		return err
	}
	_, err = s.ExecContext(ctx, "INSERT INTO atlas_migrations (name) VALUES ('"+name+"')")
	return err
}

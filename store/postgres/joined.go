package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/internal/sqlstore"
)

// JoinedOptions are how a store inside the embedder's transaction behaves.
type JoinedOptions struct {
	// Security is where security events go, so that they stay when the
	// embedder rolls back: a store over the same database, from [New]. It
	// takes a connection of its own. If it is nil, events are part of the
	// embedder's transaction and of its fate.
	Security store.Store
}

// Joined returns a store that works inside tx, a transaction of the
// embedder's own, so that its rows and those of ATLAS commit or roll back
// together. The store lives as long as tx and serves one transaction at a
// time.
//
// An Update or View runs its function once. If the function fails, nothing
// that it did remains, and tx stays usable. The embedder commits; after a lost
// race, which is an error that wraps atlas.ErrStale or tx's own commit that
// fails with SQLSTATE 40001, it rolls back and runs its whole transaction
// again.
//
// tx must be serializable, else the first use is refused with an
// [IsolationError]; like [New]'s store it refuses a database that quotes in the
// old way with [ErrQuoting].
func Joined(tx *sql.Tx, o JoinedOptions) store.Store {
	return sqlstore.Join(tx, config(1), serializable, o.Security)
}

// IsolationError is the atlas.ErrInvalid of a transaction that can't be
// joined, because its isolation level is below serializable.
type IsolationError struct {
	Level string // as PostgreSQL calls it, such as "read committed"
}

// Error names the level.
func (e *IsolationError) Error() string {
	return "postgres: a transaction must be serializable to be joined, this one is " + e.Level
}

// Is reports whether target is atlas.ErrInvalid.
func (e *IsolationError) Is(target error) bool { return target == atlas.ErrInvalid }

func serializable(ctx context.Context, tx *sql.Tx) error {
	var level string
	if err := tx.QueryRowContext(ctx, "SHOW transaction_isolation").Scan(&level); err != nil {
		return fmt.Errorf("postgres: join: %w", err)
	}
	if level != "serializable" {
		return &IsolationError{Level: level}
	}
	return quoting(ctx, tx)
}

package postgres_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/postgres"
	"github.com/atlas-mdm/atlas-go/store/postgres/postgrestest"
	"github.com/atlas-mdm/atlas-go/store/storetest"
)

// migrated returns a new database with the tables in it.
func migrated(t testing.TB) *sql.DB {
	t.Helper()
	db := postgrestest.DB(t)
	require.NoError(t, postgres.Migrate(t.Context(), db))
	return db
}

func TestItKeepsTheContract(t *testing.T) {
	dbs := &pool{t: t}
	storetest.Run(t, func(t *testing.T) store.Store { return postgres.New(dbs.take(t), postgres.Options{}) })
}

// pool gives databases to tests that run at the same time. To empty one is
// much faster than to make one.
type pool struct {
	t    *testing.T // whose end is the databases'
	mu   sync.Mutex
	free []*sql.DB
}

// take returns an empty database for as long as t runs.
func (p *pool) take(t *testing.T) *sql.DB {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		p.free = append(p.free, migrated(p.t))
	}
	db := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free = append(p.free, db)
	})
	_, err := db.ExecContext(t.Context(), emptying(t, db))
	require.NoError(t, err)
	return db
}

// emptying returns the statements that delete all rows.
func emptying(t testing.TB, db *sql.DB) (text string) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), `
		SELECT string_agg('DELETE FROM ' || tablename, ';') FROM pg_tables
		WHERE tablename LIKE 'atlas\_%' AND tablename <> 'atlas_migrations'`).Scan(&text))
	return text
}

func TestMigrateTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	require.NoError(t, postgres.New(db, postgres.Options{}).Update(t.Context(), func(ctx context.Context, tx store.Tx) error {
		return tx.Accounts().Insert(ctx, atlas.Account{ID: "a", UsernameKey: "a"})
	}))
	require.NoError(t, postgres.Migrate(t.Context(), db))
	require.Equal(t, 1, count(t, db, "atlas_accounts"))
}

func TestNodesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	db := postgrestest.DB(t)
	g, ctx := errgroup.WithContext(t.Context())
	for range 4 {
		g.Go(func() error { return postgres.Migrate(ctx, db) })
	}
	require.NoError(t, g.Wait())
	require.Equal(t, 1, count(t, db, "atlas_migrations"))
}

func TestADatabaseOfANewerProgramIsRefused(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	_, err := db.ExecContext(t.Context(), "INSERT INTO atlas_migrations (name) VALUES ('9999_later.sql')")
	require.NoError(t, err)
	err = postgres.Migrate(t.Context(), db)
	require.ErrorIs(t, err, postgres.ErrNewer)
	require.ErrorIs(t, err, atlas.ErrRefused)
}

func count(t testing.TB, db *sql.DB, table string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

package postgres_test

import (
	"context"
	"database/sql"
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
	storetest.Run(t, func(t *testing.T) store.Store { return postgres.New(migrated(t), postgres.Options{}) })
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

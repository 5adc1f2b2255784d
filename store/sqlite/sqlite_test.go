package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/sqlite"
	"github.com/atlas-mdm/atlas-go/store/storetest"
)

// open opens file as a program does.
func open(t testing.TB, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", sqlite.DSN(file))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// migrated returns a new file with the tables in it.
func migrated(t testing.TB) *sql.DB {
	t.Helper()
	db := open(t, filepath.Join(t.TempDir(), "atlas.db"))
	require.NoError(t, sqlite.Migrate(t.Context(), db))
	return db
}

func TestItKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return sqlite.New(migrated(t), sqlite.Options{}) })
}

func TestDSNSetsTheFileUp(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		var got string
		require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
}

func TestDSNTakesAnyNameOfAFile(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b.db", "what?.db", "50%.db", "#1.db", "a&b=c.db", "é.db"} {
		file := filepath.Join(t.TempDir(), name)
		require.NoError(t, sqlite.Migrate(t.Context(), open(t, file)))
		require.FileExists(t, file)
	}
}

func TestDSNOfARelativeNameIsRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, sqlite.Migrate(t.Context(), open(t, "atlas.db")))
	require.FileExists(t, "atlas.db")
}

func TestMigrateTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	require.NoError(t, sqlite.New(db, sqlite.Options{}).Update(t.Context(), insertDevice("d")))
	require.NoError(t, sqlite.Migrate(t.Context(), db))
	require.Equal(t, 1, count(t, db, "atlas_devices"))
}

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "atlas.db")
	g, ctx := errgroup.WithContext(t.Context())
	for range 4 {
		db := open(t, file) // a pool each, as processes have
		g.Go(func() error { return sqlite.Migrate(ctx, db) })
	}
	require.NoError(t, g.Wait())
	require.Equal(t, 1, count(t, open(t, file), "atlas_migrations"))
}

func TestAFileOfANewerProgramIsRefused(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	_, err := db.ExecContext(t.Context(), "INSERT INTO atlas_migrations (name) VALUES ('9999_later.sql')")
	require.NoError(t, err)
	require.ErrorIs(t, sqlite.Migrate(t.Context(), db), sqlite.ErrNewer)
	require.NoError(t, sqlite.New(db, sqlite.Options{}).Update(t.Context(), insertDevice("d")), "the lock was given back")
}

func TestAViewTakesNoLockAndSeesOneSnapshot(t *testing.T) {
	t.Parallel()
	st := sqlite.New(migrated(t), sqlite.Options{})
	require.NoError(t, st.View(t.Context(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Devices().Get(ctx, "d")
		require.ErrorIs(t, err, atlas.ErrNotFound)
		// With the test's context: a second transaction, not one inside.
		require.NoError(t, st.Update(t.Context(), insertDevice("d")))
		_, err = tx.Devices().Get(ctx, "d")
		require.ErrorIs(t, err, atlas.ErrNotFound)
		return nil
	}))
}

func TestWritersOfTwoStoresOnOneFileLoseNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "atlas.db")
	one, two := open(t, file), open(t, file)
	require.NoError(t, sqlite.Migrate(t.Context(), one))
	stores := []*sqlite.Store{sqlite.New(one, sqlite.Options{}), sqlite.New(two, sqlite.Options{})}
	require.NoError(t, stores[0].Update(t.Context(), insertDevice("d")))
	g, ctx := errgroup.WithContext(t.Context())
	for i := range 8 {
		g.Go(func() error {
			for range 10 {
				if err := stores[i%2].Update(ctx, addToSDK); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	var d atlas.Device
	require.NoError(t, stores[0].View(t.Context(), func(ctx context.Context, tx store.Tx) (err error) {
		d, err = tx.Devices().Get(ctx, "d")
		return err
	}))
	require.EqualValues(t, 80, d.SDK)
}

func TestAWriterInTheQueueGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	st := sqlite.New(migrated(t), sqlite.Options{})
	require.NoError(t, st.Update(t.Context(), func(context.Context, store.Tx) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, st.Update(ctx, insertDevice("d")), context.Canceled)
		return nil
	}))
}

func TestAttemptsEnd(t *testing.T) {
	t.Parallel()
	st, runs := sqlite.New(migrated(t), sqlite.Options{Attempts: 3}), 0
	require.ErrorIs(t, st.Update(t.Context(), func(context.Context, store.Tx) error {
		runs++
		return atlas.ErrStale
	}), atlas.ErrStale)
	require.Equal(t, 3, runs)
}

func TestAnotherProcessThatKeepsTheLockIsAStaleWriteInTheEnd(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "atlas.db")
	require.NoError(t, sqlite.Migrate(t.Context(), open(t, file)))
	other, err := open(t, file).BeginTx(t.Context(), nil) // takes the lock, by DSN
	require.NoError(t, err)
	impatient, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, impatient.Close()) })
	st := sqlite.New(impatient, sqlite.Options{Attempts: 2})
	require.ErrorIs(t, st.Update(t.Context(), insertDevice("d")), atlas.ErrStale)
	require.NoError(t, other.Rollback())
	require.NoError(t, st.Update(t.Context(), insertDevice("d")))
}

func addToSDK(ctx context.Context, tx store.Tx) error {
	d, err := tx.Devices().Get(ctx, "d")
	if err != nil {
		return err
	}
	d.SDK++
	return tx.Devices().Save(ctx, d)
}

func insertDevice(id atlas.DeviceID) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		return tx.Devices().Insert(ctx, atlas.Device{ID: id, KeyID: "k-" + string(id), SupportID: "s-" + string(id)})
	}
}

func count(t testing.TB, db *sql.DB, table string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

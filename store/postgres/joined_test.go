package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/postgres"
)

// embedder is a program with a table of its own.
func embedder(t *testing.T) *sql.DB {
	t.Helper()
	db := migrated(t)
	_, err := db.ExecContext(t.Context(), "CREATE TABLE orders (id text PRIMARY KEY)")
	require.NoError(t, err)
	return db
}

func begin(t *testing.T, db *sql.DB, level sql.IsolationLevel) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: level})
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func order(t *testing.T, tx *sql.Tx, id string) {
	t.Helper()
	_, err := tx.ExecContext(t.Context(), "INSERT INTO orders VALUES ($1)", id)
	require.NoError(t, err)
}

func insertDevice(id atlas.DeviceID) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		return tx.Devices().Insert(ctx, atlas.Device{ID: id, KeyID: "k-" + string(id), SupportID: "s-" + string(id)})
	}
}

func TestJoinedRowsCommitWithTheEmbeddersOwn(t *testing.T) {
	t.Parallel()
	db := embedder(t)
	tx := begin(t, db, sql.LevelSerializable)
	order(t, tx, "o")
	require.NoError(t, postgres.Joined(tx, postgres.JoinedOptions{}).Update(t.Context(), insertDevice("d")))
	require.Equal(t, 0, count(t, db, "atlas_devices"), "nobody else sees it yet")
	require.NoError(t, tx.Commit())
	require.Equal(t, 1, count(t, db, "orders"))
	require.Equal(t, 1, count(t, db, "atlas_devices"))
}

func TestJoinedRowsRollBackWithTheEmbeddersOwn(t *testing.T) {
	t.Parallel()
	db := embedder(t)
	tx := begin(t, db, sql.LevelSerializable)
	order(t, tx, "o")
	require.NoError(t, postgres.Joined(tx, postgres.JoinedOptions{}).Update(t.Context(), insertDevice("d")))
	require.NoError(t, tx.Rollback())
	require.Equal(t, 0, count(t, db, "orders"))
	require.Equal(t, 0, count(t, db, "atlas_devices"))
}

func TestAFailedJoinedUpdateLeavesNothingAndTheTransactionUsable(t *testing.T) {
	t.Parallel()
	db := embedder(t)
	tx := begin(t, db, sql.LevelSerializable)
	joined := postgres.Joined(tx, postgres.JoinedOptions{})
	order(t, tx, "before")
	boom := errors.New("boom")
	require.ErrorIs(t, joined.Update(t.Context(), func(ctx context.Context, x store.Tx) error {
		require.NoError(t, insertDevice("failed")(ctx, x))
		return boom
	}), boom)
	require.Panics(t, func() {
		_ = joined.Update(t.Context(), func(ctx context.Context, x store.Tx) error {
			require.NoError(t, insertDevice("panicked")(ctx, x))
			panic("boom")
		})
	})
	order(t, tx, "after")
	require.NoError(t, joined.Update(t.Context(), insertDevice("kept")))
	require.NoError(t, tx.Commit())
	require.Equal(t, 2, count(t, db, "orders"))
	require.Equal(t, 1, count(t, db, "atlas_devices"))
}

func TestAJoinedUpdateRunsOnceAndNotInsideItself(t *testing.T) {
	t.Parallel()
	joined := postgres.Joined(begin(t, migrated(t), sql.LevelSerializable), postgres.JoinedOptions{})
	runs := 0
	err := joined.Update(t.Context(), func(ctx context.Context, _ store.Tx) error {
		runs++
		require.ErrorIs(t, joined.View(ctx, insertDevice("d")), atlas.ErrNestedTx)
		return atlas.ErrStale
	})
	require.ErrorIs(t, err, atlas.ErrStale)
	require.Equal(t, 1, runs)
}

func TestAJoinedViewIsReadOnlyAndItsTxEndsWithIt(t *testing.T) {
	t.Parallel()
	joined := postgres.Joined(begin(t, migrated(t), sql.LevelSerializable), postgres.JoinedOptions{})
	require.ErrorIs(t, joined.View(t.Context(), insertDevice("d")), atlas.ErrReadOnly)
	var kept store.Tx
	require.NoError(t, joined.Update(t.Context(), func(_ context.Context, x store.Tx) error {
		kept = x
		return nil
	}))
	require.ErrorIs(t, insertDevice("d")(t.Context(), kept), sql.ErrTxDone)
}

func TestATransactionBelowSerializableIsNotJoined(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	for _, level := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadCommitted, sql.LevelRepeatableRead} {
		err := postgres.Joined(begin(t, db, level), postgres.JoinedOptions{}).Update(t.Context(), insertDevice("d"))
		require.ErrorIs(t, err, atlas.ErrInvalid, level)
		var refused *postgres.IsolationError
		require.ErrorAs(t, err, &refused)
		require.NotEqual(t, "serializable", refused.Level)
	}
}

func TestALostRaceOfAJoinedUpdateIsStale(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	st := postgres.New(db, postgres.Options{})
	require.NoError(t, st.Update(t.Context(), insertDevice("d")))
	joined := postgres.Joined(begin(t, db, sql.LevelSerializable), postgres.JoinedOptions{})
	rename := func(ctx context.Context, x store.Tx) error {
		d, err := x.Devices().Get(ctx, "d")
		if err != nil {
			return err
		}
		d.Name += "x"
		return x.Devices().Save(ctx, d)
	}
	require.NoError(t, joined.View(t.Context(), func(ctx context.Context, x store.Tx) error {
		_, err := x.Devices().Get(ctx, "d")
		return err
	}))
	require.NoError(t, st.Update(t.Context(), rename))
	require.ErrorIs(t, joined.Update(t.Context(), rename), atlas.ErrStale)
}

func TestSecurityEventsStayWhenTheEmbedderRollsBack(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	tx := begin(t, db, sql.LevelSerializable)
	own := postgres.New(db, postgres.Options{})
	joined := postgres.Joined(tx, postgres.JoinedOptions{Security: own})
	require.NoError(t, joined.Update(t.Context(), insertDevice("d")))
	separate, ok := joined.(store.Separate)
	require.True(t, ok)
	require.NoError(t, separate.Separate().Update(t.Context(), func(ctx context.Context, x store.Tx) error {
		return x.Security().Insert(ctx, security.Event{ID: "e"})
	}))
	require.NoError(t, tx.Rollback())
	require.Equal(t, 1, count(t, db, "atlas_security_events"))
	require.Equal(t, 0, count(t, db, "atlas_devices"))
}

func TestWithoutASeparateHandleAJoinedStoreIsItsOwn(t *testing.T) {
	t.Parallel()
	joined := postgres.Joined(nil, postgres.JoinedOptions{})
	require.Same(t, joined, joined.(store.Separate).Separate())
}

package memory_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

func TestFaultIsAskedBeforeEverything(t *testing.T) {
	t.Parallel()
	var asked []string
	st := memory.New(memory.Options{Fault: func(op string) memory.Fault {
		asked = append(asked, op)
		return memory.Fault{}
	}})
	require.NoError(t, add(st, 1, 2))
	require.NoError(t, st.View(t.Context(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Ledger().Balances(ctx)
		return err
	}))
	require.Equal(t, []string{"begin", "devices.Insert", "devices.Insert", "commit", "begin", "ledger.Balances"}, asked)
}

// failAt returns a hook that returns f the first time it is asked at op.
func failAt(op string, f memory.Fault) func(string) memory.Fault {
	done := false
	return func(now string) memory.Fault {
		if now != op || done {
			return memory.Fault{}
		}
		done = true
		return f
	}
}

func TestAFaultLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"begin", "devices.Insert", "commit"} {
		st := memory.New(memory.Options{})
		st.SetFault(failAt(op, memory.Fault{Err: errBoom}))
		require.ErrorIs(t, add(st, 1), errBoom, op)
		requireDevices(t, st)
		require.NoError(t, add(st, 1), "the store can't be used after a fault at %s", op)
	}
}

func TestAnAppliedCommitTookEffect(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	st.SetFault(failAt("commit", memory.Fault{Err: errBoom, Applied: true}))
	require.ErrorIs(t, add(st, 1), errBoom)
	requireDevices(t, st, 1)
}

func TestALostRaceIsRunAgain(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"begin", "devices.Insert", "commit"} {
		st := memory.New(memory.Options{})
		st.SetFault(failAt(op, memory.Fault{Err: atlas.ErrStale}))
		require.NoError(t, add(st, 1), op)
		requireDevices(t, st, 1)
	}
}

func TestALostRaceIsNotRunForEver(t *testing.T) {
	t.Parallel()
	st, runs := memory.New(memory.Options{}), 0
	err := st.Update(t.Context(), func(context.Context, store.Tx) error { runs++; return atlas.ErrStale })
	require.ErrorIs(t, err, atlas.ErrStale)
	require.Equal(t, memory.MaxTries, runs)
}

func TestASwallowedFaultIsNotCommitted(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{Fault: failAt("devices.Get", memory.Fault{Err: errBoom})})
	err := st.Update(t.Context(), func(ctx context.Context, tx store.Tx) error {
		require.NoError(t, tx.Devices().Insert(ctx, device(1)))
		_, err := tx.Devices().Get(ctx, "d")
		require.ErrorIs(t, err, errBoom)
		require.ErrorIs(t, tx.Devices().Insert(ctx, device(2)), errBoom, "a broken transaction went on")
		return nil
	})
	require.ErrorIs(t, err, errBoom)
	requireDevices(t, st)
}

func TestAFaultOfASurvivableKindBreaksNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{atlas.ErrNotFound, atlas.ErrExists, atlas.ErrStale} {
		st := memory.New(memory.Options{Fault: failAt("devices.Get", memory.Fault{Err: kind})})
		require.NoError(t, st.Update(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Devices().Get(ctx, "d")
			require.ErrorIs(t, err, kind)
			return tx.Devices().Insert(ctx, device(1))
		}))
		requireDevices(t, st, 1)
	}
}

func TestAHookMayUseTheStore(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	var before memory.Snapshot
	st.SetFault(func(op string) memory.Fault {
		if op == "commit" {
			before = st.Snapshot()
			st.SetFault(nil)
		}
		return memory.Fault{}
	})
	require.NoError(t, add(st, 1))
	requireDevices(t, st, 1)
	st.Restore(before)
	requireDevices(t, st)
}

// shown counts the transactions of 50 in which a closure that adds to its
// result, rather than assigning it, gave something wrong.
func shown(st *memory.Store) (bad int) {
	for range 50 {
		var got []int
		_ = st.Update(context.Background(), func(context.Context, store.Tx) error { got = append(got, 1); return nil })
		if len(got) != 1 {
			bad++
		}
	}
	return bad
}

func TestRepeatCatchesAClosureThatAppends(t *testing.T) {
	t.Parallel()
	require.Zero(t, shown(memory.New(memory.Options{})))
	bad := shown(memory.New(memory.Options{Repeat: 0.5, Seed: 7}))
	require.NotZero(t, bad)
	require.Less(t, bad, 50, "half of them were to be repeated")
	require.Equal(t, bad, shown(memory.New(memory.Options{Repeat: 0.5, Seed: 7})), "the same seed repeats the same runs")
}

func TestARepeatedRunLeavesNothing(t *testing.T) {
	t.Parallel()
	st, runs := memory.New(memory.Options{Repeat: 1}), 0
	require.NoError(t, st.Update(t.Context(), func(ctx context.Context, tx store.Tx) error {
		runs++
		return tx.Devices().Insert(ctx, device(runs))
	}))
	require.Equal(t, 1+memory.MaxRepeats, runs)
	requireDevices(t, st, runs)
}

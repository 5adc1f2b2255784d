package memory_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/memory"
	"github.com/atlas-mdm/atlas-go/store/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) store.Store { return memory.New(memory.Options{}) })
}

func TestContractWithRepeats(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) store.Store { return memory.New(memory.Options{Repeat: 0.5, Seed: 1}) })
}

var errBoom = errors.New("boom")

func device(i int) atlas.Device {
	return atlas.Device{
		ID: atlas.DeviceID(fmt.Sprintf("d%06d", i)), OwnerID: "a", Path: "root/a", Tenant: "a",
		KeyID: fmt.Sprintf("k%06d", i), SupportID: fmt.Sprintf("S%06d", i),
	}
}

func add(st *memory.Store, numbers ...int) error {
	return st.Update(context.Background(), func(ctx context.Context, tx store.Tx) error {
		for _, i := range numbers {
			if err := tx.Devices().Insert(ctx, device(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

// requireDevices requires that the store has the devices of these numbers
// and no others.
func requireDevices(t *testing.T, st *memory.Store, numbers ...int) {
	t.Helper()
	require.NoError(t, st.View(t.Context(), func(ctx context.Context, tx store.Tx) error {
		n, err := tx.Devices().Count(ctx, atlas.SubtreeOf("root"), store.DeviceFilter{})
		require.NoError(t, err)
		require.EqualValues(t, len(numbers), n)
		for _, i := range numbers {
			_, err := tx.Devices().Get(ctx, device(i).ID)
			require.NoError(t, err)
			_, err = tx.Devices().ByKey(ctx, device(i).KeyID)
			require.NoError(t, err)
		}
		return nil
	}))
}

func TestRestoreBringsTheSnapshotBack(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	require.NoError(t, add(st, 1))
	then := st.Snapshot()
	require.NoError(t, add(st, 2))
	st.Restore(then)
	requireDevices(t, st, 1)
	require.NoError(t, add(st, 2, 3))
	st.Restore(then)
	requireDevices(t, st, 1)
}

func TestASnapshotGoesIntoAnotherStore(t *testing.T) {
	t.Parallel()
	one, two := memory.New(memory.Options{}), memory.New(memory.Options{})
	require.NoError(t, add(one, 1))
	two.Restore(one.Snapshot())
	require.NoError(t, add(two, 2))
	requireDevices(t, one, 1)
	requireDevices(t, two, 1, 2)
}

func TestTheZeroSnapshotIsEmpty(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	require.NoError(t, add(st, 1))
	st.Restore(memory.Snapshot{})
	requireDevices(t, st)
	require.NoError(t, add(st, 1))
}

func TestAViewStaysAsItWasWhileUpdatesCommit(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	require.NoError(t, add(st, 0))
	require.NoError(t, st.View(t.Context(), func(ctx context.Context, tx store.Tx) error {
		for i := 1; i <= 20; i++ {
			require.NoError(t, add(st, i), "an Update waited for a View")
			page, err := tx.Devices().List(ctx, atlas.SubtreeOf("root"), store.DeviceFilter{}, atlas.Page{})
			require.NoError(t, err)
			require.Equal(t, []atlas.DeviceID{"d000000"}, []atlas.DeviceID{page[0].ID})
			require.Len(t, page, 1)
		}
		return nil
	}))
	require.NoError(t, add(st, 21))
}

func TestWaitingForAnUpdateCanBeCancelled(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, st.Update(t.Context(), func(context.Context, store.Tx) error {
		done := make(chan error)
		go func() {
			done <- st.Update(ctx, func(context.Context, store.Tx) error { return errBoom })
		}()
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		return nil
	}))
}

func TestATransactionOfOneStoreMayUseAnother(t *testing.T) {
	t.Parallel()
	one, two := memory.New(memory.Options{}), memory.New(memory.Options{})
	require.NoError(t, one.Update(t.Context(), func(ctx context.Context, _ store.Tx) error {
		return two.Update(ctx, func(ctx context.Context, _ store.Tx) error {
			require.ErrorIs(t, one.View(ctx, nil), atlas.ErrNestedTx)
			return nil
		})
	}))
}

func TestTimesAreStoredAsADatabaseStoresThem(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	fine := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.FixedZone("", 3600))
	d := device(1)
	d.EnrolledAt = fine
	var got atlas.Device
	require.NoError(t, st.Update(t.Context(), func(ctx context.Context, tx store.Tx) (err error) {
		require.NoError(t, tx.Devices().Insert(ctx, d))
		require.NoError(t, tx.Devices().Touch(ctx, map[atlas.DeviceID]time.Time{d.ID: fine}))
		got, err = tx.Devices().Get(ctx, d.ID)
		return err
	}))
	require.Equal(t, atlas.Instant(fine), got.EnrolledAt)
	require.Equal(t, atlas.Instant(fine), got.LastSeen)
}

func TestAncestorsInACircleAreAnError(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	require.NoError(t, st.Update(t.Context(), func(ctx context.Context, tx store.Tx) error {
		for id, parent := range map[atlas.AccountID]atlas.AccountID{"a": "b", "b": "a", "c": ""} {
			require.NoError(t, tx.Accounts().Insert(ctx, atlas.Account{ID: id, UsernameKey: string(id), ParentID: parent}))
		}
		_, err := tx.Accounts().Line(ctx, "a")
		require.ErrorIs(t, err, atlas.ErrRefused)
		return nil
	}))
}

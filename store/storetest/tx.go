package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

func txCases() []proof {
	return []proof{
		{"UpdateCommitsIfFnReturnsNil", commits},
		{"OtherwiseNothingRemainsAndUpdateReturnsFnsError", rollsBack},
		{"APanicInFnLeavesNothingAndTheStoreUsable", panics},
		{"UpdateRunsAgainWhenTheErrorWrapsErrStale", reruns},
		{"AnErrStaleThatStaysComesBack", staysStale},
		{"ATransactionInsideATransactionIsErrNestedTx", nested},
		{"ACancelledContextRunsNothing", cancelledBefore},
		{"AContextCancelledInFnCommitsNothing", cancelledInside},
		{"ViewIsOneSnapshot", snapshot},
		{"ViewSeesWhatWasCommittedBefore", viewAfterUpdate},
		{"UpdateReadsItsOwnWrites", readsOwnWrites},
		{"EveryWriteInAViewIsErrReadOnly", readOnly},
		{"ATxDiesWhenFnReturns", dies},
		{"TheStoreIsSafeForConcurrentUse", concurrent},
	}
}

var errBoom = errors.New("boom")

func device(i int) atlas.Device {
	return atlas.Device{
		ID: atlas.DeviceID(num("d", i)), Path: "root/a", Tenant: "a", KeyID: num("key", i), SupportID: num("S", i),
	}
}

func insertDevice(t *testing.T, st store.Store, d atlas.Device) {
	t.Helper()
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Devices().Insert(c, d)) })
}

// has requires that the devices are there, or are not.
func has(t *testing.T, st store.Store, there bool, numbers ...int) {
	t.Helper()
	view(t, st, func(c ctx, x tx) {
		for _, i := range numbers {
			_, err := x.Devices().Get(c, device(i).ID)
			if there {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, atlas.ErrNotFound)
			}
		}
	})
}

func commits(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, x.Devices().Insert(c, device(1)))
		require.NoError(t, x.Devices().Insert(c, device(2)))
	})
	has(t, st, true, 1, 2)
}

func rollsBack(t *testing.T, st store.Store) {
	for _, want := range []error{errBoom, atlas.ErrNotFound, atlas.ErrExists, atlas.ErrRefused} {
		err := st.Update(t.Context(), func(c context.Context, x store.Tx) error {
			require.NoError(t, x.Devices().Insert(c, device(1)))
			return fmt.Errorf("wrapped: %w", want)
		})
		require.ErrorIs(t, err, want)
		has(t, st, false, 1)
		require.ErrorIs(t, st.View(t.Context(), func(context.Context, store.Tx) error { return want }), want)
	}
}

func panics(t *testing.T, st store.Store) {
	for _, run := range []func(ctx, func(ctx, tx) error) error{st.Update, st.View} {
		require.Panics(t, func() {
			_ = run(t.Context(), func(c context.Context, x store.Tx) error {
				_ = x.Devices().Insert(c, device(1))
				panic("boom")
			})
		})
	}
	has(t, st, false, 1)
	insertDevice(t, st, device(2))
}

func reruns(t *testing.T, st store.Store) {
	runs := 0
	require.NoError(t, st.Update(t.Context(), func(c context.Context, x store.Tx) error {
		runs++
		require.NoError(t, x.Devices().Insert(c, device(min(runs, 2))), "the first run left something")
		if runs == 1 {
			return fmt.Errorf("lost: %w", atlas.ErrStale)
		}
		return nil
	}))
	require.Greater(t, runs, 1)
	has(t, st, false, 1)
	has(t, st, true, 2)
}

func staysStale(t *testing.T, st store.Store) {
	insertDevice(t, st, device(1))
	err := st.Update(t.Context(), func(c context.Context, x store.Tx) error {
		require.NoError(t, x.Devices().Insert(c, device(2)))
		return x.Devices().Save(c, withVersion(device(1), 7))
	})
	require.ErrorIs(t, err, atlas.ErrStale)
	has(t, st, false, 2)
}

func nested(t *testing.T, st store.Store) {
	noop := func(context.Context, store.Tx) error { return errors.New("a nested transaction ran") }
	for i, run := range []func(ctx, func(ctx, tx) error) error{st.Update, st.View} {
		require.NoError(t, run(t.Context(), func(c context.Context, x store.Tx) error {
			deeper, cancel := context.WithTimeout(c, 10*time.Second) // rather than wait for itself
			defer cancel()
			for _, inside := range []ctx{deeper, c} {
				require.ErrorIs(t, st.Update(inside, noop), atlas.ErrNestedTx)
				require.ErrorIs(t, st.View(inside, noop), atlas.ErrNestedTx)
			}
			if i == 0 {
				return x.Devices().Insert(c, device(1))
			}
			return nil
		}))
	}
	has(t, st, true, 1)
}

func cancelledBefore(t *testing.T, st store.Store) {
	c, cancel := context.WithCancel(t.Context())
	cancel()
	for _, run := range []func(ctx, func(ctx, tx) error) error{st.Update, st.View} {
		ran := false
		err := run(c, func(context.Context, store.Tx) error { ran = true; return nil })
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, ran)
	}
}

func cancelledInside(t *testing.T, st store.Store) {
	for i, end := range []func(ctx) error{
		func(ctx) error { return nil },
		func(c ctx) error { return c.Err() },
	} {
		c, cancel := context.WithCancel(t.Context())
		err := st.Update(c, func(c context.Context, x store.Tx) error {
			require.NoError(t, x.Devices().Insert(c, device(i)))
			cancel()
			return end(c)
		})
		cancel()
		require.ErrorIs(t, err, context.Canceled)
		has(t, st, false, i)
	}
	insertDevice(t, st, device(9))
}

func snapshot(t *testing.T, st store.Store) {
	insertDevice(t, st, device(1))
	changed := device(1)
	changed.Version, changed.Name = 1, "new"
	done := make(chan error, 1)
	other := func() {
		done <- st.Update(context.WithoutCancel(t.Context()), func(c context.Context, x store.Tx) error {
			if err := x.Devices().Save(c, changed); err != nil {
				return err
			}
			return x.Devices().Insert(c, device(2))
		})
	}
	var started, committed bool
	view(t, st, func(c ctx, x tx) {
		look := func() (string, int64) {
			d, err := x.Devices().Get(c, "d0001")
			require.NoError(t, err)
			n, err := x.Devices().Count(c, everywhere(), store.DeviceFilter{})
			require.NoError(t, err)
			return d.Name, n
		}
		if !started { // a rerun meets what the other transaction did
			name, n := look()
			require.Empty(t, name)
			require.EqualValues(t, 1, n)
			started = true
			go other()
			select {
			case err := <-done:
				require.NoError(t, err)
				committed = true
			case <-time.After(2 * time.Second): // a backend may make writers wait for readers
			}
			name, n = look()
			require.Empty(t, name)
			require.EqualValues(t, 1, n)
		}
	})
	if !committed {
		require.NoError(t, <-done)
	}
	has(t, st, true, 1, 2)
}

func viewAfterUpdate(t *testing.T, st store.Store) {
	for i := range 20 {
		insertDevice(t, st, device(i))
		has(t, st, true, i)
	}
}

func readsOwnWrites(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, x.Devices().Insert(c, device(1)))
		d, err := x.Devices().Get(c, "d0001")
		require.NoError(t, err)
		d.Name = "new"
		require.NoError(t, x.Devices().Save(c, d))
		all, err := x.Devices().List(c, everywhere(), store.DeviceFilter{Query: "new"}, atlas.Page{})
		require.NoError(t, err)
		sameAll(t, []atlas.Device{withVersion(d, 2)}, all)
	})
}

func readOnly(t *testing.T, st store.Store) {
	err := st.View(t.Context(), func(c context.Context, x store.Tx) error {
		calls(c, x, func(name string, call func() error) {
			if err := call(); writes(name) {
				require.ErrorIs(t, err, atlas.ErrReadOnly, name)
			} else if err != nil {
				require.ErrorIs(t, err, atlas.ErrNotFound, name)
			}
		})
		return nil
	})
	require.NoError(t, err)
}

func dies(t *testing.T, st store.Store) {
	for _, run := range []func(ctx, func(ctx, tx) error) error{st.Update, st.View} {
		var left tx
		require.NoError(t, run(t.Context(), func(_ context.Context, x store.Tx) error { left = x; return nil }))
		calls(t.Context(), left, func(name string, call func() error) {
			require.Error(t, call(), "%s of a dead transaction", name)
		})
	}
	has(t, st, false, 1)
	insertDevice(t, st, device(1))
}

func concurrent(t *testing.T, st store.Store) {
	errs := race(8, func(i int) error {
		for j := range 5 {
			d := device(10*i + j)
			if err := st.Update(t.Context(), func(c context.Context, x store.Tx) error { return x.Devices().Insert(c, d) }); err != nil {
				return err
			}
			if err := st.View(t.Context(), func(c context.Context, x store.Tx) error {
				_, err := x.Devices().Get(c, d.ID)
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
	require.Equal(t, 8, winners(t, errs, nil))
	require.EqualValues(t, 40, read(t, st, func(c ctx, x tx) (int64, error) {
		return x.Devices().Count(c, everywhere(), store.DeviceFilter{})
	}))
}

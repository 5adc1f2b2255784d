package replay_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/security/replay"
)

func accept(t *testing.T, w replay.Window, counters ...uint64) replay.Window {
	t.Helper()
	for _, c := range counters {
		var err error
		w, err = w.Accept(c)
		require.NoError(t, err, "counter %d", c)
	}
	return w
}

func TestACounterIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	w := accept(t, replay.Window{}, 1, 2, 3)
	for c := uint64(1); c <= 3; c++ {
		same, err := w.Accept(c)
		require.ErrorIs(t, err, replay.ErrReplay)
		require.NotErrorIs(t, err, replay.ErrRollback)
		require.Equal(t, w, same)
	}
}

func TestRequestsMayOvertakeEachOtherWithinTheWindow(t *testing.T) {
	t.Parallel()
	w := accept(t, replay.Window{}, 100, 99, 37)
	_, err := w.Accept(36)
	require.ErrorIs(t, err, replay.ErrRollback)
	require.ErrorIs(t, err, replay.ErrReplay)
}

func TestALeapForgetsTheOldWindow(t *testing.T) {
	t.Parallel()
	w := accept(t, replay.Window{}, 1, 2, 65, 1<<40, math.MaxUint64, math.MaxUint64-63)
	_, err := w.Accept(1 << 40)
	require.ErrorIs(t, err, replay.ErrRollback)
}

func TestZeroIsNoCounter(t *testing.T) {
	t.Parallel()
	_, err := replay.Window{}.Accept(0)
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
}

func TestAfterARestartEverythingUpToTheCeilingIsUsed(t *testing.T) {
	t.Parallel()
	w := replay.After(1000)
	for _, c := range []uint64{1, 936, 937, 999, 1000} {
		_, err := w.Accept(c)
		require.ErrorIs(t, err, replay.ErrReplay, "counter %d", c)
	}
	accept(t, w, 1001, 1003, 1002)
	accept(t, replay.After(0), 1, 3, 2)
}

func TestTheWindowAgreesWithASetOfSeenCounters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var w replay.Window
		seen, highest := map[uint64]bool{}, uint64(0)
		for _, c := range rapid.SliceOf(rapid.Uint64Range(0, 300)).Draw(t, "counters") {
			want := c > 0 && !seen[c] && c+replay.WindowSize > highest
			next, err := w.Accept(c)
			require.Equal(t, want, err == nil, "counter %d", c)
			if want {
				seen[c], highest = true, max(highest, c)
			}
			w = next
		}
	})
}

func BenchmarkWindow(b *testing.B) {
	var w replay.Window
	for b.Loop() {
		w, _ = w.Accept(w.Highest + 1)
	}
}

func Example() {
	var w replay.Window // kept for each device
	for _, counter := range []uint64{7, 5, 7} {
		next, err := w.Accept(counter)
		fmt.Println(counter, err == nil)
		w = next
	}
	// Output:
	// 7 true
	// 5 true
	// 7 false
}

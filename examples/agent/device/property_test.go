package device_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/examples/agent/internal/script"
)

// Whatever goes wrong on the way and however often the agent is restarted,
// each command runs exactly once and the server hears how it ended.
func TestEveryCommandRunsExactlyOnceWhateverGoesWrong(t *testing.T) {
	t.Parallel()
	faults := []script.Fault{
		script.None, script.None, script.Lost, script.Refused, script.Unsigned, script.ForeignKey, script.OtherOne, script.Forgotten, script.BadProblem,
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := enrolled(t)
		defer w.Close()
		n := rapid.IntRange(1, 3).Draw(rt, "commands")
		for i := range n {
			w.Send(fmt.Sprint("c", i), "app.clear_data", deviceproto.Target{Package: fmt.Sprintf("com.example.app%d", i)})
		}
		w.With(func(s *script.Server) { s.Redeliver = rapid.Bool().Draw(rt, "redeliver") })
		w.fail(deviceproto.PathCheckIn, rapid.SliceOfN(rapid.SampledFrom(faults), 0, 6).Draw(rt, "faults")...)
		for range 8 {
			_ = w.agent.CheckIn(t.Context())
			if rapid.Bool().Draw(rt, "restart") {
				w.restart()
			}
		}
		w.checkIn()
		for i := range n {
			require.Equal(rt, 1, w.phone.times(fmt.Sprintf("clear com.example.app%d", i)))
			require.Equal(rt, "failed", w.outcome(fmt.Sprint("c", i), 1).Outcome) // it is not installed
		}
		require.True(rt, slices.IsSorted(w.Counters))
		require.Len(rt, slices.Compact(slices.Clone(w.Counters)), len(w.Counters), "no counter was used twice")
		require.Zero(rt, w.agent.Status().Waiting)
		require.NoError(rt, w.agent.Close())
	})
}

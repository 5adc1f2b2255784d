package device_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/examples/agent/internal/script"
)

// runUntil runs the agent until the server was asked n times for path.
func (w *world) runUntil(path string, n int) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.With(func(s *script.Server) {
		inner := s.Fault
		s.Fault = func(p string) script.Fault {
			if p == path && s.Asked[path] >= n {
				cancel()
			}
			if inner == nil {
				return script.None
			}
			return inner(p)
		}
	})
	require.NoError(w.t, w.agent.Run(ctx))
}

func TestWakeLeadsToACheckIn(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.With(func(s *script.Server) {
		s.Fault = func(p string) script.Fault {
			if p == deviceproto.PathWait { // a command comes while the device waits
				s.Wake = len(s.Commands) == 0
				if s.Wake {
					s.Commands = []deviceproto.Command{{ID: "c1", Attempt: 1, Kind: "device.reboot", Params: []byte("{}"), ExpiresAt: noon.Add(day)}}
				}
			}
			return script.None
		}
	})
	w.runUntil(deviceproto.PathWait, 2)
	require.Equal(t, 1, w.phone.times("reboot"))
	require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome)
}

func TestServerThatIsDownIsAskedLessAndLess(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.With(func(s *script.Server) { s.Fault = func(string) script.Fault { return script.Refused } })
	w.runUntil(deviceproto.PathCheckIn, 12)
	require.Len(t, w.clock.slept, 11)
	for i, d := range w.clock.slept {
		whole := min(time.Second<<i, 5*time.Minute)
		require.LessOrEqual(t, d, whole)
		require.GreaterOrEqual(t, d, whole/2)
	}
}

func TestWaitsThatEndAtOnceBecomeNoStorm(t *testing.T) {
	t.Parallel()
	for _, wake := range []bool{false, true} {
		w := enrolled(t)
		w.With(func(s *script.Server) { s.Wake = wake })
		begun := w.clock.Elapsed()
		w.runUntil(deviceproto.PathWait, 20)
		require.GreaterOrEqual(t, w.clock.Elapsed()-begun, 2*time.Minute, "waits answer %v", wake)
	}
}

func TestDeviceChecksInWhenItsTimeHasComeEvenIfWaitingFails(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.With(func(s *script.Server) {
		s.Fault = func(p string) script.Fault {
			s.Now = w.clock.Now()
			if p == deviceproto.PathWait {
				return script.Refused
			}
			return script.None
		}
	})
	begun := w.clock.Elapsed()
	w.runUntil(deviceproto.PathCheckIn, 3)
	require.Equal(t, 2*300*time.Second, w.clock.Elapsed()-begun)
}

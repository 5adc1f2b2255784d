package device_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/examples/agent/internal/script"
)

const day = 24 * time.Hour

func TestLeaseCountsForADayAndItsGraceAndNotASecondLonger(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.clock.pass(day - time.Second)
	require.Equal(t, lease.Valid, w.agent.Status().LeaseStatus)
	w.clock.pass(time.Second)
	require.Equal(t, lease.Grace, w.agent.Status().LeaseStatus)
	w.clock.pass(3 * day)
	require.True(t, w.agent.Status().Active)
	w.clock.pass(time.Second)
	require.False(t, w.agent.Status().Active)
	require.Zero(t, w.agent.Status().Lease)
}

func TestClockSetBackGainsNothing(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.clock.pass(4 * day)
	w.clock.set(noon.Add(-7 * day))
	require.Equal(t, lease.Grace, w.agent.Status().LeaseStatus)
	w.clock.pass(time.Second)
	require.False(t, w.agent.Status().Active)
}

func TestClockSetBackGainsNothingAcrossARestart(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.pass(2 * day)
	w.checkIn()
	w.clock.set(noon.Add(-7 * day))
	w.restart()
	require.Equal(t, w.Now, w.agent.Status().LastCheckIn)
	w.clock.pass(4*day + time.Second)
	require.False(t, w.agent.Status().Active)
}

func TestOutageShorterThanTheGraceBricksNobody(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.With(func(s *script.Server) { s.Fault = func(string) script.Fault { return script.Refused } })
	w.pass(3 * day)
	require.Error(t, w.agent.CheckIn(t.Context()))
	require.True(t, w.agent.Status().Active)
	w.With(func(s *script.Server) { s.Fault = nil })
	w.checkIn()
	require.Equal(t, lease.Valid, w.agent.Status().LeaseStatus)
}

func TestRevokedDeviceIsInactiveAtOnce(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"revoked", "suspended", "expired", "a word of tomorrow"} {
		w := enrolled(t)
		w.With(func(s *script.Server) { s.Activation = word })
		w.checkIn()
		w.restart()
		s := w.agent.Status()
		require.False(t, s.Active)
		require.Equal(t, word, s.Activation)
		require.Empty(t, s.LeaseStatus)
		w.With(func(s *script.Server) { s.Activation = "active" })
		w.checkIn()
		require.True(t, w.agent.Status().Active)
	}
}

package identity_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
)

// counts is what a server stores: attempts by ID.
type counts map[string]identity.Attempts

func (c counts) load(l identity.Login) identity.Login {
	for _, a := range []*identity.Attempts{&l.Account, &l.Source, &l.Pair} {
		if stored, ok := c[a.ID]; ok {
			*a = stored
		}
	}
	return l
}

// try makes an attempt with a wrong password. It returns the time to wait if
// the password was not even compared.
func (c counts) try(username, addr, browser string, now time.Time) (wait time.Duration) {
	l := c.load(identity.NewLogin(username, addr, browser))
	var throttled *identity.ThrottleError
	if errors.As(l.Allowed(now), &throttled) {
		return throttled.RetryAfter
	}
	l = l.Fail(now, identity.ThrottlePolicy{})
	for _, a := range []identity.Attempts{l.Account, l.Source, l.Pair} {
		c[a.ID] = a
	}
	return 0
}

func TestDelaysDoubleUpToTheLongest(t *testing.T) {
	t.Parallel()
	rule := identity.ThrottleRule{Free: 2, Base: time.Second, Max: 5 * time.Second}
	a, now := identity.Attempts{ID: "x"}, noon
	for i, want := range []time.Duration{0, 0, 1, 2, 4, 5, 5} {
		a = a.Fail(now, rule)
		require.Equal(t, int64(i+1), a.Failures)
		require.Equal(t, noon, a.First)
		require.True(t, a.Allowed(now.Add(want*time.Second)), "failure %d", i+1)
		if want > 0 {
			require.False(t, a.Allowed(now.Add(want*time.Second-1)), "failure %d", i+1)
		}
		now = now.Add(want * time.Second)
	}
}

func TestFailuresAreForgottenByHalves(t *testing.T) {
	t.Parallel()
	rule := identity.ThrottleRule{Free: 100, Decay: time.Hour}
	a := identity.Attempts{Failures: 40, First: noon, Last: noon}
	require.Equal(t, int64(41), a.Fail(noon.Add(time.Hour-1), rule).Failures)
	require.Equal(t, int64(21), a.Fail(noon.Add(time.Hour), rule).Failures)
	require.Equal(t, int64(11), a.Fail(noon.Add(2*time.Hour), rule).Failures)
	gone := a.Fail(noon.Add(10000*time.Hour), rule)
	require.Equal(t, int64(1), gone.Failures)
	require.Equal(t, noon.Add(10000*time.Hour), gone.First)
}

func TestNoCountOrClockMakesADelayShorter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := identity.Attempts{Failures: rapid.Int64Range(0, math.MaxInt64).Draw(t, "failures"), Last: noon, Until: noon.Add(time.Minute)}
		rule := identity.ThrottleRule{Free: 5, Base: time.Second, Max: time.Hour, Decay: time.Hour}
		now := noon.Add(time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "now")))
		after := a.Fail(now, rule)
		require.Positive(t, after.Failures)
		require.False(t, after.Until.Before(a.Until))
		require.False(t, after.Last.Before(a.Last))
		require.False(t, after.Until.After(later(a.Until, now.Add(time.Hour))))
	})
}

// The worst case of ASVS 5.0, 6.1.1: ten thousand sources guess at one
// account for a day, as fast as they are let, or with pauses in which the
// count decays.
func TestOneAccountUnderAttackFromEverywhere(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour} {
		c, guesses, source := counts{}, 0, 0
		for now := noon; now.Before(noon.Add(24 * time.Hour)); {
			source++
			addr := fmt.Sprintf("10.%d.%d.1", source/256%256, source%256)
			wait := c.try("owner", addr, "", now)
			if wait == 0 {
				guesses++
				continue
			}
			now = now.Add(wait)
			if pause > 0 && guesses%5 == 0 {
				now = now.Add(pause)
			}
		}
		require.LessOrEqual(t, guesses, 100, "pause of %s", pause)
		require.Greater(t, guesses, 5, "the owner on a new browser gets through at times")
	}
}

func TestAKnownBrowserIsNotDelayedByAnAttack(t *testing.T) {
	t.Parallel()
	c := counts{}
	for i := range 3600 {
		now := noon.Add(time.Duration(i) * time.Second)
		c.try("owner", "203.0.113.9", "", now)
		require.NoError(t, c.load(identity.NewLogin("owner", "203.0.113.9", "browser-1")).Allowed(now))
	}
	require.Error(t, c.load(identity.NewLogin("owner", "198.51.100.1", "")).Allowed(noon.Add(time.Hour)))
}

func TestAKnownBrowserIsCountedOnItsOwn(t *testing.T) {
	t.Parallel()
	c := counts{}
	for range 20 {
		c.try("owner", "203.0.113.9", "browser-1", noon)
	}
	require.Error(t, c.load(identity.NewLogin("owner", "203.0.113.9", "browser-1")).Allowed(noon))
	require.NoError(t, c.load(identity.NewLogin("owner", "203.0.113.9", "browser-2")).Allowed(noon))
	require.NoError(t, c.load(identity.NewLogin("owner", "203.0.113.9", "")).Allowed(noon))
}

func TestOneSourceAtManyAccountsIsSlowedDown(t *testing.T) {
	t.Parallel()
	c, guesses := counts{}, 0
	for i := range 10_000 {
		if c.try(fmt.Sprintf("user-%d", i), fmt.Sprintf("203.0.113.%d", i%256), "", noon.Add(time.Duration(i)*time.Second)) == 0 {
			guesses++
		}
	}
	require.Less(t, guesses, 250)
}

func TestSuccessClearsThePairAndNothingElse(t *testing.T) {
	t.Parallel()
	l := identity.NewLogin("owner", "203.0.113.9", "")
	for range 9 {
		l = l.Fail(noon, identity.ThrottlePolicy{})
	}
	l.Pair.Version = 4
	after := l.Succeed()
	require.Equal(t, identity.Attempts{ID: l.Pair.ID, Version: 4}, after.Pair)
	require.Equal(t, l.Account, after.Account)
	require.Equal(t, l.Source, after.Source)
}

func TestTheErrorSaysHowLongToWait(t *testing.T) {
	t.Parallel()
	l := identity.NewLogin("owner", "203.0.113.9", "")
	l.Source.Until = noon.Add(30 * time.Second)
	l.Account.Until = noon.Add(time.Minute)
	err := l.Allowed(noon)
	require.ErrorIs(t, err, identity.ErrThrottled)
	require.ErrorIs(t, err, atlas.ErrLimited)
	var throttled *identity.ThrottleError
	require.ErrorAs(t, err, &throttled)
	require.Equal(t, time.Minute, throttled.RetryAfter)
	require.NoError(t, l.Allowed(noon.Add(time.Minute)))
}

func TestCountsNeverHoldTheUsername(t *testing.T) {
	t.Parallel()
	l := identity.NewLogin("hunter2-typed-as-a-name", "203.0.113.9:443", "browser-1")
	for _, a := range []identity.Attempts{l.Account, l.Source, l.Pair} {
		require.NotContains(t, a.ID, "hunter2")
	}
	require.Equal(t, "source:203.0.113.0/24", l.Source.ID)
	require.Equal(t, identity.NewLogin("OWNER", "203.0.113.1", ""), identity.NewLogin("owner", "203.0.113.2", ""))
	require.NotEqual(t, identity.NewLogin("owner", "203.0.113.1", "").Pair.ID, identity.NewLogin("owner", "198.51.100.1", "").Pair.ID)
}

func TestSourcesAreCountedByNetwork(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"203.0.113.77":               "203.0.113.0/24",
		"203.0.113.77:5123":          "203.0.113.0/24",
		"::ffff:203.0.113.77":        "203.0.113.0/24",
		"[::ffff:203.0.113.77]:80":   "203.0.113.0/24",
		"2001:db8:aa:bb::1":          "2001:db8:aa::/48",
		"[2001:db8:aa:bb::1]:443":    "2001:db8:aa::/48",
		"fe80::1%eth0":               "fe80::/48",
		"":                           "unknown",
		"localhost:80":               "unknown",
		"203.0.113.77, 198.51.100.1": "unknown",
		"@":                          "unknown",
	} {
		require.Equal(t, want, identity.SourcePrefix(addr), addr)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

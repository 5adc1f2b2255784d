package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/identity"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestASessionEndsWhenItIsIdle(t *testing.T) {
	t.Parallel()
	s := identity.SessionPolicy{}.Start(identity.Session{ID: "s"}, noon)
	require.True(t, s.Live(noon))
	require.True(t, s.Live(noon.Add(time.Hour-time.Second)))
	require.False(t, s.Live(noon.Add(time.Hour)))
}

func TestUseKeepsASessionAliveUntilItsEnd(t *testing.T) {
	t.Parallel()
	p := identity.SessionPolicy{Idle: time.Hour, Absolute: 3 * time.Hour}
	s := p.Start(identity.Session{ID: "s"}, noon)
	for m := 30 * time.Minute; m < 3*time.Hour; m += 30 * time.Minute {
		var changed bool
		s, changed = p.Touch(s, noon.Add(m))
		require.True(t, changed)
		require.Equal(t, noon.Add(m), s.LastSeenAt)
	}
	require.True(t, s.Live(noon.Add(3*time.Hour-time.Second)))
	require.False(t, s.Live(noon.Add(3*time.Hour)))
}

func TestADeadSessionIsNotRevivedByUse(t *testing.T) {
	t.Parallel()
	s := identity.SessionPolicy{}.Start(identity.Session{ID: "s"}, noon)
	late := noon.Add(2 * time.Hour)
	after, changed := identity.SessionPolicy{}.Touch(s, late)
	require.False(t, changed)
	require.False(t, after.Live(late))
	require.False(t, identity.Session{}.Live(noon))
}

func TestUseWithinAMinuteIsNotWorthStoring(t *testing.T) {
	t.Parallel()
	s := identity.SessionPolicy{}.Start(identity.Session{ID: "s"}, noon)
	_, changed := identity.SessionPolicy{}.Touch(s, noon.Add(59*time.Second))
	require.False(t, changed)
}

func TestWhatAClientSaysOfItselfIsCleanedAndCut(t *testing.T) {
	t.Parallel()
	s := identity.SessionPolicy{}.Start(identity.Session{UserAgent: "a\x1b[31m\u202e" + strings.Repeat("b", 1000), Origin: strings.Repeat("1", 99)}, noon)
	require.Equal(t, "a[31m"+strings.Repeat("b", 251), s.UserAgent)
	require.Len(t, s.Origin, 64)
}

func TestAnAPIKeyLivesUntilItExpiresOrIsRevoked(t *testing.T) {
	t.Parallel()
	k := identity.APIKey{ID: "k", CreatedAt: noon}
	require.True(t, k.Live(noon.Add(1000*time.Hour)))

	k.ExpiresAt = noon.Add(time.Hour)
	require.True(t, k.Live(noon.Add(time.Hour-1)))
	require.False(t, k.Live(noon.Add(time.Hour)))

	revoked := identity.APIKey{ID: "k"}.Revoke(noon)
	require.True(t, revoked.Live(noon.Add(-1)))
	require.False(t, revoked.Live(noon))
}

func TestARevokedKeyIsNeverGivenMoreTime(t *testing.T) {
	t.Parallel()
	k := identity.APIKey{ID: "k"}.Revoke(noon)
	require.Equal(t, noon, k.Revoke(noon.Add(time.Hour)).RevokedAt)
	require.Equal(t, noon.Add(-time.Hour), k.Revoke(noon.Add(-time.Hour)).RevokedAt)
}

func TestAKeyAllowsItsScopesByExactName(t *testing.T) {
	t.Parallel()
	k := identity.APIKey{Scopes: []string{"devices:read"}}
	require.True(t, k.Allows("devices:read"))
	for _, other := range []string{"", "devices", "devices:write", "Devices:read", "*"} {
		require.False(t, k.Allows(other), other)
	}
	require.False(t, identity.APIKey{}.Allows("devices:read"))
}

func TestTheLastUseOfAKeyIsCoarse(t *testing.T) {
	t.Parallel()
	k, changed := identity.APIKey{}.Touch(noon)
	require.True(t, changed)
	_, changed = k.Touch(noon.Add(59 * time.Minute))
	require.False(t, changed)
}

func TestAChangedPasswordKeepsTheRecord(t *testing.T) {
	t.Parallel()
	c := identity.Credential{ID: "a", Hash: "old", Version: 3}.Change("new", noon)
	require.Equal(t, identity.Credential{ID: "a", Hash: "new", ChangedAt: noon, Version: 3}, c)
}

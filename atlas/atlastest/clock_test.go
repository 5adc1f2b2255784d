package atlastest_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
)

func TestAClockStandsStillUntilItIsMoved(t *testing.T) {
	t.Parallel()
	t0 := time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("east", 3600))
	c := atlastest.NewClock(t0)
	var now atlas.Clock = c.Now
	require.Equal(t, atlas.Instant(t0), now())
	require.Equal(t, now(), now())
	c.Advance(time.Hour)
	require.Equal(t, atlas.Instant(t0.Add(time.Hour)), now())
	c.Set(t0)
	require.Equal(t, atlas.Instant(t0), now())
}

func TestIDsCountAndSortInOrder(t *testing.T) {
	t.Parallel()
	next, form := atlastest.IDs(), regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	last := ""
	for range 70_000 {
		id := next()
		require.Greater(t, id, last)
		last = id
	}
	require.Regexp(t, form, last)
	require.NoError(t, atlas.CheckID("id", last))
	require.Equal(t, atlastest.IDs()(), atlastest.IDs()())
}

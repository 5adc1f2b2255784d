package atlas_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// source is a fixed stream of fair bytes: the same test counts the same
// symbols every time.
func source() io.Reader { return mathrand.NewChaCha8([32]byte{7}) }

func TestEverySymbolIsEquallyLikely(t *testing.T) {
	t.Parallel()
	const n = 1_000_000
	s, err := atlas.RandomSymbols(source(), n)
	require.NoError(t, err)
	require.Len(t, s, n)
	count := [256]float64{}
	for i := range len(s) {
		count[s[i]]++
	}
	expected, chi2 := float64(n)/float64(len(atlas.Symbols)), 0.0
	for _, sym := range []byte(atlas.Symbols) {
		chi2 += (count[sym] - expected) * (count[sym] - expected) / expected
	}
	// Thirty degrees of freedom: 59.7 is exceeded by chance once in a
	// thousand sources. Plain b%31 would give a value above 2000.
	require.Less(t, chi2, 59.7)
	require.Empty(t, strings.Trim(s, atlas.Symbols))
}

func TestTheAlphabetHasNoSymbolsThatAreMistakenForOneAnother(t *testing.T) {
	t.Parallel()
	require.Len(t, atlas.Symbols, 31)
	require.False(t, strings.ContainsAny(atlas.Symbols, "0O1IL"))
}

func TestRandomSymbolsThrowsAwayBytesThatWouldFavourSome(t *testing.T) {
	t.Parallel()
	s, err := atlas.RandomSymbols(bytes.NewReader([]byte{248, 255, 0, 30, 31, 247}), 2)
	require.NoError(t, err)
	require.Equal(t, "2Z", s)
	_, err = atlas.RandomSymbols(bytes.NewReader([]byte{1}), 2)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	boom := errors.New("boom")
	_, err = atlas.NewSupportID(iotest.ErrReader(boom))
	require.ErrorIs(t, err, boom)
}

func TestASupportIDHasEightSymbols(t *testing.T) {
	t.Parallel()
	id, err := atlas.NewSupportID(rand.Reader)
	require.NoError(t, err)
	require.Len(t, id, atlas.SupportIDLength)
	require.Empty(t, strings.Trim(id, atlas.Symbols))
}

func TestIDsAreUUIDsOfVersion7ThatSortByTime(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		a := start.Add(time.Duration(rapid.Int64Range(0, 1<<50).Draw(t, "a")) * time.Microsecond)
		b := a.Add(time.Duration(rapid.Int64Range(1, 5000).Draw(t, "later")) * time.Microsecond)
		first, second := atlas.NewID(a), atlas.NewID(b)
		require.Less(t, first, second)
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, first)
		require.NoError(t, atlas.CheckID("id", first))
	})
	require.NotEqual(t, atlas.NewID(start), atlas.NewID(start))
}

func TestCheckIDKeepsPathsAndLogsWhole(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"a", "A-b_c.9", strings.Repeat("x", atlas.MaxID)} {
		require.NoError(t, atlas.CheckID("id", id))
	}
	for _, id := range []string{"", "a/b", "a b", "\u00e9", "a\n", "%", strings.Repeat("x", atlas.MaxID+1)} {
		require.ErrorIs(t, atlas.CheckID("id", id), atlas.ErrInvalid, "%q", id)
	}
}

func TestAPageHasABoundedSize(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{-1: 50, 0: 50, 1: 1, 200: 200, 201: 200, 1 << 40: 200} {
		require.Equal(t, want, atlas.Page{Limit: limit}.Size())
	}
}

func TestInstantIsWhatEveryBackendStores(t *testing.T) {
	t.Parallel()
	got := atlas.Instant(time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.FixedZone("east", 7200)))
	require.Equal(t, time.Date(2026, 1, 2, 1, 4, 5, 123456000, time.UTC), got)
	require.Zero(t, atlas.SystemClock().Nanosecond()%1000)
	require.Equal(t, time.UTC, atlas.SystemClock().Location())
}

package atlas_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

func TestADeviceIsOnlineWithinTheWindow(t *testing.T) {
	t.Parallel()
	require.False(t, atlas.Device{}.Online(at, atlas.OnlineWindow), "never seen")
	d := atlas.Device{LastSeen: at}
	for after, want := range map[time.Duration]bool{
		-time.Second: true, 0: true, atlas.OnlineWindow: true, atlas.OnlineWindow + time.Microsecond: false,
	} {
		require.Equal(t, want, d.Online(at.Add(after), atlas.OnlineWindow), after)
	}
}

func TestLastSeenNeverMovesBack(t *testing.T) {
	t.Parallel()
	d := atlas.Device{}.Seen(at)
	require.Equal(t, at, d.LastSeen)
	require.Equal(t, at, d.Seen(at.Add(-time.Hour)).LastSeen)
	require.Equal(t, at.Add(time.Hour), d.Seen(at.Add(time.Hour)).LastSeen)
}

func TestAnInventoryIsCleanedAndBounded(t *testing.T) {
	t.Parallel()
	v, err := atlas.Inventory{ID: "d", Apps: []atlas.App{{Package: "com.a\x00", VersionName: "1\u202e", Installer: "\xff", SHA256: "ab\n", VersionCode: 7}}}.Clean()
	require.NoError(t, err)
	require.Equal(t, []atlas.App{{Package: "com.a", VersionName: "1", SHA256: "ab", VersionCode: 7}}, v.Apps)
	app, ok := v.Find("com.a")
	require.True(t, ok)
	require.EqualValues(t, 7, app.VersionCode)
	_, ok = v.Find("com.b")
	require.False(t, ok)
	_, err = atlas.Inventory{Apps: make([]atlas.App, atlas.MaxApps+1)}.Clean()
	require.ErrorIs(t, err, atlas.ErrLimited)
}

func TestCleanLeavesTheCallersInventoryAlone(t *testing.T) {
	t.Parallel()
	in := atlas.Inventory{Apps: []atlas.App{{Package: "a\x00"}}}
	_, err := in.Clean()
	require.NoError(t, err)
	require.Equal(t, "a\x00", in.Apps[0].Package)
}

func TestTheDataMapIsClosedAndWhole(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range atlas.DataClasses() {
		require.False(t, seen[c.Name], c.Name)
		seen[c.Name] = true
		require.Contains(t, []string{"none", "personal", "confidential", "secret"}, c.Sensitivity)
		require.Contains(t, []string{"none", "operator", "device_user"}, c.Subject)
		require.NotEmpty(t, c.Retention)
		require.Equal(t, c.Subject == "none", len(c.Purposes) == 0, "%s: what is about somebody has a purpose", c.Name)
		for _, p := range c.Purposes {
			got, err := atlas.ParsePurpose(string(p))
			require.NoError(t, err)
			require.Equal(t, p, got)
		}
		got, ok := atlas.ClassOf(c.Name)
		require.True(t, ok)
		require.Equal(t, c, got)
	}
	_, ok := atlas.ClassOf("")
	require.False(t, ok)
	_, err := atlas.ParsePurpose("marketing")
	require.ErrorIs(t, err, atlas.ErrInvalid)
}

func TestFourPurposesDisclose(t *testing.T) {
	t.Parallel()
	var got []atlas.Purpose
	for _, p := range atlas.Purposes() {
		if p.Discloses() {
			got = append(got, p)
		}
	}
	require.ElementsMatch(t, []atlas.Purpose{atlas.PurposeBilling, atlas.PurposeSupport, atlas.PurposeSecurity, atlas.PurposeAudit}, got)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(atlas.Purposes()))), 7)
}

func TestResourcesAreThePlacesOfTheirRecords(t *testing.T) {
	t.Parallel()
	want := atlas.Resource{Path: "root/a"}
	require.Equal(t, want, atlas.Account{Path: "root/a"}.Resource())
	require.Equal(t, want, atlas.Device{Path: "root/a"}.Resource())
	require.Equal(t, want, atlas.Folder{Path: "root/a"}.Resource())
}

func TestEveryDerivedErrorIsOfItsKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ err, kind error }{
		{atlas.ErrTooLarge, atlas.ErrLimited},
		{atlas.ErrSuspended, atlas.ErrDenied},
		{atlas.ErrMismatch, atlas.ErrRefused},
		{atlas.ErrTransition, atlas.ErrRefused},
		{atlas.Invalid("name", "is %d too long", 3), atlas.ErrInvalid},
	} {
		require.ErrorIs(t, fmt.Errorf("x: %w", c.err), c.kind)
	}
	require.Equal(t, "name: is 3 too long", atlas.Invalid("name", "is %d too long", 3).Error())
}

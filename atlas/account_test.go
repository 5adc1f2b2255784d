package atlas_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/atlas"
)

func TestRolesAndTheirParents(t *testing.T) {
	t.Parallel()
	may := map[[2]atlas.Role]bool{
		{atlas.Admin, atlas.Reseller}: true, {atlas.Admin, atlas.Client}: true,
		{atlas.Reseller, atlas.SubReseller}: true, {atlas.Reseller, atlas.Client}: true,
		{atlas.SubReseller, atlas.SubReseller}: true, {atlas.SubReseller, atlas.Client}: true,
	}
	for _, parent := range append(atlas.Roles(), "", "owner") {
		for _, child := range append(atlas.Roles(), "", "owner") {
			require.Equal(t, may[[2]atlas.Role{parent, child}], parent.MayParent(child), "%s above %s", parent, child)

			above := atlas.Account{ID: "p", Role: parent, Path: "root/p"}
			got, err := atlas.Account{ID: "c", Role: child}.Place(above, atlas.MaxDepth)
			if !may[[2]atlas.Role{parent, child}] {
				require.ErrorIs(t, err, atlas.ErrRefused)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, atlas.Account{ID: "c", Role: child, ParentID: "p", Path: "root/p/c", Tenant: "p"}, got)
		}
	}
}

func TestOnlyAnAdminHasNoParent(t *testing.T) {
	t.Parallel()
	for _, r := range append(atlas.Roles(), "") {
		got, err := atlas.Account{ID: "a", Role: r, ParentID: "old", Path: "old/a"}.Place(atlas.Account{}, atlas.MaxDepth)
		if r != atlas.Admin {
			require.ErrorIs(t, err, atlas.ErrRefused)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, atlas.Account{ID: "a", Role: r, Path: "a", Tenant: "a"}, got)
	}
}

func TestTheTreeHasADepth(t *testing.T) {
	t.Parallel()
	parent := atlas.Account{ID: "s", Role: atlas.SubReseller, Path: "root/r/s"}
	child := atlas.Account{ID: "c", Role: atlas.Client}
	_, err := child.Place(parent, 4)
	require.NoError(t, err)
	_, err = child.Place(parent, 3)
	require.ErrorIs(t, err, atlas.ErrRefused)
	var place *atlas.PlaceError
	require.ErrorAs(t, err, &place)
	require.Equal(t, 3, place.Depth)
}

func TestParseRoleHasNoDefault(t *testing.T) {
	t.Parallel()
	for _, r := range atlas.Roles() {
		got, err := atlas.ParseRole(string(r))
		require.NoError(t, err)
		require.Equal(t, r, got)
	}
	for _, s := range []string{"", "Admin", "admin ", "owner"} {
		_, err := atlas.ParseRole(s)
		require.ErrorIs(t, err, atlas.ErrInvalid, "%q", s)
	}
}

func TestStatusChangesByTheWholeTable(t *testing.T) {
	t.Parallel()
	all := []atlas.Status{atlas.Active, atlas.Suspended, atlas.Blocked, atlas.Closed, "", "unknown"}
	allowed := map[[2]atlas.Status]bool{
		{atlas.Active, atlas.Suspended}: true, {atlas.Active, atlas.Blocked}: true, {atlas.Active, atlas.Closed}: true,
		{atlas.Suspended, atlas.Active}: true, {atlas.Suspended, atlas.Blocked}: true, {atlas.Suspended, atlas.Closed}: true,
		{atlas.Blocked, atlas.Active}: true, {atlas.Blocked, atlas.Closed}: true,
	}
	for _, from := range all {
		for _, next := range all {
			got, err := from.Change(next)
			if allowed[[2]atlas.Status{from, next}] {
				require.NoError(t, err)
				require.Equal(t, next, got)
				continue
			}
			require.ErrorIs(t, err, atlas.ErrTransition, "%s to %s", from, next)
			require.ErrorIs(t, err, atlas.ErrRefused)
			require.Equal(t, from, got)
		}
	}
}

func TestTheEffectiveStatusIsThatOfTheWholeLine(t *testing.T) {
	t.Parallel()
	active, suspended := atlas.Account{Status: atlas.Active}, atlas.Account{Status: atlas.Suspended}
	require.Equal(t, atlas.Closed, atlas.Effective(nil))
	require.Equal(t, atlas.Active, atlas.Effective([]atlas.Account{active, active}))
	require.Equal(t, atlas.Suspended, atlas.Effective([]atlas.Account{suspended, active}))
	require.Equal(t, atlas.Suspended, atlas.Effective([]atlas.Account{active, suspended}))
	require.NotEqual(t, atlas.Active, atlas.Effective([]atlas.Account{active, {}}))
}

func TestFoldUsernameIsOneForAllCaseVariants(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{{"ana", "Ana", "ANA", "aNa"}, {"\u00e9mile", "\u00c9MILE"}, {"k", "K", "\u212a"}, {"\u03c3", "\u03a3", "\u03c2"}} {
		for _, s := range same {
			require.Equal(t, atlas.FoldUsername(same[0]), atlas.FoldUsername(s), s)
		}
	}
	require.NotEqual(t, atlas.FoldUsername("strasse"), atlas.FoldUsername("stra\u00dfe"))
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		folded := atlas.FoldUsername(s)
		require.Equal(t, folded, atlas.FoldUsername(folded), "folding again changes nothing")
		require.True(t, strings.EqualFold(s, folded))
		r := []rune(s)
		for i := range r {
			r[i] = unicode.SimpleFold(r[i])
		}
		require.Equal(t, folded, atlas.FoldUsername(string(r)))
	})
}

func TestCheckUsername(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"ana", "a.b", "a_b-c+d@e", "\u00c9mile", "\u540d\u524d\u540d", strings.Repeat("x", 64), "123"} {
		require.NoError(t, atlas.CheckUsername(s), s)
	}
	for _, s := range []string{
		"", "ab", strings.Repeat("x", 65), "a b", "a/b", "a\x00b", "ana\n", "e\u0301mile", "\xff\xfe\xfd", "a\u202eb", "\U0001F4F1\U0001F4F1\U0001F4F1", "a'b", "a%b",
	} {
		require.ErrorIs(t, atlas.CheckUsername(s), atlas.ErrInvalid, "%q", s)
	}
}

func TestCheckText(t *testing.T) {
	t.Parallel()
	require.NoError(t, atlas.CheckText("name", "\u00e9\U0001F4F1 '\"%", 6))
	for _, s := range []string{"1234567", "\xff", "a\x00", "a\nb", "a\u202eb", "a\u2028", "\u2066"} {
		err := atlas.CheckText("name", s, 6)
		require.ErrorIs(t, err, atlas.ErrInvalid, "%q", s)
		var field *atlas.FieldError
		require.ErrorAs(t, err, &field)
		require.Equal(t, "name", field.Field)
	}
}

func TestCleanTextIsAlwaysTextThatCheckTextAccepts(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ab", atlas.CleanText("a\x00\xff\u202eb\n", 10))
	require.Equal(t, "\u00e9\u00e9", atlas.CleanText("\u00e9\u00e9\u00e9", 2))
	rapid.Check(t, func(t *rapid.T) {
		raw, limit := rapid.SliceOf(rapid.Byte()).Draw(t, "raw"), rapid.IntRange(0, 20).Draw(t, "limit")
		got := atlas.CleanText(string(raw), limit)
		require.NoError(t, atlas.CheckText("x", got, limit))
		require.Equal(t, got, atlas.CleanText(got, limit))
		require.LessOrEqual(t, utf8.RuneCountInString(got), limit)
	})
}

func TestSupportIsBoundByRoleAndParent(t *testing.T) {
	t.Parallel()
	all := atlas.OpenTicket | atlas.RequestView | atlas.RequestControl | atlas.RequestUnattended
	for _, r := range append(atlas.Roles(), "", "owner") {
		for parent := range all + 1 {
			for want := range all + 1 {
				got := want.Bound(r, parent)
				require.True(t, parent.Has(got) && want.Has(got) && atlas.SupportOf(r).Has(got))
			}
		}
	}
	require.Zero(t, atlas.SupportOf("owner"))
	require.Equal(t, atlas.OpenTicket, atlas.SupportOf(atlas.Client))
}

func TestSupportIsNamesOnTheWire(t *testing.T) {
	t.Parallel()
	for s := range atlas.Support(16) {
		b, err := json.Marshal(s)
		require.NoError(t, err)
		var got atlas.Support
		require.NoError(t, json.Unmarshal(b, &got))
		require.Equal(t, s, got)
	}
	b, err := json.Marshal(atlas.OpenTicket | atlas.RequestControl)
	require.NoError(t, err)
	require.JSONEq(t, `["open_ticket","request_control"]`, string(b))
	var s atlas.Support
	require.ErrorIs(t, json.Unmarshal([]byte(`["open_ticket","root"]`), &s), atlas.ErrInvalid)
	require.Error(t, json.Unmarshal([]byte(`15`), &s))
}

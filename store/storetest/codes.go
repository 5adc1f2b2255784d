package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/store"
)

func codeCases() []proof {
	return []proof{
		{"ByLookupReturnsTheCodeOrErrNotFound", byLookup},
		{"InsertCodesAddsAllOrNone", allCodesOrNone},
		{"PlansAreAPageOfAllNewestFirst", plans},
		{"LapsedAreThoseThatCouldBeRedeemedNoLongerThanThat", lapsed},
	}
}

func code(id string) activation.Code {
	return activation.Code{ID: id, Lookup: []byte("lookup of " + id), State: activation.Issued, Devices: 1}
}

func codeID(c activation.Code) string { return c.ID }

func byLookup(t *testing.T, st store.Store) {
	one, two := code("1"), code("2")
	one.Lookup, two.Lookup = []byte{0, 'a', 0xff}, []byte{0, 'A', 0xff}
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Codes().InsertCodes(c, []activation.Code{one, two})) })
	view(t, st, func(c ctx, x tx) {
		for _, want := range []activation.Code{one, two} {
			got, err := x.Codes().ByLookup(c, want.Lookup)
			require.NoError(t, err)
			same(t, stored(want), got)
		}
		for _, none := range [][]byte{nil, {0}, {0, 'a'}, {0, 'a', 0xff, 0}, {0, 'b', 0xff}} {
			_, err := x.Codes().ByLookup(c, none)
			require.ErrorIs(t, err, atlas.ErrNotFound)
		}
	})
}

func allCodesOrNone(t *testing.T, st store.Store) {
	sameLookup := code("5")
	sameLookup.Lookup = code("1").Lookup
	twice := code("6")
	twice.Lookup = code("7").Lookup
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, x.Codes().InsertCodes(c, nil))
		require.NoError(t, x.Codes().InsertCodes(c, []activation.Code{code("1"), code("2")}))
		for _, batch := range [][]activation.Code{
			{code("3"), code("1"), code("4")},
			{code("3"), code("4"), sameLookup},
			{code("3"), code("4"), code("3")}, // against itself
			{code("7"), twice},
		} {
			require.ErrorIs(t, x.Codes().InsertCodes(c, batch), atlas.ErrExists)
			got, err := x.Codes().List(c, everywhere(), store.CodeFilter{}, atlas.Page{})
			require.NoError(t, err)
			require.Equal(t, []string{"2", "1"}, ids(got, codeID))
		}
	})
	update(t, st, func(c ctx, x tx) {
		big := make([]activation.Code, 1000)
		for i := range big {
			big[i] = code(num("big", i))
		}
		require.NoError(t, x.Codes().InsertCodes(c, big))
		_, err := x.Codes().Code(c, "big0999")
		require.NoError(t, err)
	})
}

func plans(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		for i := range 7 {
			require.NoError(t, x.Codes().InsertPlan(c, activation.Plan{ID: num("p", i*3%7), Name: "n"}))
		}
	})
	view(t, st, func(c ctx, x tx) {
		for _, p := range []struct {
			page atlas.Page
			want string
		}{
			{atlas.Page{}, "p0006 p0005 p0004 p0003 p0002 p0001 p0000"},
			{atlas.Page{Limit: 2}, "p0006 p0005"},
			{atlas.Page{After: "p0003", Limit: 2}, "p0002 p0001"},
			{atlas.Page{After: "p0000"}, ""},
		} {
			got, err := x.Codes().Plans(c, p.page)
			require.NoError(t, err)
			require.Equal(t, p.want, strings.Join(ids(got, func(p activation.Plan) string { return p.ID }), " "))
		}
	})
}

func lapsed(t *testing.T, st store.Store) {
	var all []activation.Code
	var want []string
	states := []activation.State{activation.Issued, activation.Reserved, activation.Active, activation.Suspended, activation.Expired, activation.Revoked}
	for _, s := range states {
		for _, by := range []time.Time{{}, at.Add(-time.Hour), at, at.Add(time.Microsecond)} {
			for used := range int64(3) {
				c := code(num("c", len(all)))
				c.State, c.RedeemBy, c.Used, c.Devices = s, by, used, 2
				all = append(all, c)
				waits := s != activation.Expired && s != activation.Revoked
				if waits && used < 2 && !by.IsZero() && !at.Before(by) {
					want = append(want, c.ID)
				}
			}
		}
	}
	require.Len(t, want, 16)
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Codes().InsertCodes(c, all)) })
	view(t, st, func(c ctx, x tx) {
		got, err := x.Codes().Lapsed(c, at, 100)
		require.NoError(t, err)
		require.ElementsMatch(t, want, ids(got, codeID))
		some, err := x.Codes().Lapsed(c, at, 4)
		require.NoError(t, err)
		require.Len(t, some, 4)
		require.Subset(t, want, ids(some, codeID))
		none, err := x.Codes().Lapsed(c, at.Add(-time.Hour-time.Microsecond), 100)
		require.NoError(t, err)
		require.Empty(t, none)
	})
}

package storetest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

func packageCases() []proof {
	return []proof{
		{"ListHasThoseInScopeAndThoseShownToReach", assignedPackages},
		{"InStateAreAtMostLimitOldestFirst", inState},
		{"SameNameAreTheTenantsByID", sameName},
		{"BySHA256AreByID", bySHA256},
		{"ScansAndAssignmentsAreThePackagesOldestFirst", scansOldestFirst},
	}
}

func pkg(i int, p atlas.Path) intake.Package {
	return intake.Package{ID: num("p", i), Path: p, Tenant: p.Tenant(), State: intake.Quarantined}
}

func pkgID(p intake.Package) string { return p.ID }

func insertPackages(t *testing.T, st store.Store, ps ...intake.Package) {
	t.Helper()
	update(t, st, func(c ctx, x tx) {
		for _, p := range ps {
			require.NoError(t, x.Packages().Insert(c, p))
		}
	})
}

func assignedPackages(t *testing.T, st store.Store) {
	places := neighbours()
	var ps []intake.Package
	var as []intake.Assignment
	for i, p := range places {
		ps = append(ps, pkg(i, p))
	}
	for i := range 3 * len(places) { // several of one package, and some by folder or device
		as = append(as, intake.Assignment{
			ID: num("a", i), PackageID: ps[i*5%len(ps)].ID, Path: places[i*3%len(places)],
			FolderID: pick(i, atlas.FolderID(""), "f"), DeviceID: pick(i, atlas.DeviceID(""), "", "d"),
		})
	}
	as = append(as, intake.Assignment{ID: "stray", PackageID: "no such package", Path: "root"})
	insertPackages(t, st, ps...)
	update(t, st, func(c ctx, x tx) {
		for _, v := range as {
			require.NoError(t, x.Packages().Assign(c, v))
		}
	})
	model := func(s atlas.Scope, reach atlas.Path) (out []string) {
		for _, p := range slices.Backward(ps) {
			if s.Contains(p.Path) || slices.ContainsFunc(as, func(v intake.Assignment) bool {
				return v.Of(p) && v.Shows(reach)
			}) {
				out = append(out, p.ID)
			}
		}
		return out
	}
	view(t, st, func(c ctx, x tx) {
		for _, reach := range append(places, "", "root/a/b/c/d", "nowhere/at/all") {
			for _, s := range []atlas.Scope{{}, everywhere(), scope(atlas.Self, reach), atlas.SubtreeOf(reach), scope(atlas.Below, "root/a")} {
				want := model(s, reach)
				got, err := x.Packages().List(c, s, reach, atlas.Page{Limit: atlas.MaxPage})
				require.NoError(t, err)
				require.Equal(t, append([]string{}, want...), ids(got, pkgID), "%s of %q, reach %q", s.Reach(), s.Path(), reach)
				if len(want) > 3 {
					got, err = x.Packages().List(c, s, reach, atlas.Page{After: want[0], Limit: 2})
					require.NoError(t, err)
					require.Equal(t, want[1:3], ids(got, pkgID))
				}
			}
		}
	})
}

func inState(t *testing.T, st store.Store) {
	var ps []intake.Package
	for i := range 18 {
		p := pkg(i*5%18, "root")
		p.State = intake.States()[(i*5%18)%len(intake.States())]
		ps = append(ps, p)
	}
	insertPackages(t, st, ps...)
	view(t, st, func(c ctx, x tx) {
		for _, q := range []struct {
			states []intake.State
			limit  int
			want   []string
		}{
			{[]intake.State{intake.Quarantined}, 10, []string{"p0000", "p0006", "p0012"}},
			{[]intake.State{intake.Error, intake.Quarantined}, 10, []string{"p0000", "p0005", "p0006", "p0011", "p0012", "p0017"}},
			{[]intake.State{intake.Error, intake.Quarantined}, 3, []string{"p0000", "p0005", "p0006"}},
			{[]intake.State{"unknown"}, 10, []string{}},
			{nil, 10, []string{}},
		} {
			got, err := x.Packages().InState(c, q.states, q.limit)
			require.NoError(t, err)
			require.Equal(t, q.want, ids(got, pkgID), "%v", q.states)
		}
	})
}

func sameName(t *testing.T, st store.Store) {
	var ps []intake.Package
	for i, k := range []struct{ tenant, name string }{{"t", "com.a"}, {"t", "com.b"}, {"T", "com.a"}, {"t", "com.A"}, {"t", "com.a"}, {"", "com.a"}, {"t", "com.a"}} {
		p := pkg(i*3%7, "root")
		p.Tenant, p.Package = atlas.AccountID(k.tenant), k.name
		ps = append(ps, p)
	}
	insertPackages(t, st, ps...)
	view(t, st, func(c ctx, x tx) {
		got, err := x.Packages().SameName(c, "t", "com.a")
		require.NoError(t, err)
		require.Equal(t, []string{ps[0].ID, ps[6].ID, ps[4].ID}, ids(got, pkgID))
		got, err = x.Packages().SameName(c, "t", "com.A")
		require.NoError(t, err)
		require.Equal(t, []string{ps[3].ID}, ids(got, pkgID))
		got, err = x.Packages().SameName(c, "t", "com._")
		require.NoError(t, err)
		require.Empty(t, got)
	})
}

func bySHA256(t *testing.T, st store.Store) {
	var ps []intake.Package
	for i, sum := range []string{"aa", "ab", "AA", "aa", "", "aa"} {
		p := pkg(i*5%6, atlas.Path(num("tenant", i)))
		p.SHA256 = sum
		ps = append(ps, p)
	}
	insertPackages(t, st, ps...)
	view(t, st, func(c ctx, x tx) {
		got, err := x.Packages().BySHA256(c, "aa")
		require.NoError(t, err)
		require.Equal(t, []string{"p0000", "p0001", "p0003"}, ids(got, pkgID))
		got, err = x.Packages().BySHA256(c, "a")
		require.NoError(t, err)
		require.Empty(t, got)
	})
}

func scansOldestFirst(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		for i := range 9 {
			n := i * 4 % 9
			require.NoError(t, x.Packages().InsertScan(c, intake.Scan{ID: num("s", n), PackageID: pick(n, "p", "P", "q"), At: at}))
			require.NoError(t, x.Packages().Assign(c, intake.Assignment{ID: num("a", n), PackageID: pick(n, "p", "P", "q"), At: at}))
		}
	})
	view(t, st, func(c ctx, x tx) {
		scans, err := x.Packages().Scans(c, "P")
		require.NoError(t, err)
		require.Equal(t, []string{"s0001", "s0004", "s0007"}, ids(scans, func(s intake.Scan) string { return s.ID }))
		as, err := x.Packages().Assignments(c, "P")
		require.NoError(t, err)
		require.Equal(t, []string{"a0001", "a0004", "a0007"}, ids(as, func(a intake.Assignment) string { return a.ID }))
		scans, err = x.Packages().Scans(c, "none")
		require.NoError(t, err)
		require.Empty(t, scans)
	})
}

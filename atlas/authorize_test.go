package atlas_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// tree is a small world: every role, two tenants, and neighbours by name.
var tree = []atlas.Path{
	"root", "root/r1", "root/r1/s1", "root/r1/s1/c1", "root/r1/c2", "root/r1-b", "root/r2", "root/r2/c3", "root/c4", "other", "",
}

var seats = map[atlas.Role]atlas.Path{
	atlas.Admin: "root", atlas.Reseller: "root/r1", atlas.SubReseller: "root/r1/s1", atlas.Client: "root/r1/s1/c1",
}

func subject(r atlas.Role) atlas.Subject {
	p := seats[r]
	return atlas.Subject{
		Actor: atlas.Actor{Account: p.Account(), Purpose: atlas.PurposeSupport},
		Role:  r, Path: p, Status: atlas.Active, Support: atlas.SupportOf(r),
	}
}

func TestScopeIsAuthorizeAsAFilterForEveryRoleActionAndPlace(t *testing.T) {
	t.Parallel()
	policy := atlas.DefaultPolicy()
	for _, rule := range atlas.Matrix() {
		for _, role := range atlas.Roles() {
			s := subject(role)
			scope, scopeErr := policy.Scope(s, rule.Action)
			for _, place := range tree {
				err := policy.Authorize(s, rule.Action, atlas.Resource{Path: place})
				require.Equal(t, err == nil, scope.Contains(place), "%s as %s on %q: %v", rule.Action, role, place, err)
				if scopeErr != nil {
					require.Error(t, err)
				}
			}
		}
	}
}

func TestAuthorizeIsTheMatrixOnTheTree(t *testing.T) {
	t.Parallel()
	policy := atlas.DefaultPolicy()
	for _, rule := range atlas.Matrix() {
		for _, role := range atlas.Roles() {
			own := seats[role]
			for _, place := range tree {
				allowed := map[atlas.Reach]bool{
					atlas.Self:       place == own,
					atlas.Below:      place != own && isBelow(own, place),
					atlas.Subtree:    place == own || isBelow(own, place),
					atlas.Everywhere: true,
				}[rule.Reach[role]]
				err := policy.Authorize(subject(role), rule.Action, atlas.Resource{Path: place})
				why := fmt.Sprintf("%s as %s on %q", rule.Action, role, place)
				switch {
				case allowed:
					require.NoError(t, err, why)
				case rule.Reach[role] == atlas.Nowhere, role == atlas.Admin, place == own, isBelow(own, place):
					require.ErrorIs(t, err, atlas.ErrDenied, why)
				default:
					require.ErrorIs(t, err, atlas.ErrNotFound, why)
				}
			}
		}
	}
}

func TestEveryActionHasOneRowWithAReachForEveryRole(t *testing.T) {
	t.Parallel()
	seen := map[atlas.Action]bool{}
	for _, rule := range atlas.Matrix() {
		require.False(t, seen[rule.Action], rule.Action)
		seen[rule.Action] = true
		require.Len(t, rule.Reach, len(atlas.Roles()), rule.Action)
		require.NotEqual(t, atlas.Nowhere, rule.Reach[atlas.Admin], rule.Action)
	}
}

func TestNobodyIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	nobodies := map[string]atlas.Subject{
		"the zero subject": {}, "no account": {Role: atlas.Admin, Path: "root", Status: atlas.Active},
		"no path": {Actor: atlas.Actor{Account: "a"}, Role: atlas.Admin, Status: atlas.Active},
		"no role": {Actor: atlas.Actor{Account: "a"}, Path: "root", Status: atlas.Active},
	}
	for name, s := range nobodies {
		for _, rule := range atlas.Matrix() {
			require.ErrorIs(t, atlas.DefaultPolicy().Authorize(s, rule.Action, atlas.Resource{Path: "root"}), atlas.ErrUnauthenticated, name)
			_, err := atlas.DefaultPolicy().Scope(s, rule.Action)
			require.ErrorIs(t, err, atlas.ErrUnauthenticated, name)
		}
	}
}

func TestWhoeverIsNotActiveIsRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []atlas.Status{"", atlas.Suspended, atlas.Blocked, atlas.Closed, "unknown"} {
		s := subject(atlas.Admin)
		s.Status = status
		require.ErrorIs(t, atlas.DefaultPolicy().Authorize(s, atlas.DeviceRead, atlas.Resource{Path: "root"}), atlas.ErrSuspended)
	}
}

func TestUnknownActionsRolesAndPoliciesAllowNothing(t *testing.T) {
	t.Parallel()
	here := atlas.Resource{Path: "root"}
	require.ErrorIs(t, atlas.DefaultPolicy().Authorize(subject(atlas.Admin), "device.eat", here), atlas.ErrDenied)
	require.ErrorIs(t, atlas.Policy{}.Authorize(subject(atlas.Admin), atlas.DeviceRead, here), atlas.ErrDenied)
	s := subject(atlas.Admin)
	s.Role = "owner"
	require.Error(t, atlas.DefaultPolicy().Authorize(s, atlas.DeviceRead, here))
}

func TestAnAdminReadsPersonalDataForADisclosurePurposeOnly(t *testing.T) {
	t.Parallel()
	for _, rule := range atlas.Matrix() {
		for _, purpose := range append(atlas.Purposes(), "", "curiosity") {
			s := subject(atlas.Admin)
			s.Purpose = purpose
			err := atlas.DefaultPolicy().Authorize(s, rule.Action, atlas.Resource{Path: "root"})
			if rule.Personal && !purpose.Discloses() {
				require.ErrorIs(t, err, atlas.ErrDenied, "%s for %q", rule.Action, purpose)
			} else {
				require.NoError(t, err, "%s for %q", rule.Action, purpose)
			}
		}
	}
	reseller := subject(atlas.Reseller)
	reseller.Purpose = ""
	require.NoError(t, atlas.DefaultPolicy().Authorize(reseller, atlas.DeviceRead, atlas.Resource{Path: "root/r1/c2"}))
}

func TestARuleMayNeedASupportPermission(t *testing.T) {
	t.Parallel()
	policy := atlas.NewPolicy(append(atlas.Matrix(), atlas.Rule{
		Action: "screen.view", Support: atlas.RequestView,
		Reach: map[atlas.Role]atlas.Reach{atlas.Reseller: atlas.Subtree},
	}))
	s := subject(atlas.Reseller)
	require.NoError(t, policy.Authorize(s, "screen.view", atlas.Resource{Path: "root/r1"}))
	s.Support = atlas.OpenTicket
	require.ErrorIs(t, policy.Authorize(s, "screen.view", atlas.Resource{Path: "root/r1"}), atlas.ErrDenied)
}

func TestALaterRowReplacesAnEarlierOne(t *testing.T) {
	t.Parallel()
	policy := atlas.NewPolicy(append(atlas.Matrix(), atlas.Rule{Action: atlas.DeviceRead}))
	rule, ok := policy.Rule(atlas.DeviceRead)
	require.True(t, ok)
	require.Empty(t, rule.Reach)
	require.ErrorIs(t, policy.Authorize(subject(atlas.Admin), atlas.DeviceRead, atlas.Resource{}), atlas.ErrDenied)
}

func TestARefusalNamesActorAndActionAndHidesTheReason(t *testing.T) {
	t.Parallel()
	err := atlas.DefaultPolicy().Authorize(subject(atlas.Client), atlas.DeviceRead, atlas.Resource{Path: "root/r2"})
	var r *atlas.Refusal
	require.ErrorAs(t, err, &r)
	require.Equal(t, atlas.AccountID("c1"), r.Actor)
	require.Equal(t, atlas.DeviceRead, r.Action)
	require.NotEmpty(t, r.Reason)
	require.Equal(t, "device.read: not found", err.Error())
}

func TestSubjectOfReadsTheActorsOwnAccount(t *testing.T) {
	t.Parallel()
	line := []atlas.Account{
		{ID: "root", Role: atlas.Admin, Path: "root", Status: atlas.Active},
		{ID: "r1", Role: atlas.Reseller, Path: "root/r1", Status: atlas.Active, Support: atlas.OpenTicket},
	}
	s := atlas.SubjectOf(atlas.Actor{Account: "r1"}, line)
	require.Equal(t, atlas.Subject{Actor: atlas.Actor{Account: "r1"}, Role: atlas.Reseller, Path: "root/r1", Status: atlas.Active, Support: atlas.OpenTicket}, s)
	line[0].Status = atlas.Suspended
	require.Equal(t, atlas.Suspended, atlas.SubjectOf(atlas.Actor{Account: "r1"}, line).Status)
	stranger := atlas.SubjectOf(atlas.Actor{Account: "x"}, line[1:])
	require.ErrorIs(t, atlas.DefaultPolicy().Authorize(stranger, atlas.DeviceRead, atlas.Resource{}), atlas.ErrUnauthenticated)
	require.Equal(t, atlas.Closed, atlas.SubjectOf(atlas.Actor{Account: "x"}, nil).Status)
}

// isBelow is the meaning of a path without any cleverness.
func isBelow(p, q atlas.Path) bool {
	for up := q.Parent(); up != ""; up = up.Parent() {
		if up == p {
			return true
		}
	}
	return false
}

func anyPath() *rapid.Generator[atlas.Path] {
	return rapid.Custom(func(t *rapid.T) atlas.Path {
		var p atlas.Path
		for _, id := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "A", "ab", "a-", "a0", "b", "_", "%"}), 0, 4).Draw(t, "ids") {
			p = p.Child(atlas.AccountID(id))
		}
		return p
	})
}

func anyScope() *rapid.Generator[atlas.Scope] {
	return rapid.Custom(func(t *rapid.T) atlas.Scope {
		reach := rapid.SampledFrom([]atlas.Reach{atlas.Nowhere, atlas.Self, atlas.Below, atlas.Subtree, atlas.Everywhere}).Draw(t, "reach")
		policy := atlas.NewPolicy([]atlas.Rule{{Action: "x", Reach: map[atlas.Role]atlas.Reach{atlas.Client: reach}}})
		s, err := policy.Scope(atlas.Subject{
			Actor: atlas.Actor{Account: "a"}, Role: atlas.Client, Path: anyPath().Draw(t, "own"), Status: atlas.Active,
		}, "x")
		if err != nil {
			return atlas.Scope{}
		}
		return s
	})
}

func TestNarrowIsTheIntersectionWithASubtree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, p, q := anyScope().Draw(t, "scope"), anyPath().Draw(t, "p"), anyPath().Draw(t, "q")
		require.Equal(t, s.Contains(q) && p.Contains(q), s.Narrow(p).Contains(q), "%s of %q narrowed to %q, asked for %q", s.Reach(), s.Path(), p, q)
	})
}

func TestPathRelationsAreThoseOfTheirIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, q := anyPath().Draw(t, "p"), anyPath().Draw(t, "q")
		below := p != "" && isBelow(p, q)
		require.Equal(t, below, p.Above(q))
		require.Equal(t, p != "" && (below || p == q), p.Contains(q))
		require.Equal(t, p != "" && p.Contains(q), slices.Contains(q.Line(), p))
		from, to := p.Bounds()
		if p != "" {
			require.Equal(t, below, string(q) >= from && string(q) < to, "%q in the range of %q", q, p)
		}
		require.Len(t, q.Line(), q.Depth())
		if q != "" {
			require.Equal(t, q, q.Parent().Child(q.Account()))
			require.Equal(t, q, q.Line()[q.Depth()-1])
		}
	})
}

func TestTenantIsTheAccountBelowAdmin(t *testing.T) {
	t.Parallel()
	for p, want := range map[atlas.Path]atlas.AccountID{"": "", "root": "root", "root/r": "r", "root/r/s": "r", "root/r/s/c": "r"} {
		require.Equal(t, want, p.Tenant(), p)
	}
}

func BenchmarkAuthorize(b *testing.B) {
	policy, s, r := atlas.DefaultPolicy(), subject(atlas.Reseller), atlas.Resource{Path: "root/r1/s1/c1"}
	b.ReportAllocs()
	for b.Loop() {
		if err := policy.Authorize(s, atlas.DeviceRead, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScopeContains(b *testing.B) {
	s, err := atlas.DefaultPolicy().Scope(subject(atlas.Reseller), atlas.DeviceRead)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if !s.Contains("root/r1/s1/c1") {
			b.Fatal("outside")
		}
	}
}

func TestAuthorizeAllocatesOnlyToRefuse(t *testing.T) {
	policy, s, r := atlas.DefaultPolicy(), subject(atlas.Reseller), atlas.Resource{Path: "root/r1/s1/c1"}
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = policy.Authorize(s, atlas.DeviceRead, r) }))
}

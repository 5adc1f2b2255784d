package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// lister is a list of the contract and the model of it: T the records, F the
// filter, struct{} where there is none.
type lister[T, F any] struct {
	list    func(c ctx, x tx, s atlas.Scope, f F, p atlas.Page) ([]T, error)
	count   func(c ctx, x tx, s atlas.Scope, f F) (int64, error) // nil: the contract has none
	insert  func(c ctx, x tx, v T) error
	make    func(i int, p atlas.Path) T
	id      func(T) string
	path    func(T) atlas.Path
	filters []F
	match   func(F, T) bool
}

func listCases() []proof {
	return slices.Concat(
		accountList().proofs("Accounts"), folderList().proofs("Folders"), deviceList().proofs("Devices"), codeList().proofs("Codes"),
		[]proof{{"AtMost0IsNothing", atMostZero}},
		packageList().proofs("Packages"), commandList().proofs("Commands"), securityList().proofs("Security"), auditList().proofs("Audit"),
	)
}

// atMostZero asks every method that has a limit for nothing, of a store in
// which there is something.
func atMostZero(t *testing.T, st store.Store) {
	late := at.Add(1000 * time.Hour)
	insertCode(t, st, "c", 1)
	appendAll(t, st, entry(1, "a", "b", 1, 1))
	insertPackages(t, st, pkg(1, "root"))
	insertCommands(t, st, command(1))
	insertEvents(t, st, 1, 2)
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, x.Ledger().InsertHold(c, ledger.Hold{ID: "h", AccountID: "a", Amount: 1, ExpiresAt: at}))
		require.NoError(t, x.Commands().InsertCampaign(c, campaigns()[0]))
		require.NoError(t, x.Audit().Place(c, 0, []string{"e0001"}))
		require.NoError(t, x.Requests().Insert(c, store.Request{ID: "r"}))
		require.NoError(t, x.Identity().PutAttempts(c, identity.Attempts{ID: "a"}))
	})
	update(t, st, func(c ctx, x tx) {
		for limit := -1; limit <= 1; limit++ {
			none := func(n int, err error) {
				t.Helper()
				require.NoError(t, err)
				require.Equal(t, max(limit, 0), n, "limit %d", limit)
			}
			none(count(x.Codes().Lapsed(c, late, limit)))
			none(count(x.Ledger().AllEntries(c, "", limit)))
			none(count(x.Ledger().ExpiredHolds(c, late, limit)))
			none(count(x.Packages().InState(c, intake.States(), limit)))
			none(count(x.Commands().Open(c, "d", limit)))
			none(count(x.Commands().Late(c, late, limit)))
			none(count(x.Commands().Waiting(c, atlas.Device{ID: "x", Path: "root/a", EnrolledAt: at}, at, limit)))
			none(count(x.Audit().Unsealed(c, limit)))
			none(count(x.Audit().Sealed(c, 0, limit)))
			n, err := x.Requests().DeleteBefore(c, late, limit)
			none(int(n), err)
			n, err = x.Identity().ForgetAttempts(c, late, limit)
			none(int(n), err)
		}
	})
}

func count[T any](items []T, err error) (int, error) { return len(items), err }

func (l lister[T, F]) proofs(name string) []proof {
	return []proof{
		{name + "AreThoseInScopeThatMatchNewestFirst", l.against},
		{name + "FollowWhatIsSavedAndMoved", l.follows},
		{name + "PagesNeitherSkipNorRepeat", l.pages},
		{name + "PagesHaveTheirSize", l.sizes},
		{name + "AreNotSharedWithTheCaller", l.notShared},
	}
}

// places is a generated tree: three levels, with neighbours of awkward order
// and one record that has no place where the kind allows it.
func places() []atlas.Path {
	out := []atlas.Path{"root"}
	for _, a := range []string{"a", "A", "ab", "a-b", "a0", "_", "%"} {
		out = append(out, atlas.Path("root/"+a))
		for _, b := range []string{"x", "y"} {
			out = append(out, atlas.Path("root/"+a+"/"+b))
		}
	}
	return append(out, "other", "other/a")
}

// scopes is every reach from every place, and the empty scopes.
func scopes() []atlas.Scope {
	out := []atlas.Scope{{}, atlas.SubtreeOf(""), everywhere()}
	for _, p := range append(places(), "root/nobody", "roo") {
		for _, r := range []atlas.Reach{atlas.Self, atlas.Below, atlas.Subtree} {
			out = append(out, scope(r, p))
		}
	}
	return out
}

// seed inserts two records in each place, in an order that is neither that
// of ids nor of places.
func (l lister[T, F]) seed(t *testing.T, st store.Store) []T {
	t.Helper()
	var all []T
	for i := range 2 * len(places()) {
		all = append(all, l.make(i, places()[i*7%len(places())]))
	}
	update(t, st, func(c ctx, x tx) {
		for i := range all {
			require.NoError(t, l.insert(c, x, clone(all[i*11%len(all)])))
		}
	})
	for i := range all {
		all[i] = stored(all[i])
	}
	return all
}

func (l lister[T, F]) model(all []T, s atlas.Scope, f F, p atlas.Page) (page []T, total int64) {
	var out []T
	for _, v := range all {
		if s.Contains(l.path(v)) && l.match(f, v) {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b T) int { return strings.Compare(l.id(b), l.id(a)) })
	for _, v := range out {
		if (p.After == "" || l.id(v) < p.After) && len(page) < p.Size() {
			page = append(page, v)
		}
	}
	return page, int64(len(out))
}

func (l lister[T, F]) against(t *testing.T, st store.Store) {
	l.compare(t, st, l.seed(t, st))
}

// follows asks again after half of the records became others and a part of
// the tree went elsewhere.
func (l lister[T, F]) follows(t *testing.T, st store.Store) {
	all := l.seed(t, st)
	save := recordOf[T]().save
	update(t, st, func(c ctx, x tx) {
		for i := 0; i < len(all) && save != nil; i += 2 {
			next := l.make(1000+i*5, places()[i*3%len(places())])
			copyIDs(&next, all[i], []string{"ID"})
			require.NoError(t, save(c, x, withVersion(next, 1)))
			all[i] = withVersion(next, 2)
		}
	})
	if stays(recordOf[T]()) {
		return
	}
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Accounts().Move(c, "root/a", "root/ab/a")) })
	for i := range all {
		p := field[atlas.Path](&all[i], "Path")
		*p = moved(*p, "root/a", "root/ab/a")
		*field[atlas.AccountID](&all[i], "Tenant") = p.Tenant()
	}
	l.compare(t, st, all)
}

// compare asks every question and compares with the model's answers.
func (l lister[T, F]) compare(t *testing.T, st store.Store, all []T) {
	t.Helper()
	pages := []atlas.Page{{}, {Limit: 3}, {After: l.id(all[len(all)/2]), Limit: 4}, {After: "\x01"}}
	view(t, st, func(c ctx, x tx) {
		for _, s := range scopes() {
			for _, p := range pages {
				l.ask(t, c, x, all, s, *new(F), p)
			}
		}
		for _, s := range []atlas.Scope{{}, everywhere(), atlas.SubtreeOf("root/a"), scope(atlas.Below, "root"), scope(atlas.Self, "root/_")} {
			for _, f := range l.filters {
				for _, p := range pages {
					l.ask(t, c, x, all, s, f, p)
				}
			}
		}
	})
}

// ask compares one answer with the model's.
func (l lister[T, F]) ask(t *testing.T, c ctx, x tx, all []T, s atlas.Scope, f F, p atlas.Page) {
	t.Helper()
	why := fmt.Sprintf("%s of %q, filter %+v, page %+v", s.Reach(), s.Path(), f, p)
	want, total := l.model(all, s, f, p)
	got, err := l.list(c, x, s, f, p)
	require.NoError(t, err, why)
	require.Equal(t, ids(want, l.id), ids(got, l.id), why)
	sameAll(t, want, got, why)
	if l.count != nil {
		n, err := l.count(c, x, s, f)
		require.NoError(t, err, why)
		require.Equal(t, total, n, why)
	}
}

func (l lister[T, F]) pages(t *testing.T, st store.Store) {
	all := l.seed(t, st)
	var got []string
	p := atlas.Page{Limit: 5}
	for round := 0; ; round++ {
		page := read(t, st, func(c ctx, x tx) ([]T, error) { return l.list(c, x, everywhere(), *new(F), p) })
		if len(page) == 0 {
			break
		}
		require.Less(t, round, len(all), "it never ends")
		got = append(got, ids(page, l.id)...)
		p.After = got[len(got)-1]
		update(t, st, func(c ctx, x tx) { // somebody else goes on working
			require.NoError(t, l.insert(c, x, l.make(1000+round, "root/a")))
		})
	}
	slices.Reverse(got)
	want := ids(all, l.id)
	slices.Sort(want)
	require.Equal(t, want, got)
}

func (l lister[T, F]) sizes(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		for i := range atlas.MaxPage + 1 {
			require.NoError(t, l.insert(c, x, l.make(i, "root/a")))
		}
	})
	view(t, st, func(c ctx, x tx) {
		for limit, want := range map[int]int{-1: atlas.DefaultPage, 0: atlas.DefaultPage, 1: 1, atlas.MaxPage: atlas.MaxPage, 1 << 40: atlas.MaxPage} {
			got, err := l.list(c, x, everywhere(), *new(F), atlas.Page{Limit: limit})
			require.NoError(t, err)
			require.Len(t, got, want, "limit %d", limit)
		}
	})
}

func (l lister[T, F]) notShared(t *testing.T, st store.Store) {
	want := filled[T](awk, 0)
	update(t, st, func(c ctx, x tx) { require.NoError(t, l.insert(c, x, clone(want))) })
	for range 3 {
		view(t, st, func(c ctx, x tx) {
			for range 2 {
				got, err := l.list(c, x, everywhere(), *new(F), atlas.Page{})
				require.NoError(t, err)
				sameAll(t, []T{stored(want)}, got)
				scribble(got[0])
			}
		})
	}
}

// like is a filter's meaning where it compares fields of the same name: zero
// fields match everything, the fields named apart are somebody else's.
func like[F, T any](f F, v T, apart ...string) bool {
	fv, rv := reflect.ValueOf(f), reflect.ValueOf(v)
	for i := range fv.NumField() {
		name := fv.Type().Field(i).Name
		if !slices.Contains(apart, name) && !fv.Field(i).IsZero() && fv.Field(i).Interface() != rv.FieldByName(name).Interface() {
			return false
		}
	}
	return true
}

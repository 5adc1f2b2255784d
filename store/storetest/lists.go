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
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
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
		packageList().proofs("Packages"), commandList().proofs("Commands"), securityList().proofs("Security"), auditList().proofs("Audit"),
	)
}

func (l lister[T, F]) proofs(name string) []proof {
	return []proof{
		{name + "AreThoseInScopeThatMatchNewestFirst", l.against},
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
	all := l.seed(t, st)
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

// pick returns the i-th of the values, round and round.
func pick[V any](i int, values ...V) V { return values[i%len(values)] }

func accountList() lister[atlas.Account, store.AccountFilter] {
	return lister[atlas.Account, store.AccountFilter]{
		list: func(c ctx, x tx, s atlas.Scope, f store.AccountFilter, p atlas.Page) ([]atlas.Account, error) {
			return x.Accounts().List(c, s, f, p)
		},
		count: func(c ctx, x tx, s atlas.Scope, f store.AccountFilter) (int64, error) {
			return x.Accounts().Count(c, s, f)
		},
		insert: a(store.Tx.Accounts, store.Accounts.Insert),
		make: func(i int, p atlas.Path) atlas.Account {
			name := pick(i, "Ana", "BOB", "\u00e9milie", "100%", "a_b", "back\\slash", "O'Neil") + num(".", i)
			return atlas.Account{
				ID: atlas.AccountID(num("n", i)), Username: name, UsernameKey: atlas.FoldUsername(name), Path: p, Tenant: p.Tenant(),
				DisplayName: pick(i, "", "Zo\u00eb", "STRASSE", "Stra\u00dfe", "50% off"), CreatedAt: at,
				ParentID: pick(i, atlas.AccountID("p"), "P"), Role: pick(i, atlas.Reseller, atlas.Client, atlas.SubReseller), Status: pick(i, atlas.Active, atlas.Closed),
			}
		},
		id:   func(v atlas.Account) string { return string(v.ID) },
		path: func(v atlas.Account) atlas.Path { return v.Path },
		filters: []store.AccountFilter{
			{ParentID: "p"}, {ParentID: "P"}, {ParentID: "%"}, {Role: atlas.Client}, {Status: atlas.Closed},
			{ParentID: "p", Role: atlas.Client, Status: atlas.Active, Query: "a"},
			{Query: "ana"}, {Query: "NA.00"}, {Query: "\u00c9MIL"}, {Query: "\u00e9mil"}, {Query: "%"}, {Query: "_"}, {Query: "0%"}, {Query: "\\"},
			{Query: "'"}, {Query: "ZO\u00cb"}, {Query: "stra\u1e9ee"}, {Query: "strasse"}, {Query: "% "}, {Query: "nothing"},
		},
		match: func(f store.AccountFilter, v atlas.Account) bool {
			q := atlas.FoldUsername(f.Query)
			return like(f, v, "Query") && (strings.Contains(v.UsernameKey, q) || strings.Contains(atlas.FoldUsername(v.DisplayName), q))
		},
	}
}

func folderList() lister[atlas.Folder, atlas.AccountID] {
	return lister[atlas.Folder, atlas.AccountID]{
		list: func(c ctx, x tx, s atlas.Scope, f atlas.AccountID, p atlas.Page) ([]atlas.Folder, error) {
			return x.Folders().List(c, s, f, p)
		},
		insert: a(store.Tx.Folders, store.Folders.Insert),
		make: func(i int, p atlas.Path) atlas.Folder {
			return atlas.Folder{ID: atlas.FolderID(num("n", i)), OwnerID: pick(i, atlas.AccountID("o"), "O"), Path: p, Tenant: p.Tenant(), Name: num("f", i)}
		},
		id:      func(v atlas.Folder) string { return string(v.ID) },
		path:    func(v atlas.Folder) atlas.Path { return v.Path },
		filters: []atlas.AccountID{"o", "O", "%"},
		match:   func(f atlas.AccountID, v atlas.Folder) bool { return f == "" || f == v.OwnerID },
	}
}

func deviceList() lister[atlas.Device, store.DeviceFilter] {
	seen := func(i int) time.Time {
		if i%4 == 0 {
			return time.Time{} // never
		}
		return at.Add(time.Duration(i%4) * time.Minute)
	}
	return lister[atlas.Device, store.DeviceFilter]{
		list: func(c ctx, x tx, s atlas.Scope, f store.DeviceFilter, p atlas.Page) ([]atlas.Device, error) {
			return x.Devices().List(c, s, f, p)
		},
		count: func(c ctx, x tx, s atlas.Scope, f store.DeviceFilter) (int64, error) {
			return x.Devices().Count(c, s, f)
		},
		insert: a(store.Tx.Devices, store.Devices.Insert),
		make: func(i int, p atlas.Path) atlas.Device {
			return atlas.Device{
				ID: atlas.DeviceID(num("n", i)), Path: p, Tenant: p.Tenant(), OwnerID: pick(i, atlas.AccountID("o"), "O"),
				FolderID: pick(i, atlas.FolderID(""), "f", "F"), CodeID: pick(i, "", "c", "C"), KeyID: num("k", i), SupportID: num("SUP", i),
				Name: pick(i, "", "Pixel \u00e9", "PIXEL \u00c9", "50%", "a_b", "back\\slash", "it's"), LastSeen: seen(i), Capabilities: []string{"x"},
			}
		},
		id:   func(v atlas.Device) string { return string(v.ID) },
		path: func(v atlas.Device) atlas.Path { return v.Path },
		filters: []store.DeviceFilter{
			{OwnerID: "o"}, {OwnerID: "O"}, {FolderID: "f"}, {FolderID: "F"}, {SupportID: "SUP0003"}, {SupportID: "sup0003"}, {CodeID: "c"},
			{SeenSince: at.Add(2 * time.Minute)}, {SeenBefore: at.Add(2 * time.Minute)}, {SeenSince: at.Add(time.Minute), SeenBefore: at.Add(3 * time.Minute)},
			{SeenSince: at.Add(2*time.Minute + time.Microsecond)}, {SeenBefore: at.Add(2*time.Minute + time.Microsecond)},
			{Query: "pixel"}, {Query: "PiXeL \u00e9"}, {Query: "\u00c9"}, {Query: "sup000"}, {Query: "%"}, {Query: "_"}, {Query: "\\"}, {Query: "'"}, {Query: "p000"},
			{OwnerID: "o", FolderID: "f", CodeID: "c", Query: "p", SeenSince: at},
		},
		match: func(f store.DeviceFilter, v atlas.Device) bool {
			q := asciiLower(f.Query)
			return like(f, v, "Query", "SeenSince", "SeenBefore") &&
				(strings.Contains(asciiLower(v.Name), q) || strings.Contains(asciiLower(v.SupportID), q)) &&
				(f.SeenSince.IsZero() || !v.LastSeen.Before(f.SeenSince)) && (f.SeenBefore.IsZero() || v.LastSeen.Before(f.SeenBefore))
		},
	}
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func codeList() lister[activation.Code, store.CodeFilter] {
	return lister[activation.Code, store.CodeFilter]{
		list: func(c ctx, x tx, s atlas.Scope, f store.CodeFilter, p atlas.Page) ([]activation.Code, error) {
			return x.Codes().List(c, s, f, p)
		},
		insert: many(store.Tx.Codes, store.Codes.InsertCodes),
		make: func(i int, p atlas.Path) activation.Code {
			return activation.Code{
				ID: num("n", i), Path: p, Tenant: p.Tenant(), Lookup: []byte(num("lookup", i)), OwnerID: pick(i, atlas.AccountID("o"), "O"),
				PlanID: pick(i, "p", "P", "q"), BatchID: pick(i, "", "b", "B", "c"), State: pick(i, activation.Issued, activation.Active, activation.Revoked),
			}
		},
		id:   func(v activation.Code) string { return v.ID },
		path: func(v activation.Code) atlas.Path { return v.Path },
		filters: []store.CodeFilter{
			{OwnerID: "o"}, {PlanID: "p"}, {PlanID: "P"}, {BatchID: "b"}, {State: activation.Active}, {State: "unknown"},
			{OwnerID: "o", PlanID: "p", BatchID: "b", State: activation.Issued},
		},
		match: func(f store.CodeFilter, v activation.Code) bool { return like(f, v) },
	}
}

// packageList is that of a reach that no assignment touches; packages.go has
// the rest.
func packageList() lister[intake.Package, struct{}] {
	return lister[intake.Package, struct{}]{
		list: func(c ctx, x tx, s atlas.Scope, _ struct{}, p atlas.Page) ([]intake.Package, error) {
			return x.Packages().List(c, s, "", p)
		},
		insert: a(store.Tx.Packages, store.Packages.Insert),
		make: func(i int, p atlas.Path) intake.Package {
			return intake.Package{ID: num("n", i), Path: p, Tenant: p.Tenant(), Package: "com.example.app", State: intake.Quarantined, ABIs: []string{"arm64-v8a"}}
		},
		id:    func(v intake.Package) string { return v.ID },
		path:  func(v intake.Package) atlas.Path { return v.Path },
		match: func(struct{}, intake.Package) bool { return true },
	}
}

func commandList() lister[commands.Command, store.CommandFilter] {
	return lister[commands.Command, store.CommandFilter]{
		list: func(c ctx, x tx, s atlas.Scope, f store.CommandFilter, p atlas.Page) ([]commands.Command, error) {
			return x.Commands().List(c, s, f, p)
		},
		insert: many(store.Tx.Commands, store.Commands.Insert),
		make: func(i int, p atlas.Path) commands.Command {
			return commands.Command{
				ID: num("n", i), Path: p, Tenant: p.Tenant(), DeviceID: pick(i, atlas.DeviceID("d"), "D"), CampaignID: pick(i, "", "c", "C"),
				RefID: pick(i, "", "r", "", "R"), State: pick(i, commands.Queued, commands.Succeeded, commands.Expired), Params: []byte("{}"), ExpiresAt: at,
			}
		},
		id:   func(v commands.Command) string { return v.ID },
		path: func(v commands.Command) atlas.Path { return v.Path },
		filters: []store.CommandFilter{
			{DeviceID: "d"}, {DeviceID: "D"}, {CampaignID: "c"}, {RefID: "r"}, {RefID: "R"}, {State: commands.Queued},
			{DeviceID: "d", CampaignID: "c", RefID: "r", State: commands.Succeeded},
		},
		match: func(f store.CommandFilter, v commands.Command) bool { return like(f, v) },
	}
}

// somewhere is where an event happened; every sixth has no place.
func somewhere(i int, p atlas.Path) atlas.Path {
	if i%6 == 0 {
		return ""
	}
	return p
}

func securityList() lister[security.Event, struct{}] {
	return lister[security.Event, struct{}]{
		list: func(c ctx, x tx, s atlas.Scope, _ struct{}, p atlas.Page) ([]security.Event, error) {
			return x.Security().List(c, s, p)
		},
		insert: a(store.Tx.Security, store.Security.Insert),
		make: func(i int, p atlas.Path) security.Event {
			p = somewhere(i, p)
			return security.Event{ID: num("n", i), At: at, Class: security.ClassLogin, Severity: security.Low, Path: p, Tenant: p.Tenant()}
		},
		id:    func(v security.Event) string { return v.ID },
		path:  func(v security.Event) atlas.Path { return v.Path },
		match: func(struct{}, security.Event) bool { return true },
	}
}

func auditList() lister[audit.Event, struct{}] {
	return lister[audit.Event, struct{}]{
		list: func(c ctx, x tx, s atlas.Scope, _ struct{}, p atlas.Page) ([]audit.Event, error) {
			return x.Audit().List(c, s, p)
		},
		insert: a(store.Tx.Audit, store.Audit.Insert),
		make: func(i int, p atlas.Path) audit.Event {
			p = somewhere(i, p)
			return audit.Event{ID: num("n", i), At: at, Action: "x", Path: p, Tenant: p.Tenant(), Leaf: []byte("leaf"), Index: audit.Unsealed}
		},
		id:    func(v audit.Event) string { return v.ID },
		path:  func(v audit.Event) atlas.Path { return v.Path },
		match: func(struct{}, audit.Event) bool { return true },
	}
}

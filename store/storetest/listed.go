package storetest

import (
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

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
			{ParentID: "p"},
			{ParentID: "P"},
			{ParentID: "%"},
			{Role: atlas.Client},
			{Status: atlas.Closed},
			{ParentID: "p", Role: atlas.Client, Status: atlas.Active, Query: "a"},
			{Query: "ana"},
			{Query: "NA.00"},
			{Query: "\u00c9MIL"},
			{Query: "\u00e9mil"},
			{Query: "%"},
			{Query: "_"},
			{Query: "0%"},
			{Query: "\\"},
			{Query: "'"},
			{Query: "ZO\u00cb"},
			{Query: "stra\u1e9ee"},
			{Query: "strasse"},
			{Query: "% "},
			{Query: "nothing"},
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
			{OwnerID: "o"},
			{OwnerID: "O"},
			{FolderID: "f"},
			{FolderID: "F"},
			{SupportID: "SUP0003"},
			{SupportID: "sup0003"},
			{CodeID: "c"},
			{SeenSince: at.Add(2 * time.Minute)},
			{SeenBefore: at.Add(2 * time.Minute)},
			{SeenSince: at.Add(time.Minute), SeenBefore: at.Add(3 * time.Minute)},
			{SeenSince: at.Add(2*time.Minute + time.Microsecond)},
			{SeenBefore: at.Add(2*time.Minute + time.Microsecond)},
			{Query: "pixel"},
			{Query: "PiXeL \u00e9"},
			{Query: "\u00c9"},
			{Query: "sup000"},
			{Query: "%"},
			{Query: "_"},
			{Query: "\\"},
			{Query: "'"},
			{Query: "p000"},
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
			{OwnerID: "o"},
			{PlanID: "p"},
			{PlanID: "P"},
			{BatchID: "b"},
			{State: activation.Active},
			{State: "unknown"},
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
				ID: num("n", i), Path: p, Tenant: p.Tenant(), DeviceID: pick(i, atlas.DeviceID("d"), "D"), CampaignID: map[int]string{1: "c", 2: "c", 3: "C"}[i],
				RefID: pick(i, "", "r", "", "R"), State: pick(i, commands.Queued, commands.Succeeded, commands.Expired), Params: []byte("{}"), ExpiresAt: at,
			}
		},
		id:   func(v commands.Command) string { return v.ID },
		path: func(v commands.Command) atlas.Path { return v.Path },
		filters: []store.CommandFilter{
			{DeviceID: "d"},
			{DeviceID: "D"},
			{CampaignID: "c"},
			{RefID: "r"},
			{RefID: "R"},
			{State: commands.Queued},
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

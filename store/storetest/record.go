package storetest

import (
	"bytes"
	"context"
	"reflect"
	"slices"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// record is how one type of record goes in and comes out. With insert and
// save the contract says "with Version 1" of the one and "adds one" of the
// other; put is both in one; replace has no version at all.
type record[T any] struct {
	keys    []string // the fields that no record can be without
	get     func(c ctx, x tx, like T) (T, error)
	insert  func(c ctx, x tx, v T) error
	save    func(c ctx, x tx, v T) error
	put     func(c ctx, x tx, v T) error
	replace func(c ctx, x tx, v T) error
}

// add writes v for the first time.
func (r record[T]) add(c ctx, x tx, v T) error {
	switch {
	case r.insert != nil:
		return r.insert(c, x, v)
	case r.put != nil:
		if p := field[int64](&v, "Version"); p != nil {
			*p = 0
		}
		return r.put(c, x, v)
	}
	return r.replace(c, x, v)
}

// change writes v over what is there; nil if the contract has no such thing.
func (r record[T]) change() func(c ctx, x tx, v T) error {
	if r.save != nil {
		return r.save
	}
	return r.put
}

func (r record[T]) typ() reflect.Type { return reflect.TypeFor[T]() }

// kept is a record of whatever type.
type kept interface {
	typ() reflect.Type
	proofs() []recordProof
}

// one returns the item that fits, or ErrNotFound.
func one[T any](all []T, err error, fits func(T) bool) (T, error) {
	if i := slices.IndexFunc(all, fits); err == nil && i >= 0 {
		return all[i], nil
	}
	if err == nil {
		err = atlas.ErrNotFound
	}
	return *new(T), err
}

// records returns every type of record that the contract keeps. Two are not
// in it: checkpoints, of which one reads the newest only, and hashes.
func records() []kept {
	return slices.Concat(treeRecords(), moneyRecords(), workRecords(), identityRecords(), eventRecords())
}

// recordOf returns the one of a type.
func recordOf[T any]() record[T] {
	for _, r := range records() {
		if r, ok := r.(record[T]); ok {
			return r
		}
	}
	return record[T]{}
}

// a returns a function that takes the accessor's method, so that the table
// below reads as the methods do: a(store.Tx.Accounts, store.Accounts.Insert).
func a[D, T any](domain func(tx) D, method func(D, context.Context, T) error) func(ctx, tx, T) error {
	return func(c ctx, x tx, v T) error { return method(domain(x), c, v) }
}

// many is a for the methods that take several records at once.
func many[D, T any](domain func(tx) D, method func(D, context.Context, []T) error) func(ctx, tx, T) error {
	return func(c ctx, x tx, v T) error { return method(domain(x), c, []T{v}) }
}

// by is a for the methods that return the record of a key.
func by[D, K, T any](domain func(tx) D, method func(D, context.Context, K) (T, error), key func(T) K) func(ctx, tx, T) (T, error) {
	return func(c ctx, x tx, v T) (T, error) { return method(domain(x), c, key(v)) }
}

func treeRecords() []kept {
	return []kept{
		record[atlas.Account]{
			keys:   []string{"ID", "UsernameKey"},
			get:    by(store.Tx.Accounts, store.Accounts.Get, func(v atlas.Account) atlas.AccountID { return v.ID }),
			insert: a(store.Tx.Accounts, store.Accounts.Insert), save: a(store.Tx.Accounts, store.Accounts.Save),
		},
		record[atlas.Folder]{
			keys:   []string{"ID"},
			get:    by(store.Tx.Folders, store.Folders.Get, func(v atlas.Folder) atlas.FolderID { return v.ID }),
			insert: a(store.Tx.Folders, store.Folders.Insert),
		},
		record[atlas.Device]{
			keys:   []string{"ID", "KeyID", "SupportID"},
			get:    by(store.Tx.Devices, store.Devices.Get, func(v atlas.Device) atlas.DeviceID { return v.ID }),
			insert: a(store.Tx.Devices, store.Devices.Insert), save: a(store.Tx.Devices, store.Devices.Save),
		},
		record[atlas.Inventory]{
			keys:    []string{"ID"},
			get:     by(store.Tx.Devices, store.Devices.Inventory, func(v atlas.Inventory) atlas.DeviceID { return v.ID }),
			replace: a(store.Tx.Devices, store.Devices.SetInventory),
		},
	}
}

func moneyRecords() []kept {
	return []kept{
		record[activation.Plan]{
			keys:   []string{"ID"},
			get:    by(store.Tx.Codes, store.Codes.Plan, func(v activation.Plan) string { return v.ID }),
			insert: a(store.Tx.Codes, store.Codes.InsertPlan),
		},
		record[activation.Code]{
			keys:   []string{"ID", "Lookup"},
			get:    by(store.Tx.Codes, store.Codes.Code, func(v activation.Code) string { return v.ID }),
			insert: many(store.Tx.Codes, store.Codes.InsertCodes), save: a(store.Tx.Codes, store.Codes.SaveCode),
		},
		record[ledger.Balance]{
			keys: []string{"ID"},
			get: func(c ctx, x tx, v ledger.Balance) (ledger.Balance, error) {
				b, err := x.Ledger().Balance(c, v.ID)
				if err == nil && b == (ledger.Balance{ID: v.ID}) { // the contract's word for none
					return b, atlas.ErrNotFound
				}
				return b, err
			},
			put: a(store.Tx.Ledger, store.Ledger.SaveBalance),
		},
		record[ledger.Entry]{
			keys:   []string{"ID"},
			get:    by(store.Tx.Ledger, store.Ledger.Entry, func(v ledger.Entry) string { return v.ID }),
			insert: a(store.Tx.Ledger, store.Ledger.Append),
		},
		record[ledger.Hold]{
			keys:   []string{"ID"},
			get:    by(store.Tx.Ledger, store.Ledger.Hold, func(v ledger.Hold) string { return v.ID }),
			insert: a(store.Tx.Ledger, store.Ledger.InsertHold), save: a(store.Tx.Ledger, store.Ledger.SaveHold),
		},
	}
}

func workRecords() []kept {
	return []kept{
		record[intake.Package]{
			keys:   []string{"ID"},
			get:    by(store.Tx.Packages, store.Packages.Package, func(v intake.Package) string { return v.ID }),
			insert: a(store.Tx.Packages, store.Packages.Insert), save: a(store.Tx.Packages, store.Packages.Save),
		},
		record[intake.Scan]{
			keys: []string{"ID", "PackageID"},
			get: func(c ctx, x tx, v intake.Scan) (intake.Scan, error) {
				all, err := x.Packages().Scans(c, v.PackageID)
				return one(all, err, func(s intake.Scan) bool { return s.ID == v.ID })
			},
			insert: a(store.Tx.Packages, store.Packages.InsertScan),
		},
		record[intake.Assignment]{
			keys: []string{"ID", "PackageID"},
			get: func(c ctx, x tx, v intake.Assignment) (intake.Assignment, error) {
				all, err := x.Packages().Assignments(c, v.PackageID)
				return one(all, err, func(s intake.Assignment) bool { return s.ID == v.ID })
			},
			insert: a(store.Tx.Packages, store.Packages.Assign),
		},
		record[commands.Command]{
			keys:   []string{"ID"},
			get:    by(store.Tx.Commands, store.Commands.Command, func(v commands.Command) string { return v.ID }),
			insert: many(store.Tx.Commands, store.Commands.Insert), save: a(store.Tx.Commands, store.Commands.Save),
		},
		record[commands.Campaign]{
			keys:   []string{"ID"},
			get:    by(store.Tx.Commands, store.Commands.Campaign, func(v commands.Campaign) string { return v.ID }),
			insert: a(store.Tx.Commands, store.Commands.InsertCampaign), save: a(store.Tx.Commands, store.Commands.SaveCampaign),
		},
	}
}

func identityRecords() []kept {
	return []kept{
		record[identity.Credential]{
			keys: []string{"ID"},
			get:  by(store.Tx.Identity, store.Identity.Credential, func(v identity.Credential) atlas.AccountID { return v.ID }),
			put:  a(store.Tx.Identity, store.Identity.PutCredential),
		},
		record[identity.Session]{
			keys:   []string{"ID", "TokenHash"},
			get:    by(store.Tx.Identity, store.Identity.Session, func(v identity.Session) []byte { return bytes.Clone(v.TokenHash) }),
			insert: a(store.Tx.Identity, store.Identity.InsertSession), save: a(store.Tx.Identity, store.Identity.SaveSession),
		},
		record[identity.APIKey]{
			keys:   []string{"ID"},
			get:    by(store.Tx.Identity, store.Identity.APIKey, func(v identity.APIKey) string { return v.ID }),
			insert: a(store.Tx.Identity, store.Identity.InsertAPIKey), save: a(store.Tx.Identity, store.Identity.SaveAPIKey),
		},
		record[identity.Attempts]{
			keys: []string{"ID"},
			get:  by(store.Tx.Identity, store.Identity.Attempts, func(v identity.Attempts) string { return v.ID }),
			put:  a(store.Tx.Identity, store.Identity.PutAttempts),
		},
	}
}

func eventRecords() []kept {
	return []kept{
		record[security.Event]{
			keys: []string{"ID"},
			get: func(c ctx, x tx, v security.Event) (security.Event, error) {
				all, err := x.Security().List(c, everywhere(), atlas.Page{})
				return one(all, err, func(e security.Event) bool { return e.ID == v.ID })
			},
			insert: a(store.Tx.Security, store.Security.Insert),
		},
		record[audit.Event]{
			keys:   []string{"ID"},
			get:    by(store.Tx.Audit, store.Audit.Get, func(v audit.Event) string { return v.ID }),
			insert: a(store.Tx.Audit, store.Audit.Insert),
		},
		record[store.Request]{
			keys:   []string{"ID"},
			get:    by(store.Tx.Requests, store.Requests.Get, func(v store.Request) string { return v.ID }),
			insert: a(store.Tx.Requests, store.Requests.Insert),
		},
	}
}

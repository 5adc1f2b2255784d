package fleet_test

import (
	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// list is a use case that lists.
type list struct {
	reach
	personal bool
	owners   func(x target) ([]atlas.AccountID, error)
}

// ownersOf walks a list to its end and returns whose its items are.
func ownersOf[T any](page func(atlas.Page) ([]T, error), of func(T) (id string, owner atlas.AccountID)) (out []atlas.AccountID, err error) {
	for p := (atlas.Page{Limit: 7}); ; {
		items, err := page(p)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			var owner atlas.AccountID
			p.After, owner = of(it)
			out = append(out, owner)
		}
		if len(items) < p.Limit {
			return out, nil
		}
	}
}

var lists = map[string]list{
	"Accounts": {reach: reach{all, own, own, self}, personal: true, owners: func(x target) ([]atlas.AccountID, error) {
		return ownersOf(func(p atlas.Page) ([]atlas.Account, error) {
			return x.Accounts(x.ctx, x.actor, store.AccountFilter{}, p)
		},
			func(a atlas.Account) (string, atlas.AccountID) {
				x.parents[a.ID] = a.ParentID
				return string(a.ID), a.ID
			})
	}},
	"Codes": {reach: reach{all, own, own, self}, personal: true, owners: func(x target) ([]atlas.AccountID, error) {
		return ownersOf(func(p atlas.Page) ([]activation.Code, error) { return x.Codes(x.ctx, x.actor, store.CodeFilter{}, p) },
			func(c activation.Code) (string, atlas.AccountID) { return c.ID, c.OwnerID })
	}},
	"Devices": {reach: reach{all, own, own, self}, personal: true, owners: func(x target) ([]atlas.AccountID, error) {
		return ownersOf(func(p atlas.Page) ([]atlas.Device, error) { return x.Devices(x.ctx, x.actor, store.DeviceFilter{}, p) },
			func(d atlas.Device) (string, atlas.AccountID) { return string(d.ID), d.OwnerID })
	}},
	"Devices/search": {reach: reach{all, own, own, self}, personal: true, owners: func(x target) ([]atlas.AccountID, error) {
		return ownersOf(func(p atlas.Page) ([]atlas.Device, error) {
			return x.Devices(x.ctx, x.actor, store.DeviceFilter{Query: "phone"}, p)
		}, func(d atlas.Device) (string, atlas.AccountID) { return string(d.ID), d.OwnerID })
	}},
	"CountDevices": {reach: reach{all, own, own, self}, personal: true, owners: func(x target) ([]atlas.AccountID, error) {
		var out []atlas.AccountID
		for id := range x.owned {
			n, err := x.CountDevices(x.ctx, x.actor, store.DeviceFilter{OwnerID: id})
			if err != nil {
				return nil, err
			}
			if n > 0 {
				out = append(out, id)
			}
		}
		return out, nil
	}},
	"Folders": {reach: reach{all, own, own, self}, personal: true, owners: func(x target) ([]atlas.AccountID, error) {
		return ownersOf(func(p atlas.Page) ([]atlas.Folder, error) { return x.Folders(x.ctx, x.actor, "", p) },
			func(f atlas.Folder) (string, atlas.AccountID) { return string(f.ID), f.OwnerID })
	}},
	"APKs": {reach: reach{all, own, own, self}, personal: true, owners: func(x target) ([]atlas.AccountID, error) {
		return ownersOf(func(p atlas.Page) ([]intake.Package, error) { return x.APKs(x.ctx, x.actor, p) },
			func(k intake.Package) (string, atlas.AccountID) { return k.ID, k.OwnerID })
	}},
	"Commands": {reach: reach{all, own, own, self}, personal: true, owners: func(x target) ([]atlas.AccountID, error) {
		return ownersOf(func(p atlas.Page) ([]commands.Command, error) {
			return x.Commands(x.ctx, x.actor, store.CommandFilter{}, p)
		}, func(c commands.Command) (string, atlas.AccountID) { return c.ID, c.Path.Account() })
	}},
	"AuditEvents": {reach: reach{all, own, own, self}, personal: true, owners: func(x target) ([]atlas.AccountID, error) {
		return ownersOf(func(p atlas.Page) ([]audit.Event, error) { return x.AuditEvents(x.ctx, x.actor, p) },
			func(e audit.Event) (string, atlas.AccountID) { return e.ID, e.Path.Account() })
	}},
	"SecurityEvents": {reach: reach{all, own, own, nobody}, personal: true, owners: func(x target) ([]atlas.AccountID, error) {
		return ownersOf(func(p atlas.Page) ([]security.Event, error) { return x.SecurityEvents(x.ctx, x.actor, p) },
			func(e security.Event) (string, atlas.AccountID) { return e.ID, e.ActorID })
	}},
}

// others are the use cases about no account's things.
var others = map[string]row{
	"Me":    {reach: reach{self, self, self, self}, call: func(x target) error { return last(x.Me(x.ctx, x.actor)) }},
	"Plans": {reach: reach{all, all, all, all}, call: func(x target) error { return last(x.Plans(x.ctx, x.actor, newest)) }},
	"CreatePlan": {reach: reach{all, nobody, nobody, nobody}, call: func(x target) error {
		return last(x.CreatePlan(x.ctx, x.actor, "", activation.Plan{Name: "P", Devices: 1, Charge: activation.ChargeOnIssue}))
	}},
	"CreateAPIKey": {reach: reach{self, self, self, self}, call: func(x target) error {
		return last(x.CreateAPIKey(x.ctx, x.actor, "", fleet.NewAPIKey{Name: "K", Scopes: []string{string(atlas.DeviceRead)}}))
	}},
	"ChangePassword": {reach: reach{self, self, self, self}, call: func(x target) error {
		return x.ChangePassword(x.ctx, x.actor, atlastest.Password, "another long pass phrase")
	}},
	"AuditCheckpoint": {reach: reach{all, all, all, all}, call: func(x target) error { return last(x.AuditCheckpoint(x.ctx, x.actor)) }},
	"ExportAudit":     {reach: reach{all, nobody, nobody, nobody}, call: func(x target) error { return x.ExportAudit(x.ctx, x.actor, nowhere) }},
}

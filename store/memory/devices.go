package memory

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// The indexes of devices.
const (
	deviceByKey = iota
	deviceBySupportID
	deviceByCode
)

func deviceTable() table[atlas.Device] {
	type record = atlas.Device
	return newTable(kind[record]{
		id:      func(d *record) string { return string(d.ID) },
		version: func(d *record) *int64 { return &d.Version },
		place:   func(d *record) (*atlas.Path, *atlas.AccountID) { return &d.Path, &d.Tenant },
		indexes: []index[record]{
			deviceByKey:       func(d *record) []string { return only(d.KeyID) },
			deviceBySupportID: func(d *record) []string { return only(d.SupportID) },
			deviceByCode:      func(d *record) []string { return only(joined(d.CodeID, d.ID)) },
		},
	})
}

func inventoryTable() table[atlas.Inventory] {
	return newTable(kind[atlas.Inventory]{id: func(v *atlas.Inventory) string { return string(v.ID) }})
}

type devices struct{ *tx }

func (d devices) Get(ctx context.Context, id atlas.DeviceID) (atlas.Device, error) {
	return get(ctx, d.tx, "devices.Get", &d.devices, string(id))
}

func (d devices) ByKey(ctx context.Context, keyID string) (atlas.Device, error) {
	return lookup(ctx, d.tx, "devices.ByKey", &d.devices, deviceByKey, keyID)
}

func (d devices) Insert(ctx context.Context, v atlas.Device) error {
	return insert(ctx, d.tx, "devices.Insert", &d.devices, v)
}

func (d devices) Save(ctx context.Context, v atlas.Device) error {
	return save(ctx, d.tx, "devices.Save", &d.devices, v)
}

func (d devices) Touch(ctx context.Context, seen map[atlas.DeviceID]time.Time) error {
	if err := d.write(ctx, "devices.Touch"); err != nil {
		return err
	}
	for id, at := range seen {
		err := d.devices.change(string(id), func(v *atlas.Device) error {
			*v = v.Seen(atlas.Instant(at))
			return nil
		})
		if err != nil && !errors.Is(err, atlas.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (d devices) Reserve(ctx context.Context, id atlas.DeviceID, from, ceiling int64) error {
	if err := d.write(ctx, "devices.Reserve"); err != nil {
		return err
	}
	err := d.devices.change(string(id), func(v *atlas.Device) error {
		if v.CounterCeiling != from {
			return atlas.ErrStale
		}
		v.CounterCeiling = ceiling
		return nil
	})
	if errors.Is(err, atlas.ErrNotFound) {
		return atlas.ErrStale
	}
	return err
}

func (d devices) List(ctx context.Context, scope atlas.Scope, f store.DeviceFilter, p atlas.Page) ([]atlas.Device, error) {
	return list(ctx, d.tx, "devices.List", &d.devices, deviceQuery(scope, f), p)
}

func (d devices) Count(ctx context.Context, scope atlas.Scope, f store.DeviceFilter) (int64, error) {
	return count(ctx, d.tx, "devices.Count", &d.devices, deviceQuery(scope, f))
}

func deviceQuery(scope atlas.Scope, f store.DeviceFilter) query[atlas.Device] {
	text := lower(f.Query)
	return query[atlas.Device]{
		scope: scope, ix: deviceByCode, key: f.CodeID,
		match: func(d *atlas.Device) bool {
			return is(f.OwnerID, d.OwnerID) && is(f.FolderID, d.FolderID) && is(f.SupportID, d.SupportID) && is(f.CodeID, d.CodeID) &&
				(f.SeenSince.IsZero() || !d.LastSeen.Before(f.SeenSince)) &&
				(f.SeenBefore.IsZero() || d.LastSeen.Before(f.SeenBefore)) &&
				(text == "" || strings.Contains(lower(d.Name), text) || strings.Contains(lower(d.SupportID), text))
		},
	}
}

// lower folds the case of ASCII letters and of nothing else.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func (d devices) Inventory(ctx context.Context, id atlas.DeviceID) (atlas.Inventory, error) {
	return get(ctx, d.tx, "devices.Inventory", &d.inventories, string(id))
}

func (d devices) SetInventory(ctx context.Context, v atlas.Inventory) error {
	if err := d.write(ctx, "devices.SetInventory"); err != nil {
		return err
	}
	return d.inventories.put(d.inventories.in(v))
}

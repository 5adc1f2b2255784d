package sqlstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

var (
	deviceTable    = tableOf[atlas.Device]("atlas_devices")
	inventoryTable = tableOf[atlas.Inventory]("atlas_inventories")
)

type devices struct{ *tx }

func (s devices) Get(ctx context.Context, id atlas.DeviceID) (atlas.Device, error) {
	return deviceTable.get(ctx, s.tx, "id = ?", id)
}

func (s devices) ByKey(ctx context.Context, keyID string) (atlas.Device, error) {
	return deviceTable.get(ctx, s.tx, "key_id = ?", keyID)
}

func (s devices) Insert(ctx context.Context, d atlas.Device) error {
	return deviceTable.insert(ctx, s.tx, d)
}

func (s devices) Save(ctx context.Context, d atlas.Device) error {
	return deviceTable.save(ctx, s.tx, d, "key_id", "support_id")
}

func (s devices) Touch(ctx context.Context, seen map[atlas.DeviceID]time.Time) error {
	if s.readOnly {
		return atlas.ErrReadOnly
	}
	// In order, so that two of them don't wait for each other in a ring.
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(seen)), rowsAtOnce) {
		var pairs pairs
		for _, id := range ids {
			pairs.add("(?, "+s.cfg.Instant+")", id, atlas.Instant(seen[id]))
		}
		if _, err := s.write(ctx, `
			UPDATE atlas_devices AS d SET last_seen = v.column2
			FROM (VALUES `+pairs.sql()+`) AS v
			WHERE d.id = v.column1 AND d.last_seen < v.column2`, pairs.args...); err != nil {
			return err
		}
	}
	return nil
}

// pairs is a list of VALUES, whose columns both databases call column1 and
// column2.
type pairs struct {
	text []string
	args []any
}

func (p *pairs) add(text string, args ...any) {
	p.text, p.args = append(p.text, text), append(p.args, args...)
}

func (p *pairs) sql() string { return strings.Join(p.text, ", ") }

func (s devices) Reserve(ctx context.Context, id atlas.DeviceID, from, ceiling int64) error {
	n, err := s.write(ctx, "UPDATE atlas_devices SET counter_ceiling = ? WHERE id = ? AND counter_ceiling = ?", ceiling, id, from)
	if err == nil && n == 0 {
		err = fmt.Errorf("store: reserve counter of %s: %w", id, atlas.ErrStale)
	}
	return err
}

func (s devices) List(ctx context.Context, scope atlas.Scope, f store.DeviceFilter, p atlas.Page) ([]atlas.Device, error) {
	return deviceTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery { return paged(s.filter(q, scope, f), p) })
}

func (s devices) Count(ctx context.Context, scope atlas.Scope, f store.DeviceFilter) (int64, error) {
	return deviceTable.count(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery { return s.filter(q, scope, f) })
}

func (s devices) filter(q *bun.SelectQuery, scope atlas.Scope, f store.DeviceFilter) *bun.SelectQuery {
	q = scoped(q, scope)
	q = equal(q, "owner_id", f.OwnerID)
	q = equal(q, "folder_id", f.FolderID)
	q = equal(q, "code_id", f.CodeID)
	q = equal(q, "support_id", f.SupportID)
	if !f.SeenSince.IsZero() {
		q = q.Where("last_seen >= ?", f.SeenSince)
	}
	if !f.SeenBefore.IsZero() {
		q = q.Where("last_seen < ?", f.SeenBefore)
	}
	if f.Query != "" {
		q = s.matching(q, lower(f.Query), "lower(name)", "lower(support_id)")
	}
	return q
}

// lower folds as SQL's lower does under the collation of bytes: ASCII only.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func (s devices) Inventory(ctx context.Context, id atlas.DeviceID) (atlas.Inventory, error) {
	return inventoryTable.get(ctx, s.tx, "id = ?", id)
}

func (s devices) SetInventory(ctx context.Context, v atlas.Inventory) error {
	if s.readOnly {
		return atlas.ErrReadOnly
	}
	inventoryTable.normalize(&v)
	_, err := changed(s.db.NewInsert().Conn(s.conn).Model(&v).ModelTableExpr(inventoryTable.name).
		On("CONFLICT (id) DO UPDATE").Set("apps = EXCLUDED.apps").Set("reported_at = EXCLUDED.reported_at").Exec(ctx))
	return err
}

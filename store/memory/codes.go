package memory

import (
	"context"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/store"
)

// The indexes of codes.
const (
	codeByLookup = iota
	codeByBatch
	codeByRedeemBy // of those that can lapse
)

func planTable() table[activation.Plan] {
	return newTable(kind[activation.Plan]{
		id:      func(p *activation.Plan) string { return p.ID },
		version: func(p *activation.Plan) *int64 { return &p.Version },
	})
}

func codeTable() table[activation.Code] {
	type record = activation.Code
	return newTable(kind[record]{
		id:      func(c *record) string { return c.ID },
		version: func(c *record) *int64 { return &c.Version },
		place:   func(c *record) (*atlas.Path, *atlas.AccountID) { return &c.Path, &c.Tenant },
		indexes: []index[record]{
			codeByLookup: func(c *record) []string { return only(string(c.Lookup)) },
			codeByBatch:  func(c *record) []string { return only(joined(c.BatchID, c.ID)) },
			codeByRedeemBy: func(c *record) []string {
				if c.Used >= c.Devices || c.RedeemBy.IsZero() {
					return nil
				}
				switch c.State {
				case activation.Issued, activation.Reserved, activation.Active, activation.Suspended:
					return only(moment(c.RedeemBy) + c.ID)
				}
				return nil
			},
		},
	})
}

type codes struct{ *tx }

func (c codes) ByLookup(ctx context.Context, key []byte) (activation.Code, error) {
	return lookup(ctx, c.tx, "codes.ByLookup", &c.codes, codeByLookup, string(key))
}

func (c codes) Code(ctx context.Context, id string) (activation.Code, error) {
	return get(ctx, c.tx, "codes.Code", &c.codes, id)
}

func (c codes) InsertCodes(ctx context.Context, vs []activation.Code) error {
	return insert(ctx, c.tx, "codes.InsertCodes", &c.codes, vs...)
}

func (c codes) SaveCode(ctx context.Context, v activation.Code) error {
	return save(ctx, c.tx, "codes.SaveCode", &c.codes, v)
}

func (c codes) Plan(ctx context.Context, id string) (activation.Plan, error) {
	return get(ctx, c.tx, "codes.Plan", &c.plans, id)
}

func (c codes) InsertPlan(ctx context.Context, v activation.Plan) error {
	return insert(ctx, c.tx, "codes.InsertPlan", &c.plans, v)
}

func (c codes) Plans(ctx context.Context, p atlas.Page) ([]activation.Plan, error) {
	return list(ctx, c.tx, "codes.Plans", &c.plans, query[activation.Plan]{}, p)
}

func (c codes) List(ctx context.Context, scope atlas.Scope, f store.CodeFilter, p atlas.Page) ([]activation.Code, error) {
	return list(ctx, c.tx, "codes.List", &c.codes, query[activation.Code]{
		scope: scope, ix: codeByBatch, key: f.BatchID,
		match: func(v *activation.Code) bool {
			return is(f.OwnerID, v.OwnerID) && is(f.PlanID, v.PlanID) && is(f.BatchID, v.BatchID) && is(f.State, v.State)
		},
	}, p)
}

func (c codes) Lapsed(ctx context.Context, now time.Time, limit int) ([]activation.Code, error) {
	if err := c.read(ctx, "codes.Lapsed"); err != nil {
		return nil, err
	}
	return c.codes.first(limit, c.codes.between(codeByRedeemBy, "", moment(now.Add(time.Microsecond)))), nil
}

package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/store"
)

var (
	planTable = tableOf[activation.Plan]("atlas_plans")
	codeTable = tableOf[activation.Code]("atlas_codes")
)

type codes struct{ *tx }

func (s codes) ByLookup(ctx context.Context, lookup []byte) (activation.Code, error) {
	return codeTable.get(ctx, s.tx, "lookup = ?", lookup)
}

func (s codes) Code(ctx context.Context, id string) (activation.Code, error) {
	return codeTable.get(ctx, s.tx, "id = ?", id)
}

func (s codes) InsertCodes(ctx context.Context, all []activation.Code) error {
	return codeTable.insert(ctx, s.tx, all...)
}

func (s codes) SaveCode(ctx context.Context, c activation.Code) error {
	return codeTable.save(ctx, s.tx, c)
}

func (s codes) Plan(ctx context.Context, id string) (activation.Plan, error) {
	return planTable.get(ctx, s.tx, "id = ?", id)
}

func (s codes) InsertPlan(ctx context.Context, p activation.Plan) error {
	return planTable.insert(ctx, s.tx, p)
}

func (s codes) Plans(ctx context.Context, p atlas.Page) ([]activation.Plan, error) {
	return planTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery { return paged(q, p) })
}

func (s codes) List(ctx context.Context, scope atlas.Scope, f store.CodeFilter, p atlas.Page) ([]activation.Code, error) {
	return codeTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = scoped(q, scope)
		q = equal(q, "owner_id", f.OwnerID)
		q = equal(q, "plan_id", f.PlanID)
		q = equal(q, "batch_id", f.BatchID)
		q = equal(q, "state", f.State)
		return paged(q, p)
	})
}

// codeWaits is the condition of the index atlas_codes_lapsing, word for word.
const codeWaits = "used < devices AND state IN ('issued', 'reserved', 'active', 'suspended')"

func (s codes) Lapsed(ctx context.Context, now time.Time, limit int) ([]activation.Code, error) {
	return codeTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where(codeWaits).Where("redeem_by > ? AND redeem_by <= ?", time.Time{}, now)
		return few(q, limit, "redeem_by", "id")
	})
}

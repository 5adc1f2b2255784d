package fleet

import (
	"context"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
)

// CreatePlan makes a plan that codes can be issued for. Its ID, maker and
// times are set here.
func (s *Service) CreatePlan(ctx context.Context, a atlas.Actor, key Key, p activation.Plan) (activation.Plan, error) {
	c := call{actor: a, action: atlas.PlanCreate, key: key, input: p}
	return write(ctx, s, c, func(ctx context.Context, w *work) (activation.Plan, error) {
		if err := w.may(atlas.Resource{}); err != nil {
			return p, err
		}
		if err := p.Check(); err != nil {
			return p, err
		}
		p := p
		p.ID, p.CreatedByID, p.CreatedAt, p.Version = w.id(), w.who.Account, w.now, 1
		if err := w.tx.Codes().InsertPlan(ctx, p); err != nil {
			return p, err
		}
		return p, w.audit(ctx, p.ID, w.who.Path, fact("price", p.Price), fact("days", p.Days), fact("charge", p.Charge))
	})
}

// Plans returns a page of the plans, newest first. Everybody may see them.
func (s *Service) Plans(ctx context.Context, a atlas.Actor, p atlas.Page) ([]activation.Plan, error) {
	c := call{actor: a, action: atlas.PlanRead}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]activation.Plan, error) {
		if err := w.may(atlas.Resource{}); err != nil {
			return nil, err
		}
		return w.tx.Codes().Plans(ctx, p)
	})
}

package fleet

import (
	"context"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// eachBelow calls fn for every account strictly below p.
func (w *work) eachBelow(ctx context.Context, p atlas.Path, fn func(atlas.Account) error) error {
	return eachPage(func(page atlas.Page) ([]atlas.Account, error) {
		return w.tx.Accounts().List(ctx, atlas.SubtreeOf(p), store.AccountFilter{}, page)
	}, func(a atlas.Account) (string, error) {
		if a.Path == p {
			return string(a.ID), nil
		}
		return string(a.ID), fn(a)
	})
}

// eachPage walks a list page by page. fn returns the item's id.
func eachPage[T any](list func(atlas.Page) ([]T, error), fn func(T) (id string, err error)) error {
	page := atlas.Page{Limit: atlas.MaxPage}
	for {
		items, err := list(page)
		if err != nil {
			return err
		}
		for _, it := range items {
			if page.After, err = fn(it); err != nil {
				return err
			}
		}
		if len(items) < page.Size() {
			return nil
		}
	}
}

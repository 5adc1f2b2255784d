package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

// A rule of another package runs inside a transaction of any backend: what it
// did is there as a whole, or not at all.
func Example() {
	ctx, st := context.Background(), memory.New(memory.Options{})
	grant := ledger.Order{ID: "g1", Kind: ledger.KindGrant, From: ledger.Issuer("shop"), To: "shop", Amount: 5, At: time.Unix(0, 0).UTC()}
	spend := ledger.Order{ID: "s1", Kind: ledger.KindSpend, From: "shop", To: ledger.Revenue("shop"), Amount: 7, At: time.Unix(0, 0).UTC()}
	err := st.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		for _, o := range []ledger.Order{grant, spend} {
			if _, err := ledger.Post(ctx, tx.Ledger(), o); err != nil {
				return err
			}
		}
		return nil
	})
	fmt.Println(errors.Is(err, atlas.ErrRefused))

	err = st.View(ctx, func(ctx context.Context, tx store.Tx) error {
		b, err := tx.Ledger().Balance(ctx, "shop")
		fmt.Println("posted:", b.Posted)
		return err
	})
	fmt.Println(err)
	// Output:
	// true
	// posted: 0
	// <nil>
}

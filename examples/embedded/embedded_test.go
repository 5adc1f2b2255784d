package embedded_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/examples/embedded"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/blob/mem"
	"github.com/atlas-mdm/atlas-go/store/postgres"
	"github.com/atlas-mdm/atlas-go/store/postgres/postgrestest"
)

// world is a shop with 25 credits, whose codes cost 10.
func world(t *testing.T) (embedded.Shop, *fleet.Service) {
	t.Helper()
	ctx, db := t.Context(), postgrestest.DB(t)
	require.NoError(t, postgres.Migrate(ctx, db))
	_, err := db.ExecContext(ctx, embedded.Schema)
	require.NoError(t, err)
	shop := embedded.Shop{DB: db, Files: new(mem.Store), Secret: make([]byte, 32)}
	mdm, err := fleet.New(postgres.New(db, postgres.Options{}), shop.Files, shop.Secret, fleet.Options{})
	require.NoError(t, err)
	boss, err := mdm.Setup(ctx, "admin", "", "correct horse battery staple")
	require.NoError(t, err)
	admin := atlas.Actor{Account: boss.ID, Purpose: atlas.PurposeBilling}
	seller, err := mdm.CreateAccount(ctx, admin, "", fleet.NewAccount{
		Username: "shop", Role: atlas.Reseller, ParentID: boss.ID, Password: "another long password",
	})
	require.NoError(t, err)
	_, err = mdm.GrantCredits(ctx, admin, "", fleet.Grant{AccountID: seller.ID, Amount: 25})
	require.NoError(t, err)
	plan, err := mdm.CreatePlan(ctx, admin, "", activation.Plan{Name: "Year", Days: 365, Devices: 1, Price: 10, Charge: activation.ChargeOnIssue})
	require.NoError(t, err)
	shop.Seller, shop.PlanID = seller.ID, plan.ID
	return shop, mdm
}

func orders(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM shop_orders`).Scan(&n))
	return n
}

func credits(t *testing.T, s embedded.Shop, mdm *fleet.Service) ledger.Credits {
	t.Helper()
	b, err := mdm.Credits(t.Context(), atlas.Actor{Account: s.Seller}, s.Seller)
	require.NoError(t, err)
	return b.Available()
}

func codes(t *testing.T, s embedded.Shop, mdm *fleet.Service) []activation.Code {
	t.Helper()
	cs, err := mdm.Codes(t.Context(), atlas.Actor{Account: s.Seller}, store.CodeFilter{}, atlas.Page{})
	require.NoError(t, err)
	return cs
}

func TestASaleWritesTheOrderAndItsCodeTogether(t *testing.T) {
	t.Parallel()
	shop, mdm := world(t)
	sale, err := shop.Sell(t.Context(), "o1", "A customer")
	require.NoError(t, err)
	require.Equal(t, 1, orders(t, shop.DB))
	require.EqualValues(t, 15, credits(t, shop, mdm))

	phone, err := mdm.Enrol(t.Context(), fleet.Enrolment{Code: sale.Code, PublicKey: []byte("key"), KeyID: "id"})
	require.NoError(t, err)
	require.Equal(t, shop.Seller, phone.Device.OwnerID)
}

func TestAFailureOfTheShopTakesTheCodeAndItsPriceBack(t *testing.T) {
	t.Parallel()
	shop, mdm := world(t)
	_, err := shop.Sell(t.Context(), "o1", "")
	require.ErrorIs(t, err, embedded.ErrNoCustomer)
	require.Zero(t, orders(t, shop.DB))
	require.Empty(t, codes(t, shop, mdm))
	require.EqualValues(t, 25, credits(t, shop, mdm))
}

func TestARefusalByTheLedgerLeavesNoOrderButASecurityEvent(t *testing.T) {
	t.Parallel()
	shop, mdm := world(t)
	for _, id := range []string{"o1", "o2"} {
		_, err := shop.Sell(t.Context(), id, "A customer")
		require.NoError(t, err)
	}
	_, err := shop.Sell(t.Context(), "o3", "A customer")
	require.ErrorIs(t, err, ledger.ErrInsufficient)
	require.Equal(t, 2, orders(t, shop.DB))
	require.Len(t, codes(t, shop, mdm), 2)

	events, err := mdm.SecurityEvents(t.Context(), atlas.Actor{Account: shop.Seller}, atlas.Page{})
	require.NoError(t, err)
	require.Len(t, events, 1, "it is written on a handle of its own, so that the rollback did not take it along")
}

package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

func isolationCases() []proof {
	return []proof{
		{"TwoThatReadBothAndWriteOneDoNotBothPass", writeSkew},
		{"TwoThatFindNothingAndInsertDoNotBothPass", phantoms},
		{"ConcurrentSavesLoseNoUpdate", lostUpdate},
		{"ConcurrentInsertsOfOneIDHaveOneWinner", oneInsert},
		{"ConcurrentInsertsOfOneUniqueNameHaveOneWinner", oneName},
		{"ACodeIsRedeemedOnce", redeemRace},
		{"CreditsAreSpentOnce", spendRace},
		{"CreditsAreHeldOnce", holdRace},
		{"RefundsNeverExceedTheOriginal", refundRace},
		{"AReservationOfCountersHasOneWinner", reserveRace},
		{"ACommandIsClaimedOnce", claimRace},
		{"AConcurrentRepeatIsOneEffect", repeatRace},
	}
}

const racers = 8

// grant gives an account credits out of the tenant's issuer.
func grant(t *testing.T, st store.Store, id string, to atlas.AccountID, amount ledger.Credits) {
	t.Helper()
	update(t, st, func(c ctx, x tx) {
		_, err := ledger.Post(c, x.Ledger(), ledger.Order{
			ID: id, Kind: ledger.KindGrant, From: ledger.Issuer("t"), To: to, Amount: amount, At: at,
		})
		require.NoError(t, err)
	})
}

func balance(t *testing.T, st store.Store, id atlas.AccountID) ledger.Balance {
	t.Helper()
	return read(t, st, func(c ctx, x tx) (ledger.Balance, error) { return x.Ledger().Balance(c, id) })
}

func spend(id string, from atlas.AccountID, amount ledger.Credits) ledger.Order {
	return ledger.Order{ID: id, Kind: ledger.KindSpend, From: from, To: ledger.Revenue("t"), Amount: amount, At: at}
}

// writeSkew is the anomaly that snapshot isolation lets through: each of two
// transactions sees enough on both accounts together and takes from its own.
func writeSkew(t *testing.T, st store.Store) {
	for round := range 20 {
		accounts := []atlas.AccountID{atlas.AccountID(num("a", round)), atlas.AccountID(num("b", round))}
		for _, a := range accounts {
			grant(t, st, "grant-"+string(a), a, 100)
		}
		errs := race(2, func(i int) error {
			return st.Update(t.Context(), func(c context.Context, x store.Tx) error {
				var sum ledger.Credits
				for _, a := range accounts {
					b, err := x.Ledger().Balance(c, a)
					if err != nil {
						return err
					}
					sum += b.Posted
				}
				if sum < 200 {
					return ledger.ErrInsufficient
				}
				b, err := x.Ledger().Balance(c, accounts[i])
				if err != nil {
					return err
				}
				b.Posted -= 100 // without a posting: nothing but the balance is in both ways
				return x.Ledger().SaveBalance(c, b)
			})
		})
		require.Equal(t, 1, winners(t, errs, ledger.ErrInsufficient), "round %d", round)
	}
}

func phantoms(t *testing.T, st store.Store) {
	for round := range 20 {
		place := atlas.Path("root").Child(atlas.AccountID(num("p", round)))
		errs := race(2, func(i int) error {
			d := device(2*round + i)
			d.Path = place
			return st.Update(t.Context(), func(c context.Context, x store.Tx) error {
				n, err := x.Devices().Count(c, atlas.SubtreeOf(place), store.DeviceFilter{})
				if err != nil {
					return err
				}
				if n > 0 {
					return atlas.ErrLimited
				}
				return x.Devices().Insert(c, d)
			})
		})
		require.Equal(t, 1, winners(t, errs, atlas.ErrLimited), "round %d", round)
	}
}

func lostUpdate(t *testing.T, st store.Store) {
	const each = 5
	insertDevice(t, st, device(1))
	errs := race(racers, func(int) error {
		for range each {
			if err := st.Update(t.Context(), func(c context.Context, x store.Tx) error {
				d, err := x.Devices().Get(c, "d0001")
				if err != nil {
					return err
				}
				d.SDK++
				return x.Devices().Save(c, d)
			}); err != nil {
				return err
			}
		}
		return nil
	})
	require.Equal(t, racers, winners(t, errs, nil))
	d := read(t, st, func(c ctx, x tx) (atlas.Device, error) { return x.Devices().Get(c, "d0001") })
	require.EqualValues(t, racers*each, d.SDK)
	require.EqualValues(t, racers*each+1, d.Version)
}

func oneInsert(t *testing.T, st store.Store) {
	errs := race(racers, func(i int) error {
		d := device(i)
		d.ID = "same"
		return st.Update(t.Context(), func(c context.Context, x store.Tx) error { return x.Devices().Insert(c, d) })
	})
	require.Equal(t, 1, winners(t, errs, atlas.ErrExists))
}

func oneName(t *testing.T, st store.Store) {
	errs := race(racers, func(i int) error {
		a := atlas.Account{ID: atlas.AccountID(num("a", i)), UsernameKey: "SAME"}
		return st.Update(t.Context(), func(c context.Context, x store.Tx) error { return x.Accounts().Insert(c, a) })
	})
	require.Equal(t, 1, winners(t, errs, atlas.ErrExists))
}

// insertCode stores a code of a plan for the given number of devices.
func insertCode(t *testing.T, st store.Store, id string, devices int64) activation.Code {
	t.Helper()
	code := activation.Code{
		ID: id, PlanID: "plan", OwnerID: "a", Path: "root/a", Tenant: "a", Lookup: []byte("lookup of " + id),
		State: activation.Issued, Devices: devices, IssuedAt: at, RedeemBy: at.Add(time.Hour),
	}
	update(t, st, func(c ctx, x tx) {
		if _, err := x.Codes().Plan(c, "plan"); err != nil {
			require.NoError(t, x.Codes().InsertPlan(c, activation.Plan{ID: "plan", Name: "plan", Devices: devices}))
		}
		require.NoError(t, x.Codes().InsertCodes(c, []activation.Code{code}))
	})
	return code
}

func redeemRace(t *testing.T, st store.Store) {
	for devices := int64(1); devices <= 3; devices++ {
		code := insertCode(t, st, num("c", int(devices)), devices)
		errs := race(racers, func(int) error {
			return st.Update(t.Context(), func(c context.Context, x store.Tx) error {
				_, _, err := activation.Redeem(c, x.Codes(), code.Lookup, at)
				return err
			})
		})
		require.EqualValues(t, devices, winners(t, errs, activation.ErrUsed))
		got := read(t, st, func(c ctx, x tx) (activation.Code, error) { return x.Codes().Code(c, code.ID) })
		require.Equal(t, devices, got.Used)
		require.Equal(t, devices+1, got.Version)
	}
}

func spendRace(t *testing.T, st store.Store) {
	grant(t, st, "grant", "a", 50)
	errs := race(racers, func(i int) error {
		return st.Update(t.Context(), func(c context.Context, x store.Tx) error {
			_, err := ledger.Post(c, x.Ledger(), spend(num("e", i), "a", 10))
			return err
		})
	})
	require.Equal(t, 5, winners(t, errs, ledger.ErrInsufficient))
	b := balance(t, st, "a")
	require.Zero(t, b.Posted)
	require.EqualValues(t, 6, b.Seq)
	sumsToZero(t, st)
	noGaps(t, st, "a")
}

// sumsToZero requires what double entry promises.
func sumsToZero(t *testing.T, st store.Store) {
	t.Helper()
	var sum ledger.Credits
	for _, b := range read(t, st, func(c ctx, x tx) ([]ledger.Balance, error) { return x.Ledger().Balances(c) }) {
		sum += b.Posted
	}
	require.Zero(t, sum)
}

// noGaps requires that the postings of an account count 1, 2, 3, …
func noGaps(t *testing.T, st store.Store, id atlas.AccountID) {
	t.Helper()
	entries := read(t, st, func(c ctx, x tx) ([]ledger.Entry, error) {
		return x.Ledger().Entries(c, id, atlas.Page{Limit: atlas.MaxPage})
	})
	for i, e := range entries {
		require.EqualValues(t, len(entries)-i, e.LineFor(id).Seq)
	}
}

func holdRace(t *testing.T, st store.Store) {
	grant(t, st, "grant", "a", 50)
	errs := race(racers, func(i int) error {
		return st.Update(t.Context(), func(c context.Context, x store.Tx) error {
			_, err := ledger.Reserve(c, x.Ledger(), ledger.Hold{ID: num("h", i), AccountID: "a", Amount: 10, At: at})
			return err
		})
	})
	require.Equal(t, 5, winners(t, errs, ledger.ErrInsufficient))
	require.EqualValues(t, 50, balance(t, st, "a").Held)
}

func refundRace(t *testing.T, st store.Store) {
	grant(t, st, "grant", "a", 50)
	update(t, st, func(c ctx, x tx) {
		_, err := ledger.Post(c, x.Ledger(), spend("spent", "a", 50))
		require.NoError(t, err)
	})
	errs := race(racers, func(i int) error {
		return st.Update(t.Context(), func(c context.Context, x store.Tx) error {
			_, err := ledger.Refund(c, x.Ledger(), ledger.Reverse{ID: num("r", i), Original: "spent", Amount: 20, At: at})
			return err
		})
	})
	require.Equal(t, 2, winners(t, errs, ledger.ErrRefund))
	require.EqualValues(t, 40, balance(t, st, "a").Posted)
	sumsToZero(t, st)
}

func reserveRace(t *testing.T, st store.Store) {
	insertDevice(t, st, device(1))
	errs := race(racers, func(int) error {
		return st.Update(t.Context(), func(c context.Context, x store.Tx) error {
			return x.Devices().Reserve(c, "d0001", 0, 1000)
		})
	})
	require.Equal(t, 1, winners(t, errs, atlas.ErrStale))
}

func claimRace(t *testing.T, st store.Store) {
	const n = 20
	update(t, st, func(c ctx, x tx) {
		all := make([]commands.Command, n)
		for i := range all {
			all[i] = command(i)
		}
		require.NoError(t, x.Commands().Insert(c, all))
	})
	hand := commands.Hand{Max: 3, Allow: func(context.Context, commands.Command) error { return nil }}
	claimed := make([][]commands.Command, racers)
	errs := race(racers, func(i int) error {
		return st.Update(t.Context(), func(c context.Context, x store.Tx) (err error) {
			claimed[i], err = commands.Claim(c, x.Commands(), "d", at, hand)
			return err
		})
	})
	require.Equal(t, racers, winners(t, errs, nil))
	seen := map[string]bool{}
	for _, batch := range claimed {
		for _, c := range batch {
			require.False(t, seen[c.ID], "%s was handed out twice", c.ID)
			seen[c.ID] = true
		}
	}
	require.Len(t, seen, n)
}

func repeatRace(t *testing.T, st store.Store) {
	grant(t, st, "grant", "a", 50)
	entries := make([]ledger.Entry, racers)
	errs := race(racers, func(i int) error {
		return st.Update(t.Context(), func(c context.Context, x store.Tx) (err error) {
			entries[i], err = ledger.Post(c, x.Ledger(), spend("once", "a", 10))
			return err
		})
	})
	require.Equal(t, racers, winners(t, errs, nil))
	for _, e := range entries {
		same(t, entries[0], e)
	}
	require.EqualValues(t, 40, balance(t, st, "a").Posted)
}

package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

func ledgerCases() []proof {
	return []proof{
		{"ABalanceThatIsNotStoredIsZeroWithItsID", zeroBalance},
		{"SaveBalanceTakes0ForNoneStored", firstBalance},
		{"BalancesMayBeNegative", negativeBalance},
		{"RefundedIsTheSumOfTheRefundsThatNameThePosting", refunded},
		{"EntriesAreThoseOfBothSidesNewestFirstBySeq", entries},
		{"BalancesAreAllByID", balances},
		{"AllEntriesAreAtMostLimitAboveAfterByID", allEntries},
		{"ExpiredHoldsHaveSomethingLeftAndTheirTimeIsOver", expiredHolds},
		{"TheRulesOfTheLedgerWorkOnIt", ledgerRules},
	}
}

func zeroBalance(t *testing.T, st store.Store) {
	require.Equal(t, ledger.Balance{ID: "nobody"}, balance(t, st, "nobody"))
	require.Empty(t, read(t, st, func(c ctx, x tx) ([]ledger.Balance, error) { return x.Ledger().Balances(c) }))
}

func firstBalance(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		require.ErrorIs(t, x.Ledger().SaveBalance(c, ledger.Balance{ID: "a", Version: 1}), atlas.ErrStale)
		require.NoError(t, x.Ledger().SaveBalance(c, ledger.Balance{ID: "a", Posted: 1}))
		require.ErrorIs(t, x.Ledger().SaveBalance(c, ledger.Balance{ID: "a", Posted: 2}), atlas.ErrStale)
	})
	require.Equal(t, ledger.Balance{ID: "a", Posted: 1, Version: 1}, balance(t, st, "a"))
}

func negativeBalance(t *testing.T, st store.Store) {
	want := ledger.Balance{ID: ledger.Issuer("t"), Posted: -ledger.MaxAmount, Seq: 1}
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Ledger().SaveBalance(c, want)) })
	require.Equal(t, stored(want), balance(t, st, want.ID))
}

// entry is posting number i between two accounts.
func entry(i int, from, to atlas.AccountID, fromSeq, toSeq int64) ledger.Entry {
	return ledger.Entry{ID: num("e", i), Kind: ledger.KindTransfer, FromID: from, ToID: to, Amount: 1, FromSeq: fromSeq, ToSeq: toSeq, At: at}
}

func appendAll(t *testing.T, st store.Store, es ...ledger.Entry) {
	t.Helper()
	update(t, st, func(c ctx, x tx) {
		for _, e := range es {
			require.NoError(t, x.Ledger().Append(c, e))
		}
	})
}

func entryID(e ledger.Entry) string { return e.ID }

func refunded(t *testing.T, st store.Store) {
	var es []ledger.Entry
	for i, e := range []ledger.Entry{
		{Kind: ledger.KindRefund, RefID: "o", Amount: 1 << 40},
		{Kind: ledger.KindRefund, RefID: "o", Amount: 2},
		{Kind: ledger.KindRefund, RefID: "O", Amount: 4},
		{Kind: ledger.KindCapture, RefID: "o", Amount: 8}, // names a hold of that id
		{Kind: ledger.KindRefund, RefID: "", Amount: 16},
	} {
		e.ID, e.FromID, e.ToID, e.FromSeq, e.ToSeq = num("e", i), "a", "b", int64(i+1), int64(i+1)
		es = append(es, e)
	}
	appendAll(t, st, es...)
	for id, want := range map[string]ledger.Credits{"o": 1<<40 + 2, "O": 4, "none": 0} {
		got := read(t, st, func(c ctx, x tx) (ledger.Credits, error) { return x.Ledger().Refunded(c, id) })
		require.Equal(t, want, got, id)
	}
}

func entries(t *testing.T, st store.Store) {
	appendAll(t, st, // ids out of order on purpose: Seq counts
		entry(5, "a", "b", 1, 1), entry(3, "b", "a", 2, 2), entry(9, "a", "c", 3, 1), entry(1, "c", "a", 2, 4),
		entry(7, "c", "b", 3, 3), entry(2, "A", "B", 1, 1), entry(4, "a", "b", 5, 4))
	view(t, st, func(c ctx, x tx) {
		for _, q := range []struct {
			account atlas.AccountID
			page    atlas.Page
			want    string
		}{
			{"a", atlas.Page{}, "e0004 e0001 e0009 e0003 e0005"},
			{"a", atlas.Page{Limit: 2}, "e0004 e0001"},
			{"a", atlas.Page{Limit: 2, After: "e0001"}, "e0009 e0003"},
			{"a", atlas.Page{Limit: 2, After: "e0003"}, "e0005"},
			{"a", atlas.Page{After: "e0005"}, ""},
			{"b", atlas.Page{}, "e0004 e0007 e0003 e0005"},
			{"b", atlas.Page{After: "e0007"}, "e0003 e0005"},
			{"c", atlas.Page{}, "e0007 e0001 e0009"},
			{"A", atlas.Page{}, "e0002"},
			{"nobody", atlas.Page{}, ""},
		} {
			got, err := x.Ledger().Entries(c, q.account, q.page)
			require.NoError(t, err)
			require.Equal(t, q.want, strings.Join(ids(got, entryID), " "), "%s %+v", q.account, q.page)
		}
	})
}

func balances(t *testing.T, st store.Store) {
	accounts := []atlas.AccountID{"b", ledger.Revenue("t"), "B", "a", ledger.Issuer("t"), "\u00e9"}
	update(t, st, func(c ctx, x tx) {
		for i, id := range accounts {
			require.NoError(t, x.Ledger().SaveBalance(c, ledger.Balance{ID: id, Posted: ledger.Credits(i)}))
		}
		for i := range 300 { // no page cuts it
			require.NoError(t, x.Ledger().SaveBalance(c, ledger.Balance{ID: atlas.AccountID(num("m", i))}))
		}
	})
	got := read(t, st, func(c ctx, x tx) ([]ledger.Balance, error) { return x.Ledger().Balances(c) })
	require.Len(t, got, 306)
	require.IsIncreasing(t, ids(got, func(b ledger.Balance) string { return string(b.ID) }))
	require.Equal(t, ledger.Balance{ID: "B", Posted: 2, Version: 1}, got[0])
}

func allEntries(t *testing.T, st store.Store) {
	for i := range 10 {
		appendAll(t, st, entry(i*7%10, "a", "b", int64(i+1), int64(i+1)))
	}
	view(t, st, func(c ctx, x tx) {
		for _, q := range []struct {
			after string
			limit int
			want  string
		}{
			{"", 3, "e0000 e0001 e0002"},
			{"e0002", 3, "e0003 e0004 e0005"},
			{"e00025", 2, "e0003 e0004"},
			{"e0007", 1000, "e0008 e0009"},
			{"e0009", 3, ""},
		} {
			got, err := x.Ledger().AllEntries(c, q.after, q.limit)
			require.NoError(t, err)
			require.Equal(t, q.want, strings.Join(ids(got, entryID), " "))
		}
	})
}

func expiredHolds(t *testing.T, st store.Store) {
	var want []string
	update(t, st, func(c ctx, x tx) {
		want = nil
		i := 0
		for _, until := range []time.Time{{}, at.Add(-time.Hour), at, at.Add(time.Microsecond)} {
			for _, used := range [][2]ledger.Credits{{0, 0}, {4, 5}, {10, 0}, {0, 10}, {4, 6}} {
				h := ledger.Hold{ID: num("h", i), AccountID: "a", Amount: 10, Captured: used[0], Released: used[1], ExpiresAt: until}
				require.NoError(t, x.Ledger().InsertHold(c, h))
				if h.Expired(at) && h.Left() > 0 {
					want = append(want, h.ID)
				}
				i++
			}
		}
	})
	require.Len(t, want, 4)
	holdID := func(h ledger.Hold) string { return h.ID }
	view(t, st, func(c ctx, x tx) {
		got, err := x.Ledger().ExpiredHolds(c, at, 100)
		require.NoError(t, err)
		require.ElementsMatch(t, want, ids(got, holdID))
		some, err := x.Ledger().ExpiredHolds(c, at, 3)
		require.NoError(t, err)
		require.Len(t, some, 3)
		require.Subset(t, want, ids(some, holdID))
	})
}

func ledgerRules(t *testing.T, st store.Store) {
	grant(t, st, "grant", "a", 100)
	update(t, st, func(c ctx, x tx) {
		b := x.Ledger()
		_, err := ledger.Reserve(c, b, ledger.Hold{ID: "h", AccountID: "a", Amount: 60, At: at})
		require.NoError(t, err)
		_, err = ledger.Post(c, b, spend("too much", "a", 41))
		require.ErrorIs(t, err, ledger.ErrInsufficient)
		spent, err := ledger.Capture(c, b, ledger.Draw{ID: "c", Hold: "h", To: ledger.Revenue("t"), Amount: 25, At: at})
		require.NoError(t, err)
		_, err = ledger.Release(c, b, "h", 0, at)
		require.NoError(t, err)
		_, err = ledger.Refund(c, b, ledger.Reverse{ID: "r", Original: spent.ID, Amount: 5, At: at})
		require.NoError(t, err)
	})
	got := balance(t, st, "a")
	require.EqualValues(t, 80, got.Posted)
	require.Zero(t, got.Held)
	require.EqualValues(t, 3, got.Seq)
	sumsToZero(t, st)
	noGaps(t, st, "a")
}

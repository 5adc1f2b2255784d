package ledger_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/ledger"
)

// Whatever is asked of it, in whatever order and how often: the book sums to
// zero, no account of the tree goes below zero, what is held is what the open
// holds have left, refunds stay within the original, and a refusal changes
// nothing.
func TestTheBookBalancesUnderAnySequenceOfOperations(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBook()
		op := operations{book: b, now: at}
		for range rapid.IntRange(1, 60).Draw(t, "operations") {
			before := b.snapshot()
			if err := op.next(t); err != nil {
				require.True(t, isKind(err), "%v", err)
				*b = *before // as the store does for its caller
			}
			balanced(t, b)
		}
	})
}

func isKind(err error) bool {
	for _, kind := range []error{atlas.ErrInvalid, atlas.ErrNotFound, atlas.ErrRefused} {
		if isErr(err, kind) {
			return true
		}
	}
	return false
}

type operations struct {
	book *book
	now  time.Time
}

func (o *operations) next(t *rapid.T) error {
	ctx := context.Background()
	accounts := []atlas.AccountID{"a", "b", "c", ledger.Issuer("t"), ledger.Revenue("t")}
	account := func(name string) atlas.AccountID { return rapid.SampledFrom(accounts).Draw(t, name) }
	id := fmt.Sprintf("id%d", rapid.IntRange(0, 15).Draw(t, "id"))
	other := fmt.Sprintf("id%d", rapid.IntRange(0, 15).Draw(t, "other"))
	amount := ledger.Credits(rapid.OneOf(rapid.Int64Range(-2, 40), rapid.SampledFrom([]int64{int64(ledger.MaxAmount), 1 << 62})).Draw(t, "amount"))
	o.now = o.now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "minutes")) * time.Minute)
	var err error
	switch rapid.IntRange(0, 5).Draw(t, "what") {
	case 0:
		_, err = ledger.Post(ctx, o.book, ledger.Order{ID: id, Kind: ledger.KindGrant, From: ledger.Issuer("t"), To: account("to"), Amount: amount, At: o.now})
	case 1:
		_, err = ledger.Post(ctx, o.book, ledger.Order{ID: id, Kind: ledger.KindTransfer, From: account("from"), To: account("to"), Amount: amount, At: o.now})
	case 2:
		_, err = ledger.Reserve(ctx, o.book, ledger.Hold{ID: id, AccountID: rapid.SampledFrom(accounts[:3]).Draw(t, "of"), Amount: amount, ExpiresAt: o.now.Add(5 * time.Minute), At: o.now})
	case 3:
		_, err = ledger.Capture(ctx, o.book, ledger.Draw{ID: id, Hold: other, To: ledger.Revenue("t"), Amount: amount, At: o.now})
	case 4:
		_, err = ledger.Release(ctx, o.book, other, amount, o.now)
	case 5:
		_, err = ledger.Refund(ctx, o.book, ledger.Reverse{ID: id, Original: other, Amount: amount, At: o.now})
	}
	return err
}

func balanced(t *rapid.T, b *book) {
	var sum ledger.Credits
	held, posted, count := map[atlas.AccountID]ledger.Credits{}, map[atlas.AccountID]ledger.Credits{}, map[atlas.AccountID]int64{}
	for _, h := range b.holds {
		require.GreaterOrEqual(t, h.Left(), ledger.Credits(0))
		held[h.AccountID] += h.Left()
	}
	for _, e := range b.entries {
		require.Positive(t, e.Amount)
		posted[e.FromID] -= e.Amount
		posted[e.ToID] += e.Amount
		count[e.FromID]++
		count[e.ToID]++
		refunds, err := b.Refunded(context.Background(), e.ID)
		require.NoError(t, err)
		require.LessOrEqual(t, refunds, e.Amount)
	}
	for id, v := range b.balances {
		sum += v.Posted
		require.Equal(t, posted[id], v.Posted, "the postings of %s", id)
		require.Equal(t, count[id], v.Seq)
		require.Equal(t, held[id], v.Held)
		if !ledger.IsSystem(id) {
			require.GreaterOrEqual(t, v.Available(), ledger.Credits(0))
		}
	}
	require.Zero(t, sum)
}

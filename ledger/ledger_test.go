package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/ledger"
)

func isErr(err, kind error) bool { return errors.Is(err, kind) }

func grant(t *testing.T, b *book, to atlas.AccountID, amount ledger.Credits) ledger.Entry {
	t.Helper()
	e, err := ledger.Post(t.Context(), b, ledger.Order{
		ID: fmt.Sprintf("grant of %s", to), Kind: ledger.KindGrant, From: ledger.Issuer("t"), To: to, Amount: amount, By: "root", At: at,
	})
	require.NoError(t, err)
	return e
}

func spend(id string, amount ledger.Credits) ledger.Order {
	return ledger.Order{ID: id, Kind: ledger.KindSpend, From: "a", To: ledger.Revenue("t"), Amount: amount, At: at}
}

func hold(t *testing.T, b *book, amount ledger.Credits) ledger.Hold {
	t.Helper()
	h, err := ledger.Reserve(t.Context(), b, ledger.Hold{ID: "h", AccountID: "a", Amount: amount, ExpiresAt: at.Add(time.Hour), At: at})
	require.NoError(t, err)
	return h
}

func TestAPostingTellsBothSidesWhereTheyStand(t *testing.T) {
	t.Parallel()
	b := newBook()
	grant(t, b, "a", 100)
	e, err := ledger.Post(t.Context(), b, ledger.Order{ID: "e", Kind: ledger.KindTransfer, From: "a", To: "b", Amount: 30, Ref: "r", Memo: "m", By: "a", At: at})
	require.NoError(t, err)
	want := ledger.Entry{
		ID: "e", Kind: ledger.KindTransfer, FromID: "a", ToID: "b", Amount: 30, FromSeq: 2, ToSeq: 1, FromBalance: 70, ToBalance: 30,
		RefID: "r", Memo: "m", ByID: "a", At: at,
	}
	require.Equal(t, want, e)
	require.Equal(t, ledger.Line{Entry: e, Seq: 2, Balance: 70, Counterparty: "b"}, e.LineFor("a"))
	require.Equal(t, ledger.Line{Entry: e, Seq: 1, Balance: 30, Credit: true, Counterparty: "a"}, e.LineFor("b"))
}

func TestAnAccountNeverPaysMoreThanItHas(t *testing.T) {
	t.Parallel()
	b := newBook()
	grant(t, b, "a", 10)
	before := b.snapshot()
	_, err := ledger.Post(t.Context(), b, spend("e", 11))
	require.ErrorIs(t, err, ledger.ErrInsufficient)
	require.ErrorIs(t, err, atlas.ErrRefused)
	require.Equal(t, before, b)
	_, err = ledger.Post(t.Context(), b, spend("e", 10))
	require.NoError(t, err)
}

func TestOrdersThatMakeNoSenseAreInvalid(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ledger.Order){
		"no id":           func(o *ledger.Order) { o.ID = "" },
		"nothing":         func(o *ledger.Order) { o.Amount = 0 },
		"a negative":      func(o *ledger.Order) { o.Amount = -1 },
		"too much":        func(o *ledger.Order) { o.Amount = ledger.MaxAmount + 1 },
		"from nobody":     func(o *ledger.Order) { o.From = "" },
		"to nobody":       func(o *ledger.Order) { o.To = "" },
		"to the same one": func(o *ledger.Order) { o.To = o.From },
	} {
		b := newBook()
		o := spend("e", 1)
		change(&o)
		_, err := ledger.Post(t.Context(), b, o)
		require.ErrorIs(t, err, atlas.ErrInvalid, name)
		require.Equal(t, newBook(), b, name)
	}
}

func TestBalancesStayWithinWhatCanBeCounted(t *testing.T) {
	t.Parallel()
	o := ledger.Order{ID: "e", From: ledger.Issuer("t"), To: "a", Amount: ledger.MaxAmount}
	_, _, _, err := o.Apply(ledger.Balance{}, ledger.Balance{})
	require.NoError(t, err)
	_, _, _, err = o.Apply(ledger.Balance{}, ledger.Balance{Posted: 1})
	require.ErrorIs(t, err, atlas.ErrInvalid)
	_, _, _, err = o.Apply(ledger.Balance{Posted: -1}, ledger.Balance{})
	require.ErrorIs(t, err, atlas.ErrInvalid)
}

func TestARepeatIsOnePostingAndAnotherInputIsRefused(t *testing.T) {
	t.Parallel()
	b := newBook()
	grant(t, b, "a", 100)
	first, err := ledger.Post(t.Context(), b, spend("e", 10))
	require.NoError(t, err)
	before := b.snapshot()
	again, err := ledger.Post(t.Context(), b, spend("e", 10))
	require.NoError(t, err)
	require.Equal(t, first, again)
	for name, change := range map[string]func(*ledger.Order){
		"kind": func(o *ledger.Order) { o.Kind = ledger.KindTransfer }, "from": func(o *ledger.Order) { o.From = "b" },
		"to": func(o *ledger.Order) { o.To = "b" }, "amount": func(o *ledger.Order) { o.Amount = 11 }, "ref": func(o *ledger.Order) { o.Ref = "x" },
	} {
		o := spend("e", 10)
		change(&o)
		_, err := ledger.Post(t.Context(), b, o)
		require.ErrorIs(t, err, atlas.ErrMismatch, name)
	}
	require.Equal(t, before, b)
}

func TestWhatIsHeldCannotBeSpent(t *testing.T) {
	t.Parallel()
	b := newBook()
	grant(t, b, "a", 100)
	hold(t, b, 60)
	_, err := ledger.Post(t.Context(), b, spend("e", 41))
	require.ErrorIs(t, err, ledger.ErrInsufficient)
	_, err = ledger.Reserve(t.Context(), b, ledger.Hold{ID: "h2", AccountID: "a", Amount: 41, At: at})
	require.ErrorIs(t, err, ledger.ErrInsufficient)
	_, err = ledger.Post(t.Context(), b, spend("e", 40))
	require.NoError(t, err)
}

func TestAHoldIsCapturedAndReleasedInParts(t *testing.T) {
	t.Parallel()
	b := newBook()
	grant(t, b, "a", 100)
	hold(t, b, 60)
	draw := func(id string, amount ledger.Credits) error {
		_, err := ledger.Capture(t.Context(), b, ledger.Draw{ID: id, Hold: "h", To: ledger.Revenue("t"), Amount: amount, At: at})
		return err
	}
	require.NoError(t, draw("c1", 20))
	_, err := ledger.Release(t.Context(), b, "h", 10, at)
	require.NoError(t, err)
	require.Equal(t, ledger.Balance{ID: "a", Posted: 80, Held: 30, Seq: 2, Version: 4}, b.balances["a"])
	require.ErrorIs(t, draw("c2", 31), ledger.ErrHold)
	require.NoError(t, draw("c2", 0)) // all that is left
	require.ErrorIs(t, draw("c3", 0), ledger.ErrHold)
	require.Zero(t, b.balances["a"].Held)
	require.EqualValues(t, 50, b.balances["a"].Posted)
	require.EqualValues(t, 50, b.balances[ledger.Revenue("t")].Posted)
	require.NoError(t, draw("c1", 20), "a repeat")
	require.ErrorIs(t, draw("c1", 19), atlas.ErrMismatch)
	require.EqualValues(t, 50, b.balances["a"].Posted)
}

func TestAnExpiredHoldCanOnlyBeReleased(t *testing.T) {
	t.Parallel()
	b := newBook()
	grant(t, b, "a", 100)
	h := hold(t, b, 60)
	late := h.ExpiresAt
	_, err := ledger.Capture(t.Context(), b, ledger.Draw{ID: "c", Hold: "h", To: "b", Amount: 1, At: late})
	require.ErrorIs(t, err, ledger.ErrHold)
	_, err = ledger.Capture(t.Context(), b, ledger.Draw{ID: "c", Hold: "h", To: "b", Amount: 1, At: late.Add(-time.Microsecond)})
	require.NoError(t, err)
	got, err := ledger.Release(t.Context(), b, "h", 0, late)
	require.NoError(t, err)
	require.Equal(t, b.holds["h"], got)
	require.Zero(t, got.Left())
	require.Zero(t, b.balances["a"].Held)
	require.False(t, ledger.Hold{}.Expired(at), "without an end")
}

func TestTakingFromAHold(t *testing.T) {
	t.Parallel()
	h := ledger.Hold{Amount: 10, Captured: 3, Released: 2, ExpiresAt: at}
	for _, c := range []struct {
		amount  ledger.Credits
		release bool
		now     time.Time
		want    ledger.Credits
		err     error
	}{
		{5, false, at.Add(-1), 5, nil},
		{0, false, at.Add(-1), 5, nil},
		{6, false, at.Add(-1), 0, ledger.ErrHold},
		{1, false, at, 0, ledger.ErrHold},
		{5, true, at, 5, nil},
		{0, true, at.Add(1), 5, nil},
		{6, true, at, 0, ledger.ErrHold},
		{-1, true, at, 0, atlas.ErrInvalid},
		{-1, false, at, 0, atlas.ErrInvalid},
	} {
		got, taken, err := h.Take(c.amount, c.release, c.now)
		require.ErrorIs(t, err, c.err)
		require.Equal(t, c.want, taken)
		require.Equal(t, h.Left()-taken, got.Left())
	}
}

func TestARepeatedReserveIsOneHold(t *testing.T) {
	t.Parallel()
	b := newBook()
	grant(t, b, "a", 100)
	first := hold(t, b, 60)
	require.Equal(t, first, hold(t, b, 60))
	require.EqualValues(t, 60, b.balances["a"].Held)
	_, err := ledger.Reserve(t.Context(), b, ledger.Hold{ID: "h", AccountID: "a", Amount: 61})
	require.ErrorIs(t, err, atlas.ErrMismatch)
	_, err = ledger.Reserve(t.Context(), b, ledger.Hold{ID: "h", AccountID: "b", Amount: 60})
	require.ErrorIs(t, err, atlas.ErrMismatch)
	for _, bad := range []ledger.Hold{{AccountID: "a", Amount: 1}, {ID: "x", Amount: 1}, {ID: "x", AccountID: "a"}, {ID: "x", AccountID: "a", Amount: -1}, {ID: "x", AccountID: "a", Amount: ledger.MaxAmount + 1}} {
		_, err = ledger.Reserve(t.Context(), b, bad)
		require.ErrorIs(t, err, atlas.ErrInvalid)
	}
}

func TestRefundsNeverExceedTheOriginal(t *testing.T) {
	t.Parallel()
	b := newBook()
	grant(t, b, "a", 100)
	_, err := ledger.Post(t.Context(), b, spend("e", 50))
	require.NoError(t, err)
	refund := func(id, original string, amount ledger.Credits) (ledger.Entry, error) {
		return ledger.Refund(t.Context(), b, ledger.Reverse{ID: id, Original: original, Amount: amount, At: at})
	}
	first, err := refund("r1", "e", 20)
	require.NoError(t, err)
	require.Equal(t, ledger.Revenue("t"), first.FromID)
	require.EqualValues(t, "a", first.ToID)
	_, err = refund("r2", "e", 31)
	require.ErrorIs(t, err, ledger.ErrRefund)
	again, err := refund("r1", "e", 20)
	require.NoError(t, err)
	require.Equal(t, first, again)
	_, err = refund("r1", "e", 21)
	require.ErrorIs(t, err, atlas.ErrMismatch)
	rest, err := refund("r2", "e", 0)
	require.NoError(t, err)
	require.EqualValues(t, 30, rest.Amount)
	_, err = refund("r3", "e", 0)
	require.ErrorIs(t, err, ledger.ErrRefund)
	_, err = refund("r4", "r1", 1)
	require.ErrorIs(t, err, ledger.ErrRefund, "a refund is not refunded")
	_, err = refund("r5", "e", -5)
	require.ErrorIs(t, err, atlas.ErrInvalid)
	_, err = refund("r6", "nothing", 1)
	require.ErrorIs(t, err, atlas.ErrNotFound)
	require.EqualValues(t, 100, b.balances["a"].Posted)
}

func TestSystemAccountsAreNoAccountsOfTheTree(t *testing.T) {
	t.Parallel()
	require.True(t, ledger.IsSystem(ledger.Issuer("t")) && ledger.IsSystem(ledger.Revenue("t")))
	require.Error(t, atlas.CheckID("id", string(ledger.Issuer("t"))), "no account can be named so")
	require.False(t, ledger.IsSystem("t"))
	require.NotEqual(t, ledger.Issuer("t"), ledger.Issuer("u"))
}

func Example() {
	ctx, b := context.Background(), newBook() // a store's tx.Ledger()
	post := func(o ledger.Order) error {
		_, err := ledger.Post(ctx, b, o)
		return err
	}
	fmt.Println(post(ledger.Order{ID: "1", Kind: ledger.KindGrant, From: ledger.Issuer("shop"), To: "shop", Amount: 100}))
	fmt.Println(post(ledger.Order{ID: "1", Kind: ledger.KindGrant, From: ledger.Issuer("shop"), To: "shop", Amount: 100})) // the answer got lost

	h, err := ledger.Reserve(ctx, b, ledger.Hold{ID: "2", AccountID: "shop", Amount: 60})
	fmt.Println(h.Left(), err)
	e, err := ledger.Capture(ctx, b, ledger.Draw{ID: "3", Hold: "2", To: ledger.Revenue("shop"), Amount: 10})
	fmt.Println(e.Amount, e.FromBalance, err)

	fmt.Println(errors.Is(post(ledger.Order{ID: "4", From: "shop", To: "client", Amount: 41}), ledger.ErrInsufficient))
	// Output:
	// <nil>
	// <nil>
	// 60 <nil>
	// 10 90 <nil>
	// true
}

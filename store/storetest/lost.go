package storetest

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// ErrLostCommit is what an Update of [LostCommit] returns after it committed.
// It wraps no kind of package atlas: the outcome of a lost commit is unknown.
var ErrLostCommit = errors.New("storetest: connection lost during commit")

// LostCommit returns st with every successful Update reporting
// [ErrLostCommit] after it committed, as happens when the connection breaks
// before the answer. What a caller must show is that a repeat with the same
// ids is safe. Reads and failed updates are those of st.
func LostCommit(st store.Store) store.Store {
	return LostCommitWhen(st, func() bool { return true })
}

// LostCommitWhen is [LostCommit] for those commits for which lose returns
// true. It is asked after each commit, and from several goroutines at once if
// the store is used so.
func LostCommitWhen(st store.Store, lose func() bool) store.Store { return lossy{st, lose} }

type lossy struct {
	store.Store
	lose func() bool
}

// Update is the store's, and then loses the answer.
func (l lossy) Update(ctx context.Context, fn func(ctx context.Context, tx store.Tx) error) error {
	if err := l.Store.Update(ctx, fn); err != nil {
		return err
	}
	if l.lose() {
		return ErrLostCommit
	}
	return nil
}

func lostCases() []proof {
	return []proof{
		{"TheWrapperCommitsAndReportsAnError", lossyCommits},
		{"ARepeatedPostIsOnePosting", repeatPost},
		{"ARepeatedReserveIsOneHold", repeatReserve},
		{"ARepeatedCaptureAndRefundAreOneEach", repeatCapture},
		{"ARepeatedRedeemUsesTheCodeOnce", repeatRedeem},
	}
}

func lossyCommits(t *testing.T, st store.Store) {
	lost := LostCommit(st)
	require.ErrorIs(t, lost.Update(t.Context(), func(c context.Context, x store.Tx) error {
		return x.Devices().Insert(c, device(1))
	}), ErrLostCommit)
	has(t, lost, true, 1)
	require.ErrorIs(t, lost.Update(t.Context(), func(c context.Context, x store.Tx) error {
		require.NoError(t, x.Devices().Insert(c, device(2)))
		return errBoom
	}), errBoom)
	has(t, lost, false, 2)
}

// repeated runs fn as a caller does that does not know what became of it:
// the answers of the first two runs are lost.
func repeated[T any](t *testing.T, st store.Store, fn func(c ctx, x tx) (T, error)) T {
	t.Helper()
	lost := 0
	flaky := LostCommitWhen(st, func() bool { lost++; return lost <= 2 })
	var got [3]T
	for i := range got {
		err := flaky.Update(t.Context(), func(c context.Context, x store.Tx) (err error) {
			got[i], err = fn(c, x)
			return err
		})
		if i < 2 {
			require.ErrorIs(t, err, ErrLostCommit)
		} else {
			require.NoError(t, err)
		}
		same(t, got[0], got[i], "a repeat returns the first result")
	}
	return got[2]
}

func repeatPost(t *testing.T, st store.Store) {
	grant(t, st, "grant", "a", 50)
	repeated(t, st, func(c ctx, x tx) (ledger.Entry, error) { return ledger.Post(c, x.Ledger(), spend("e", "a", 30)) })
	require.EqualValues(t, 20, balance(t, st, "a").Posted)
	require.EqualValues(t, 2, balance(t, st, "a").Seq)
	sumsToZero(t, st)
}

func repeatReserve(t *testing.T, st store.Store) {
	grant(t, st, "grant", "a", 50)
	repeated(t, st, func(c ctx, x tx) (ledger.Hold, error) {
		return ledger.Reserve(c, x.Ledger(), ledger.Hold{ID: "h", AccountID: "a", Amount: 30, At: at})
	})
	require.EqualValues(t, 30, balance(t, st, "a").Held)
}

func repeatCapture(t *testing.T, st store.Store) {
	grant(t, st, "grant", "a", 50)
	update(t, st, func(c ctx, x tx) {
		_, err := ledger.Reserve(c, x.Ledger(), ledger.Hold{ID: "h", AccountID: "a", Amount: 30, At: at})
		require.NoError(t, err)
	})
	repeated(t, st, func(c ctx, x tx) (ledger.Entry, error) {
		return ledger.Capture(c, x.Ledger(), ledger.Draw{ID: "c", Hold: "h", To: ledger.Revenue("t"), Amount: 10, At: at})
	})
	repeated(t, st, func(c ctx, x tx) (ledger.Entry, error) {
		return ledger.Refund(c, x.Ledger(), ledger.Reverse{ID: "r", Original: "c", Amount: 4, At: at})
	})
	b := balance(t, st, "a")
	require.EqualValues(t, 44, b.Posted)
	require.EqualValues(t, 20, b.Held)
	sumsToZero(t, st)
}

// redeemOnce is what makes redeeming safe to repeat: the first result is
// kept under the caller's id, in the transaction that redeemed.
func redeemOnce(c ctx, x tx, request string, lookup []byte) (activation.Code, error) {
	first, err := x.Requests().Get(c, request)
	if err == nil {
		if !bytes.Equal(first.Input, lookup) {
			return activation.Code{}, atlas.ErrMismatch
		}
		return x.Codes().Code(c, string(first.Result))
	}
	if !errors.Is(err, atlas.ErrNotFound) {
		return activation.Code{}, err
	}
	code, _, err := activation.Redeem(c, x.Codes(), lookup, at)
	if err != nil {
		return activation.Code{}, err
	}
	return code, x.Requests().Insert(c, store.Request{ID: request, Input: lookup, Result: []byte(code.ID), At: at})
}

func repeatRedeem(t *testing.T, st store.Store) {
	code := insertCode(t, st, "c", 1)
	got := repeated(t, st, func(c ctx, x tx) (activation.Code, error) { return redeemOnce(c, x, "request", code.Lookup) })
	require.EqualValues(t, 1, got.Used)
	require.EqualValues(t, 2, got.Version)
	require.ErrorIs(t, st.Update(t.Context(), func(c context.Context, x store.Tx) error {
		_, err := redeemOnce(c, x, "another request", code.Lookup)
		return err
	}), activation.ErrUsed)
}

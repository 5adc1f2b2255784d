package fleet_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/ledger"
)

func TestRefundsTogetherNeverExceedWhatTheyTakeBack(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Grant("north", 10)
	e, err := w.TransferCredits(t.Context(), w.Actor("north"), "", fleet.Transfer{From: w.ID("north"), To: w.ID("north/a"), Amount: 10})
	require.NoError(t, err)
	refund := func(amount ledger.Credits) (ledger.Entry, error) {
		return w.RefundCredits(t.Context(), w.Actor("admin"), "", fleet.Refund{EntryID: e.ID, Amount: amount})
	}
	_, err = refund(11)
	require.ErrorIs(t, err, ledger.ErrRefund)
	first, err := refund(4)
	require.NoError(t, err)
	require.Equal(t, e.ID, first.RefID)
	_, err = refund(7)
	require.ErrorIs(t, err, ledger.ErrRefund)
	rest, err := refund(0)
	require.NoError(t, err)
	require.EqualValues(t, 6, rest.Amount)
	_, err = refund(1)
	require.ErrorIs(t, err, ledger.ErrRefund)
	_, err = w.RefundCredits(t.Context(), w.Actor("admin"), "", fleet.Refund{EntryID: first.ID})
	require.ErrorIs(t, err, atlas.ErrRefused, "a refund can't be refunded")
	atlastest.RequireNoCreditLost(t, w)
}

func TestARefundNeedsThatTheCreditsAreStillThere(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Grant("north", 10)
	e, err := w.TransferCredits(t.Context(), w.Actor("north"), "", fleet.Transfer{From: w.ID("north"), To: w.ID("north/a"), Amount: 10})
	require.NoError(t, err)
	_, err = w.TransferCredits(t.Context(), w.Actor("north/a"), "", fleet.Transfer{From: w.ID("north/a"), To: w.ID("north/a/1"), Amount: 1})
	require.NoError(t, err)
	_, err = w.RefundCredits(t.Context(), w.Actor("admin"), "", fleet.Refund{EntryID: e.ID})
	require.ErrorIs(t, err, ledger.ErrInsufficient)
}

func TestAHoldThatExpiresGivesItsRestBack(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Grant("north", 10)
	h, err := w.HoldCredits(t.Context(), w.Actor("north"), "", fleet.NewHold{AccountID: w.ID("north"), Amount: 8, ExpiresAt: w.Now().Add(time.Hour)})
	require.NoError(t, err)
	_, err = w.CaptureHold(t.Context(), w.Actor("north"), "", h.ID, 3)
	require.NoError(t, err)
	w.Clock.Advance(time.Hour)
	_, err = w.CaptureHold(t.Context(), w.Actor("north"), "", h.ID, 1)
	require.ErrorIs(t, err, ledger.ErrHold)
	n, err := w.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	b, err := w.Credits(t.Context(), w.Actor("north"), w.ID("north"))
	require.NoError(t, err)
	require.EqualValues(t, 7, b.Available())
	require.Zero(t, b.Held)
	atlastest.RequireAudit(t, w.Store, "credit.hold_expire", h.ID)
}

func TestHeldCreditsCantBeSpentOtherwise(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Grant("north", 10)
	_, err := w.HoldCredits(t.Context(), w.Actor("north"), "", fleet.NewHold{AccountID: w.ID("north"), Amount: 8})
	require.NoError(t, err)
	_, err = w.TransferCredits(t.Context(), w.Actor("north"), "", fleet.Transfer{From: w.ID("north"), To: w.ID("north/a"), Amount: 3})
	require.ErrorIs(t, err, ledger.ErrInsufficient)
	_, err = w.IssueCodes(t.Context(), w.Actor("north"), "", fleet.NewCodes{PlanID: w.Plan(activation.Plan{Price: 3}).ID, Count: 1, OwnerID: w.ID("north")})
	require.ErrorIs(t, err, ledger.ErrInsufficient)
}

func TestCreditsMoveAlongOneLineOnly(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Grant("north/a", 10)
	_, err := w.TransferCredits(t.Context(), w.Actor("north"), "", fleet.Transfer{From: w.ID("north/a"), To: w.ID("north/b"), Amount: 1})
	require.ErrorIs(t, err, atlas.ErrRefused)
	_, err = w.TransferCredits(t.Context(), w.Actor("north/a"), "", fleet.Transfer{From: w.ID("north/a"), To: w.ID("north/a"), Amount: 1})
	require.ErrorIs(t, err, atlas.ErrInvalid)
	for _, amount := range []ledger.Credits{0, -5, ledger.MaxAmount + 1} {
		_, err = w.TransferCredits(t.Context(), w.Actor("north/a"), "", fleet.Transfer{From: w.ID("north/a"), To: w.ID("north/a/1"), Amount: amount})
		require.ErrorIs(t, err, atlas.ErrInvalid)
	}
}

package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Hold sets credits of one account aside until they are captured, released
// or the hold expires.
type Hold struct {
	ID        string          `data:"credit"`
	AccountID atlas.AccountID `data:"account.ref"`
	Amount    Credits         `data:"credit"`
	Captured  Credits         `data:"credit"`
	Released  Credits         `data:"credit"`
	ExpiresAt time.Time       `data:"credit"` // zero: never
	RefID     string          `data:"credit"` // what it pays for, if a use case opened it
	Memo      string          `data:"credit"`
	ByID      atlas.AccountID `data:"account.ref"`
	At        time.Time       `data:"credit"`
	Version   int64           `data:"none"`
}

// Left returns what can still be captured or released.
func (h Hold) Left() Credits { return h.Amount - h.Captured - h.Released }

// Expired reports whether the hold's time is over at now; its rest can then
// only be released.
func (h Hold) Expired(now time.Time) bool { return !h.ExpiresAt.IsZero() && !now.Before(h.ExpiresAt) }

// Take returns h after amount was captured (spent) or, with release, given
// back, or [ErrHold]. An amount of 0 means all that is left.
func (h Hold) Take(amount Credits, release bool, now time.Time) (Hold, Credits, error) {
	if amount == 0 {
		amount = h.Left()
	}
	switch {
	case amount < 0:
		return h, 0, atlas.Invalid("amount", "must be positive")
	case amount == 0 || amount > h.Left():
		return h, 0, fmt.Errorf("%w: %d are left", ErrHold, h.Left())
	case !release && h.Expired(now):
		return h, 0, fmt.Errorf("%w: it expired", ErrHold)
	case release:
		h.Released += amount
	default:
		h.Captured += amount
	}
	return h, amount, nil
}

// Reserve opens the hold h: h.Amount of its account's available credits are
// set aside. A repeat with the same ID and amount returns the stored hold.
func Reserve(ctx context.Context, b Book, h Hold) (Hold, error) {
	if h.ID == "" || h.AccountID == "" || h.Amount <= 0 || h.Amount > MaxAmount {
		return Hold{}, atlas.Invalid("amount", "must be between 1 and %d", MaxAmount)
	}
	if first, err := b.Hold(ctx, h.ID); err == nil {
		if first.AccountID != h.AccountID || first.Amount != h.Amount {
			return Hold{}, fmt.Errorf("ledger: hold %s: %w", h.ID, atlas.ErrMismatch)
		}
		return first, nil
	} else if !isNotFound(err) {
		return Hold{}, fmt.Errorf("ledger: hold %s: %w", h.ID, err)
	}
	bal, err := b.Balance(ctx, h.AccountID)
	if err != nil {
		return Hold{}, fmt.Errorf("ledger: balance of %s: %w", h.AccountID, err)
	}
	if bal.Available() < h.Amount {
		return Hold{}, fmt.Errorf("%w: %s has %d, needs %d", ErrInsufficient, h.AccountID, bal.Available(), h.Amount)
	}
	bal.Held += h.Amount
	if err := b.SaveBalance(ctx, bal); err != nil {
		return Hold{}, fmt.Errorf("ledger: save %s: %w", h.AccountID, err)
	}
	h.Captured, h.Released, h.Version = 0, 0, 1
	if err := b.InsertHold(ctx, h); err != nil {
		return Hold{}, fmt.Errorf("ledger: hold %s: %w", h.ID, err)
	}
	return h, nil
}

// Draw is a capture to be made: its own id, the hold, where the credits go
// and how many (0 for all that are left).
type Draw struct {
	ID     string
	Hold   string
	To     atlas.AccountID
	Amount Credits
	Memo   string
	By     atlas.AccountID
	At     time.Time
}

// Capture spends credits out of a hold. It returns [ErrHold] if the hold is
// used up or expired. A repeat with the same id returns the first entry.
func Capture(ctx context.Context, b Book, d Draw) (Entry, error) {
	h, err := b.Hold(ctx, d.Hold)
	if err != nil {
		return Entry{}, fmt.Errorf("ledger: hold %s: %w", d.Hold, err)
	}
	if first, err := b.Entry(ctx, d.ID); err == nil {
		if first.Kind != KindCapture || first.RefID != d.Hold || first.ToID != d.To || d.Amount != 0 && d.Amount != first.Amount {
			return Entry{}, fmt.Errorf("ledger: entry %s: %w", d.ID, atlas.ErrMismatch)
		}
		return first, nil
	} else if !isNotFound(err) {
		return Entry{}, err
	}
	h, amount, err := h.Take(d.Amount, false, d.At)
	if err != nil {
		return Entry{}, err
	}
	bal, err := b.Balance(ctx, h.AccountID)
	if err != nil {
		return Entry{}, fmt.Errorf("ledger: balance of %s: %w", h.AccountID, err)
	}
	bal.Held -= amount
	if err := b.SaveHold(ctx, h); err != nil {
		return Entry{}, fmt.Errorf("ledger: hold %s: %w", h.ID, err)
	}
	return post(ctx, b, Order{
		ID: d.ID, Kind: KindCapture, From: h.AccountID, To: d.To, Amount: amount,
		Ref: h.ID, Memo: d.Memo, By: d.By, At: d.At,
	}, bal)
}

// Release gives held credits back to their account: amount of them, or all
// that are left for 0. It works on expired holds too; that is how they end.
func Release(ctx context.Context, b Book, hold string, amount Credits, now time.Time) (Hold, error) {
	h, err := b.Hold(ctx, hold)
	if err != nil {
		return Hold{}, fmt.Errorf("ledger: hold %s: %w", hold, err)
	}
	h, amount, err = h.Take(amount, true, now)
	if err != nil {
		return Hold{}, err
	}
	bal, err := b.Balance(ctx, h.AccountID)
	if err != nil {
		return Hold{}, fmt.Errorf("ledger: balance of %s: %w", h.AccountID, err)
	}
	bal.Held -= amount
	if err := b.SaveBalance(ctx, bal); err != nil {
		return Hold{}, fmt.Errorf("ledger: save %s: %w", h.AccountID, err)
	}
	if err := b.SaveHold(ctx, h); err != nil {
		return Hold{}, fmt.Errorf("ledger: hold %s: %w", h.ID, err)
	}
	h.Version++
	return h, nil
}

func isNotFound(err error) bool { return errors.Is(err, atlas.ErrNotFound) }

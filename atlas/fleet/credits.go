package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/ledger"
)

// Credits returns the balance of an account.
func (s *Service) Credits(ctx context.Context, a atlas.Actor, id atlas.AccountID) (ledger.Balance, error) {
	c := call{actor: a, action: atlas.CreditRead, target: string(id)}
	return read(ctx, s, c, func(ctx context.Context, w *work) (ledger.Balance, error) {
		if _, err := w.account(ctx, id); err != nil {
			return ledger.Balance{}, err
		}
		return w.tx.Ledger().Balance(ctx, id)
	})
}

// CreditEntries returns a page of an account's postings, newest first.
func (s *Service) CreditEntries(ctx context.Context, a atlas.Actor, id atlas.AccountID, p atlas.Page) ([]ledger.Line, error) {
	c := call{actor: a, action: atlas.CreditRead, target: string(id)}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]ledger.Line, error) {
		if _, err := w.account(ctx, id); err != nil {
			return nil, err
		}
		entries, err := w.tx.Ledger().Entries(ctx, id, p)
		lines := make([]ledger.Line, len(entries))
		for i, e := range entries {
			lines[i] = e.LineFor(id)
		}
		return lines, err
	})
}

// Grant is credits put into circulation.
type Grant struct {
	AccountID atlas.AccountID
	Amount    ledger.Credits
	Memo      string
}

// GrantCredits gives an account new credits out of its tenant's issuer
// account.
func (s *Service) GrantCredits(ctx context.Context, a atlas.Actor, key Key, in Grant) (ledger.Entry, error) {
	c := call{actor: a, action: atlas.CreditGrant, target: string(in.AccountID), key: key, input: in, still: []atlas.AccountID{in.AccountID}}
	return write(ctx, s, c, func(ctx context.Context, w *work) (ledger.Entry, error) {
		acc, err := w.account(ctx, in.AccountID)
		if err != nil {
			return ledger.Entry{}, err
		}
		return w.post(ctx, ledger.Order{
			Kind: ledger.KindGrant, From: ledger.Issuer(acc.Tenant), To: acc.ID, Amount: in.Amount, Memo: in.Memo,
		}, acc.Path)
	})
}

// post fills in who and when, makes the posting and audits it at the place
// given.
func (w *work) post(ctx context.Context, o ledger.Order, at atlas.Path) (ledger.Entry, error) {
	if err := atlas.CheckText("memo", o.Memo, 500); err != nil {
		return ledger.Entry{}, err
	}
	o.ID, o.By, o.At = w.id(), w.who.Account, w.now
	e, err := ledger.Post(ctx, w.tx.Ledger(), o)
	if err != nil {
		return e, err
	}
	return e, w.audit(ctx, e.ID, at, fact("kind", e.Kind), fact("from", e.FromID), fact("to", e.ToID), fact("amount", e.Amount))
}

// Transfer is credits to be moved between two accounts of one line.
type Transfer struct {
	From, To atlas.AccountID
	Amount   ledger.Credits
	Memo     string
}

// TransferCredits moves credits down the tree, or back up: one of the two
// accounts must be an ancestor of the other, and both within the actor's
// reach. It returns ledger.ErrInsufficient if From has too few.
func (s *Service) TransferCredits(ctx context.Context, a atlas.Actor, key Key, in Transfer) (ledger.Entry, error) {
	c := call{actor: a, action: atlas.CreditTransfer, target: string(in.From), key: key, input: in, still: []atlas.AccountID{in.From, in.To}}
	return write(ctx, s, c, func(ctx context.Context, w *work) (ledger.Entry, error) {
		from, err := w.account(ctx, in.From)
		if err != nil {
			return ledger.Entry{}, err
		}
		to, err := w.account(ctx, in.To)
		if err != nil {
			return ledger.Entry{}, err
		}
		o := ledger.Order{Kind: ledger.KindTransfer, From: from.ID, To: to.ID, Amount: in.Amount, Memo: in.Memo}
		at := to.Path
		switch {
		case from.Path.Above(to.Path), from.ID == to.ID:
		case to.Path.Above(from.Path):
			o.Kind, at = ledger.KindWithdraw, from.Path
		default:
			return ledger.Entry{}, fmt.Errorf("credits move along one line of the tree only: %w", atlas.ErrRefused)
		}
		return w.post(ctx, o, at)
	})
}

// Refund is a posting to be taken back, in whole (Amount 0) or in part.
type Refund struct {
	EntryID string
	Amount  ledger.Credits
	Memo    string
}

// RefundCredits gives back what an earlier posting moved. All refunds of a
// posting together never exceed it (M-006).
func (s *Service) RefundCredits(ctx context.Context, a atlas.Actor, key Key, in Refund) (ledger.Entry, error) {
	c := call{actor: a, action: atlas.CreditRefund, target: in.EntryID, key: key, input: in}
	return write(ctx, s, c, func(ctx context.Context, w *work) (ledger.Entry, error) {
		orig, err := w.tx.Ledger().Entry(ctx, in.EntryID)
		if err != nil {
			_, err = seen(w, atlas.Account{}, err)
			return ledger.Entry{}, err
		}
		acc, err := w.account(ctx, owner(orig))
		if err != nil {
			return ledger.Entry{}, err
		}
		if err := atlas.CheckText("memo", in.Memo, 500); err != nil {
			return ledger.Entry{}, err
		}
		e, err := ledger.Refund(ctx, w.tx.Ledger(), ledger.Reverse{
			ID: w.id(), Original: in.EntryID, Amount: in.Amount, Memo: in.Memo, By: w.who.Account, At: w.now,
		})
		if err != nil {
			return e, err
		}
		return e, w.audit(ctx, e.ID, acc.Path, fact("original", in.EntryID), fact("amount", e.Amount))
	})
}

// owner returns the account in the tree that an entry is about: the payer,
// unless that is a system account.
func owner(e ledger.Entry) atlas.AccountID {
	if ledger.IsSystem(e.FromID) {
		return e.ToID
	}
	return e.FromID
}

// NewHold is credits to be set aside.
type NewHold struct {
	AccountID atlas.AccountID
	Amount    ledger.Credits
	ExpiresAt time.Time // zero: never
	Memo      string
}

// HoldCredits sets credits of an account aside until they are captured,
// released or the hold expires.
func (s *Service) HoldCredits(ctx context.Context, a atlas.Actor, key Key, in NewHold) (ledger.Hold, error) {
	c := call{actor: a, action: atlas.CreditHold, target: string(in.AccountID), key: key, input: in, still: []atlas.AccountID{in.AccountID}}
	return write(ctx, s, c, func(ctx context.Context, w *work) (ledger.Hold, error) {
		acc, err := w.account(ctx, in.AccountID)
		if err != nil {
			return ledger.Hold{}, err
		}
		if !in.ExpiresAt.IsZero() && !in.ExpiresAt.After(w.now) {
			return ledger.Hold{}, atlas.Invalid("expires_at", "must be in the future")
		}
		if err := atlas.CheckText("memo", in.Memo, 500); err != nil {
			return ledger.Hold{}, err
		}
		h, err := ledger.Reserve(ctx, w.tx.Ledger(), ledger.Hold{
			ID: w.id(), AccountID: acc.ID, Amount: in.Amount, ExpiresAt: atlas.Instant(in.ExpiresAt),
			Memo: in.Memo, ByID: w.who.Account, At: w.now,
		})
		if err != nil {
			return h, err
		}
		return h, w.audit(ctx, h.ID, acc.Path, fact("amount", h.Amount))
	})
}

// CaptureHold spends credits of a hold: amount of them, or all that are left
// for 0. They go to the tenant's revenue account.
func (s *Service) CaptureHold(ctx context.Context, a atlas.Actor, key Key, id string, amount ledger.Credits) (ledger.Entry, error) {
	c := call{actor: a, action: atlas.CreditHold, target: id, key: key, input: []any{"capture", id, amount}}
	return write(ctx, s, c, func(ctx context.Context, w *work) (ledger.Entry, error) {
		acc, err := w.heldBy(ctx, id)
		if err != nil {
			return ledger.Entry{}, err
		}
		e, err := ledger.Capture(ctx, w.tx.Ledger(), ledger.Draw{
			ID: w.id(), Hold: id, To: ledger.Revenue(acc.Tenant), Amount: amount, By: w.who.Account, At: w.now,
		})
		if err != nil {
			return e, err
		}
		return e, w.auditAs(ctx, "credit.capture", id, acc.Path, fact("amount", e.Amount))
	})
}

// ReleaseHold gives all that is left of a hold back to its account.
func (s *Service) ReleaseHold(ctx context.Context, a atlas.Actor, key Key, id string) (ledger.Hold, error) {
	c := call{actor: a, action: atlas.CreditHold, target: id, key: key, input: []any{"release", id}}
	return write(ctx, s, c, func(ctx context.Context, w *work) (ledger.Hold, error) {
		acc, err := w.heldBy(ctx, id)
		if err != nil {
			return ledger.Hold{}, err
		}
		h, err := ledger.Release(ctx, w.tx.Ledger(), id, 0, w.now)
		if err != nil {
			return h, err
		}
		return h, w.auditAs(ctx, "credit.release", id, acc.Path, fact("released", h.Released))
	})
}

// heldBy returns the account of a hold that an operator may act on.
// Holds that back activation codes end with their codes.
func (w *work) heldBy(ctx context.Context, id string) (atlas.Account, error) {
	h, err := w.tx.Ledger().Hold(ctx, id)
	if err != nil {
		return seen(w, atlas.Account{}, err)
	}
	acc, err := w.account(ctx, h.AccountID)
	if err == nil && h.RefID != "" {
		err = fmt.Errorf("hold %s pays for activation codes and ends with them: %w", id, atlas.ErrRefused)
	}
	return acc, err
}

func isNotFound(err error) bool { return errors.Is(err, atlas.ErrNotFound) }

package fleet

import (
	"context"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// SuspendAccount pauses an account and with it everything below, from the
// next call on.
func (s *Service) SuspendAccount(ctx context.Context, a atlas.Actor, id atlas.AccountID) (atlas.Account, error) {
	return s.changeStatus(ctx, a, atlas.AccountSuspend, id, atlas.Suspended)
}

// ResumeAccount ends a suspension. What was blocked is for an Admin to
// unblock.
func (s *Service) ResumeAccount(ctx context.Context, a atlas.Actor, id atlas.AccountID) (atlas.Account, error) {
	return s.changeStatus(ctx, a, atlas.AccountSuspend, id, atlas.Active)
}

// BlockAccount stops an account and everything below for abuse.
func (s *Service) BlockAccount(ctx context.Context, a atlas.Actor, id atlas.AccountID) (atlas.Account, error) {
	return s.changeStatus(ctx, a, atlas.AccountBlock, id, atlas.Blocked)
}

// CloseAccount ends an account for good.
func (s *Service) CloseAccount(ctx context.Context, a atlas.Actor, id atlas.AccountID) (atlas.Account, error) {
	return s.changeStatus(ctx, a, atlas.AccountClose, id, atlas.Closed)
}

func (s *Service) changeStatus(ctx context.Context, a atlas.Actor, action atlas.Action, id atlas.AccountID, next atlas.Status) (atlas.Account, error) {
	c := call{actor: a, action: action, target: string(id)}
	return write(ctx, s, c, func(ctx context.Context, w *work) (atlas.Account, error) {
		acc, err := w.account(ctx, id)
		if err != nil {
			return acc, err
		}
		if err := w.mayLeave(acc, next); err != nil {
			return acc, err
		}
		if acc.Status, err = acc.Status.Change(next); err != nil {
			return acc, err
		}
		acc.UpdatedAt = w.now
		if err := w.tx.Accounts().Save(ctx, acc); err != nil {
			return acc, err
		}
		acc.Version++
		if next == atlas.Blocked || next == atlas.Closed {
			if _, err := w.tx.Identity().DeleteSessions(ctx, id, ""); err != nil {
				return acc, err
			}
		}
		return acc, w.audit(ctx, string(id), acc.Path, fact("status", acc.Status))
	})
}

// mayLeave keeps anyone from locking themselves out, and resellers from
// ending what an Admin blocked.
func (w *work) mayLeave(acc atlas.Account, next atlas.Status) error {
	if acc.ID == w.who.Account {
		return fmt.Errorf("account: nobody changes their own status: %w", atlas.ErrRefused)
	}
	if acc.Status == atlas.Blocked && next == atlas.Active {
		return w.mayDo(atlas.AccountBlock, acc.Resource())
	}
	return nil
}

// SetSupport changes an account's support permissions. They can't exceed the
// parent's; what an account loses, everything below it loses with it.
func (s *Service) SetSupport(ctx context.Context, a atlas.Actor, id atlas.AccountID, want atlas.Support) (atlas.Account, error) {
	c := call{actor: a, action: atlas.AccountSupport, target: string(id)}
	return write(ctx, s, c, func(ctx context.Context, w *work) (atlas.Account, error) {
		acc, err := w.account(ctx, id)
		if err != nil {
			return acc, err
		}
		most, err := w.most(ctx, acc)
		if err != nil {
			return acc, err
		}
		if !most.Has(want) {
			return acc, fmt.Errorf("account: support permissions exceed the parent's or the role's: %w", atlas.ErrRefused)
		}
		if err := w.lower(ctx, acc, want); err != nil {
			return acc, err
		}
		acc.Support, acc.UpdatedAt = want, w.now
		if err := w.tx.Accounts().Save(ctx, acc); err != nil {
			return acc, err
		}
		acc.Version++
		return acc, w.audit(ctx, string(id), acc.Path, fact("support", want.Names()))
	})
}

// most returns the permissions an account may hold: its role's, within its
// parent's.
func (w *work) most(ctx context.Context, acc atlas.Account) (atlas.Support, error) {
	held := atlas.SupportOf(atlas.Admin)
	if acc.ParentID != "" {
		parent, err := w.tx.Accounts().Get(ctx, acc.ParentID)
		if err != nil {
			return 0, err
		}
		held = parent.Support
	}
	return atlas.SupportOf(acc.Role).Bound(acc.Role, held), nil
}

// lower takes from every account below acc what it would hold beyond bound.
func (w *work) lower(ctx context.Context, acc atlas.Account, bound atlas.Support) error {
	return w.eachBelow(ctx, acc.Path, func(sub atlas.Account) error {
		if bound.Has(sub.Support) {
			return nil
		}
		sub.Support, sub.UpdatedAt = sub.Support&bound, w.now
		return w.tx.Accounts().Save(ctx, sub)
	})
}

// MoveAccount puts an account, with all that is below it, under another
// parent. Both places must be within the actor's reach, the account strictly
// below the actor. Credits stay with the accounts that hold them.
func (s *Service) MoveAccount(ctx context.Context, a atlas.Actor, id, parentID atlas.AccountID) (atlas.Account, error) {
	c := call{actor: a, action: atlas.AccountMove, target: string(id)}
	return write(ctx, s, c, func(ctx context.Context, w *work) (atlas.Account, error) {
		acc, err := w.account(ctx, id)
		if err != nil {
			return acc, err
		}
		parent, err := w.account(ctx, parentID)
		if err != nil {
			return acc, err
		}
		moved, err := w.placed(ctx, acc, parent)
		if err != nil {
			return acc, err
		}
		if err := w.tx.Accounts().Move(ctx, acc.Path, moved.Path); err != nil {
			return acc, err
		}
		if acc, err = w.tx.Accounts().Get(ctx, id); err != nil {
			return acc, err
		}
		from := acc.ParentID
		acc.ParentID, acc.Support, acc.UpdatedAt = parentID, acc.Support&parent.Support, w.now
		if err := w.tx.Accounts().Save(ctx, acc); err != nil {
			return acc, err
		}
		acc.Version++
		if err := w.lower(ctx, acc, parent.Support); err != nil {
			return acc, err
		}
		return acc, w.audit(ctx, string(id), acc.Path, fact("from", from), fact("to", parentID))
	})
}

// placed returns acc as it is below parent, or why it can't be there.
func (w *work) placed(ctx context.Context, acc, parent atlas.Account) (atlas.Account, error) {
	if acc.ID == w.who.Account {
		return acc, fmt.Errorf("account: nobody moves themselves: %w", atlas.ErrRefused)
	}
	if acc.Path.Contains(parent.Path) {
		return acc, fmt.Errorf("account: can't be moved below itself: %w", atlas.ErrRefused)
	}
	moved, err := acc.Place(parent, w.s.opt.MaxDepth)
	if err != nil {
		return acc, err
	}
	deepest := acc.Path.Depth()
	err = w.eachBelow(ctx, acc.Path, func(sub atlas.Account) error {
		deepest = max(deepest, sub.Path.Depth())
		return nil
	})
	if err == nil && deepest-acc.Path.Depth()+moved.Path.Depth() > w.s.opt.MaxDepth {
		err = &atlas.PlaceError{Child: acc.Role, Parent: parent.Role, Depth: w.s.opt.MaxDepth}
	}
	return moved, err
}

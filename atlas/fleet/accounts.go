package fleet

import (
	"context"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// NewAccount is an account to be made.
type NewAccount struct {
	Username    string
	DisplayName string
	Role        atlas.Role
	ParentID    atlas.AccountID // empty for an Admin only
	Password    string
	// Support are its support permissions; nil means as many as its role and
	// parent allow.
	Support *atlas.Support
}

// CreateAccount makes an account below a parent within the actor's reach.
// Errors besides the usual: ErrInvalid for a name or password, ErrExists for
// a taken username, ErrRefused for a role that can't be there.
func (s *Service) CreateAccount(ctx context.Context, a atlas.Actor, key Key, in NewAccount) (atlas.Account, error) {
	c := call{actor: a, action: atlas.AccountCreate, target: string(in.ParentID), key: key, input: in}
	if in.ParentID != "" {
		c.still = []atlas.AccountID{in.ParentID}
	}
	if err := s.admit(ctx, c); err != nil {
		return atlas.Account{}, err
	}
	if _, err := atlas.ParseRole(string(in.Role)); err != nil {
		return atlas.Account{}, s.failed(ctx, c, atlas.Subject{}, err)
	}
	acc := atlas.Account{Username: in.Username, DisplayName: in.DisplayName, Role: in.Role}
	hash, err := s.credential(ctx, acc, in.Password)
	if err != nil {
		return atlas.Account{}, s.failed(ctx, c, atlas.Subject{}, err)
	}
	return write(ctx, s, c, func(ctx context.Context, w *work) (atlas.Account, error) {
		parent, err := w.parentOf(ctx, in)
		if err != nil {
			return atlas.Account{}, err
		}
		acc := acc
		acc.ID = atlas.AccountID(w.id())
		if acc.Support, err = childSupport(in, parent); err != nil {
			return atlas.Account{}, err
		}
		return w.insertAccount(ctx, acc, parent, hash)
	})
}

// admit decides what can be decided without the resource, before something
// expensive such as hashing a password is done for the actor.
func (s *Service) admit(ctx context.Context, c call) error {
	_, err := read(ctx, s, call{actor: c.actor, action: c.action, target: c.target}, func(_ context.Context, w *work) (struct{}, error) {
		_, err := w.scope()
		return struct{}{}, err
	})
	return err
}

// parentOf returns the parent that in names, authorized; for an Admin the
// zero Account, which only those who reach everywhere may use.
func (w *work) parentOf(ctx context.Context, in NewAccount) (atlas.Account, error) {
	if in.ParentID == "" {
		return atlas.Account{}, w.may(atlas.Resource{})
	}
	parent, err := w.tx.Accounts().Get(ctx, in.ParentID)
	return seen(w, parent, err)
}

// childSupport returns the support permissions of a new account, or an
// ErrRefused for more than its parent has (M-022).
func childSupport(in NewAccount, parent atlas.Account) (atlas.Support, error) {
	held := parent.Support
	if in.Role == atlas.Admin {
		held = atlas.SupportOf(atlas.Admin)
	}
	most := atlas.SupportOf(in.Role).Bound(in.Role, held)
	if in.Support == nil {
		return most, nil
	}
	if !most.Has(*in.Support) {
		return 0, fmt.Errorf("account: support permissions exceed the parent's or the role's: %w", atlas.ErrRefused)
	}
	return *in.Support, nil
}

// Me returns the actor's own account.
func (s *Service) Me(ctx context.Context, a atlas.Actor) (atlas.Account, error) {
	if a.Purpose == "" {
		a.Purpose = atlas.PurposeSecurity // one's own data discloses nothing to anybody
	}
	return s.Account(ctx, a, a.Account)
}

// Account returns an account within the actor's reach.
func (s *Service) Account(ctx context.Context, a atlas.Actor, id atlas.AccountID) (atlas.Account, error) {
	c := call{actor: a, action: atlas.AccountRead, target: string(id)}
	return read(ctx, s, c, func(ctx context.Context, w *work) (atlas.Account, error) { return w.account(ctx, id) })
}

// account reads an account and authorizes the call on it.
func (w *work) account(ctx context.Context, id atlas.AccountID) (atlas.Account, error) {
	acc, err := w.tx.Accounts().Get(ctx, id)
	return seen(w, acc, err)
}

// Accounts returns a page of the accounts within the actor's reach, newest
// first.
func (s *Service) Accounts(ctx context.Context, a atlas.Actor, f store.AccountFilter, p atlas.Page) ([]atlas.Account, error) {
	c := call{actor: a, action: atlas.AccountRead}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]atlas.Account, error) {
		scope, err := w.scope()
		if err != nil {
			return nil, err
		}
		return w.tx.Accounts().List(ctx, scope, f, p)
	})
}

// AccountChange is what of an account may be changed; nil fields stay.
type AccountChange struct {
	DisplayName *string
	Username    *string
}

// UpdateAccount changes an account's names.
func (s *Service) UpdateAccount(ctx context.Context, a atlas.Actor, id atlas.AccountID, in AccountChange) (atlas.Account, error) {
	c := call{actor: a, action: atlas.AccountUpdate, target: string(id)}
	return s.changeAccount(ctx, c, id, func(acc atlas.Account) (atlas.Account, error) {
		if in.DisplayName != nil {
			acc.DisplayName = *in.DisplayName
		}
		if in.Username != nil {
			acc.Username, acc.UsernameKey = *in.Username, atlas.FoldUsername(*in.Username)
		}
		if err := atlas.CheckUsername(acc.Username); err != nil {
			return acc, err
		}
		return acc, atlas.CheckText("display_name", acc.DisplayName, 100)
	})
}

// changeAccount is the shape of every change of one account by a pure rule.
func (s *Service) changeAccount(ctx context.Context, c call, id atlas.AccountID, rule func(atlas.Account) (atlas.Account, error)) (atlas.Account, error) {
	return write(ctx, s, c, func(ctx context.Context, w *work) (atlas.Account, error) {
		acc, err := w.account(ctx, id)
		if err != nil {
			return acc, err
		}
		if acc, err = rule(acc); err != nil {
			return acc, err
		}
		acc.UpdatedAt = w.now
		if err := w.tx.Accounts().Save(ctx, acc); err != nil {
			return acc, err
		}
		acc.Version++
		return acc, w.audit(ctx, string(id), acc.Path, fact("status", acc.Status), fact("support", acc.Support.Names()))
	})
}

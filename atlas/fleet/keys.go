package fleet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/store"
)

// NewAPIKey is an API key to be made for the actor's own account.
type NewAPIKey struct {
	Name string
	// Scopes are the actions it is good for; at least one.
	Scopes    []string
	ExpiresAt time.Time // zero: no end
}

// IssuedAPIKey is a new key with its token, which exists nowhere else.
type IssuedAPIKey struct {
	Key   identity.APIKey
	Token string
}

// CreateAPIKey makes a key that acts as the actor's account, for the named
// actions only.
func (s *Service) CreateAPIKey(ctx context.Context, a atlas.Actor, key Key, in NewAPIKey) (IssuedAPIKey, error) {
	c := call{actor: a, action: atlas.KeyCreate, key: key, input: in}
	token, id, hash, err := identity.NewAPIToken(s.opt.Random)
	if err != nil {
		return IssuedAPIKey{}, s.failed(ctx, c, atlas.Subject{}, err)
	}
	return write(ctx, s, c, func(ctx context.Context, w *work) (IssuedAPIKey, error) {
		if err := w.may(atlas.Resource{Path: w.who.Path}); err != nil {
			return IssuedAPIKey{}, err
		}
		if err := s.checkNewKey(a, in, w.now); err != nil {
			return IssuedAPIKey{}, err
		}
		k := identity.APIKey{
			ID: id, AccountID: w.who.Account, Name: in.Name, Hash: hash, Scopes: in.Scopes,
			ExpiresAt: atlas.Instant(in.ExpiresAt), CreatedAt: w.now, Version: 1,
		}
		if err := w.tx.Identity().InsertAPIKey(ctx, k); err != nil {
			return IssuedAPIKey{}, err
		}
		k.Hash = nil
		return IssuedAPIKey{Key: k, Token: token}, w.audit(ctx, id, w.who.Path)
	})
}

func (s *Service) checkNewKey(a atlas.Actor, in NewAPIKey, now time.Time) error {
	if err := atlas.CheckText("name", in.Name, 100); err != nil {
		return err
	}
	if len(in.Scopes) == 0 {
		return atlas.Invalid("scopes", "needs at least one action")
	}
	for _, sc := range in.Scopes {
		if _, ok := s.policy.Rule(atlas.Action(sc)); !ok {
			return atlas.Invalid("scopes", "has an unknown action %q", atlas.CleanText(sc, 40))
		}
		if a.Only != nil && !slices.Contains(a.Only, atlas.Action(sc)) {
			return fmt.Errorf("scopes: an API key makes no key for more than itself: %w", atlas.ErrDenied)
		}
	}
	if !in.ExpiresAt.IsZero() && !in.ExpiresAt.After(now) {
		return atlas.Invalid("expires_at", "must be in the future")
	}
	return nil
}

// APIKeys returns the API keys of an account, newest first, without their
// hashes.
func (s *Service) APIKeys(ctx context.Context, a atlas.Actor, id atlas.AccountID) ([]identity.APIKey, error) {
	c := call{actor: a, action: atlas.KeyRead, target: string(id)}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]identity.APIKey, error) {
		if _, err := w.account(ctx, id); err != nil {
			return nil, err
		}
		keys, err := w.tx.Identity().APIKeys(ctx, id)
		for i := range keys {
			keys[i].Hash = nil
		}
		return keys, err
	})
}

// RevokeAPIKey ends a key at once.
func (s *Service) RevokeAPIKey(ctx context.Context, a atlas.Actor, id string) error {
	c := call{actor: a, action: atlas.KeyRevoke, target: id}
	_, err := write(ctx, s, c, func(ctx context.Context, w *work) (struct{}, error) {
		none := struct{}{}
		k, err := w.tx.Identity().APIKey(ctx, id)
		if err != nil {
			_, err = seen(w, atlas.Account{}, err)
			return none, err
		}
		acc, err := w.account(ctx, k.AccountID)
		if err != nil {
			return none, err
		}
		if err := w.tx.Identity().SaveAPIKey(ctx, k.Revoke(w.now)); err != nil {
			return none, err
		}
		return none, w.audit(ctx, id, acc.Path)
	})
	return err
}

// Sessions returns the open sessions of an account, newest first, without
// their token hashes.
func (s *Service) Sessions(ctx context.Context, a atlas.Actor, id atlas.AccountID) ([]identity.Session, error) {
	c := call{actor: a, action: atlas.SessionRead, target: string(id)}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]identity.Session, error) {
		if _, err := w.account(ctx, id); err != nil {
			return nil, err
		}
		all, err := w.tx.Identity().Sessions(ctx, id)
		live := all[:0]
		for _, se := range all {
			if se.Live(w.now) {
				se.TokenHash = nil
				live = append(live, se)
			}
		}
		return live, err
	})
}

// EndSessions ends all sessions of an account but the actor's own one.
func (s *Service) EndSessions(ctx context.Context, a atlas.Actor, id atlas.AccountID) error {
	c := call{actor: a, action: atlas.SessionEnd, target: string(id)}
	_, err := write(ctx, s, c, func(ctx context.Context, w *work) (int64, error) {
		acc, err := w.account(ctx, id)
		if err != nil {
			return 0, err
		}
		n, err := w.tx.Identity().DeleteSessions(ctx, id, w.who.Session)
		if err != nil {
			return n, err
		}
		return n, w.audit(ctx, string(id), acc.Path, fact("sessions", n))
	})
	return err
}

// ChangePassword sets the actor's own password, given the present one, and
// ends its other sessions.
func (s *Service) ChangePassword(ctx context.Context, a atlas.Actor, present, next string) error {
	c := call{actor: a, action: atlas.PasswordChange, target: string(a.Account)}
	acc, err := s.proven(ctx, c, present)
	if err != nil {
		return err
	}
	return s.setPassword(ctx, c, acc.ID, next)
}

// ResetPassword sets the password of an account below the actor and ends all
// of its sessions.
func (s *Service) ResetPassword(ctx context.Context, a atlas.Actor, id atlas.AccountID, next string) error {
	c := call{actor: a, action: atlas.PasswordReset, target: string(id)}
	if err := s.admit(ctx, c); err != nil {
		return err
	}
	return s.setPassword(ctx, c, id, next)
}

// proven returns the actor's account if its present password is right. It is
// slowed down as a login is: whoever sits at an open session may guess.
func (s *Service) proven(ctx context.Context, c call, present string) (atlas.Account, error) {
	acc, err := read(ctx, s, c, func(ctx context.Context, w *work) (atlas.Account, error) {
		return w.account(ctx, c.actor.Account)
	})
	if err != nil {
		return acc, err
	}
	login := Login{Username: acc.Username, Origin: c.actor.Origin, known: "session " + c.actor.Session}
	_, hash, err := s.tryLogin(ctx, login)
	if err == nil {
		err = s.checkPassword(ctx, hash, present)
	}
	if err == nil {
		err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) error { return forgiveLogin(ctx, tx, login) })
	}
	if err != nil {
		return acc, s.failed(ctx, c, atlas.Subject{Actor: c.actor, Path: acc.Path}, err)
	}
	return acc, nil
}

func (s *Service) setPassword(ctx context.Context, c call, id atlas.AccountID, next string) error {
	if err := identity.CheckPassword("", next); err != nil {
		return s.failed(ctx, c, atlas.Subject{}, err)
	}
	hash, err := s.opt.Passwords.Hash(ctx, next)
	if err != nil {
		return s.failed(ctx, c, atlas.Subject{}, err)
	}
	_, err = write(ctx, s, c, func(ctx context.Context, w *work) (struct{}, error) {
		none := struct{}{}
		acc, err := w.account(ctx, id)
		if err != nil {
			return none, err
		}
		if err := identity.CheckPassword(acc.Username, next); err != nil {
			return none, err
		}
		cred, err := w.tx.Identity().Credential(ctx, id)
		if err != nil && !isNotFound(err) {
			return none, err
		}
		cred.ID = id
		if err := w.tx.Identity().PutCredential(ctx, cred.Change(hash, w.now)); err != nil {
			return none, err
		}
		if _, err := w.tx.Identity().DeleteSessions(ctx, id, w.who.Session); err != nil {
			return none, err
		}
		return none, w.audit(ctx, string(id), acc.Path)
	})
	return err
}

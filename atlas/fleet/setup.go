package fleet

import (
	"context"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/store"
)

// setupAction names the audit event of Setup. It is no action of the policy:
// nobody is there yet who could be allowed it.
const setupAction atlas.Action = "setup"

// Setup makes the first Admin of an empty store. It is the only call without
// an actor; once there is an account it returns an ErrExists, without saying
// more.
func (s *Service) Setup(ctx context.Context, username, displayName, password string) (atlas.Account, error) {
	a := atlas.Account{Username: username, DisplayName: displayName, Role: atlas.Admin, Support: atlas.SupportOf(atlas.Admin)}
	hash, err := s.credential(ctx, a, password)
	if err != nil {
		return atlas.Account{}, fmt.Errorf("fleet: setup: %w", err)
	}
	a, now, event := a, s.Now(), s.opt.NewID()
	a.ID = atlas.AccountID(s.opt.NewID())
	err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		n, err := tx.Accounts().Count(ctx, everything, store.AccountFilter{})
		if err != nil {
			return err
		}
		if n > 0 {
			return atlas.ErrExists
		}
		w := &work{tx: tx, now: now, s: s, call: &call{action: setupAction}, ids: &ids{made: []string{event}}}
		a, err = w.insertAccount(ctx, a, atlas.Account{}, hash)
		return err
	})
	if err != nil {
		return atlas.Account{}, fmt.Errorf("fleet: setup: %w", err)
	}
	return a, nil
}

// everything is the scope of the system itself.
var everything, _ = atlas.NewPolicy([]atlas.Rule{{
	Action: setupAction, Reach: map[atlas.Role]atlas.Reach{atlas.Admin: atlas.Everywhere},
}}).Scope(atlas.Subject{
	Actor: atlas.Actor{Account: "system"}, Role: atlas.Admin, Path: "system", Status: atlas.Active,
}, setupAction)

// credential checks the names and the password of a new account and hashes
// the password; an empty password gives no credential.
func (s *Service) credential(ctx context.Context, a atlas.Account, password string) (string, error) {
	if err := atlas.CheckUsername(a.Username); err != nil {
		return "", err
	}
	if err := atlas.CheckText("display_name", a.DisplayName, 100); err != nil {
		return "", err
	}
	if err := identity.CheckPassword(a.Username, password); err != nil {
		return "", err
	}
	return s.opt.Passwords.Hash(ctx, password)
}

// insertAccount places a below parent and stores it with its credential.
func (w *work) insertAccount(ctx context.Context, a, parent atlas.Account, hash string) (atlas.Account, error) {
	a, err := a.Place(parent, w.s.opt.MaxDepth)
	if err != nil {
		return a, err
	}
	a.UsernameKey, a.Status = atlas.FoldUsername(a.Username), atlas.Active
	a.CreatedAt, a.UpdatedAt, a.Version = w.now, w.now, 1
	if err := w.tx.Accounts().Insert(ctx, a); err != nil {
		return a, err
	}
	c := identity.Credential{ID: a.ID, Hash: hash, ChangedAt: w.now}
	if err := w.tx.Identity().PutCredential(ctx, c); err != nil {
		return a, err
	}
	return a, w.audit(ctx, string(a.ID), a.Path, fact("role", a.Role))
}

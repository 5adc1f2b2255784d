package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store"
)

// errToken is the answer to every token that does not count, whatever the
// reason.
var errToken = fmt.Errorf("fleet: token does not count (%w)", atlas.ErrUnauthenticated)

// Authenticate returns the actor that a session token or API key stands for,
// or an ErrUnauthenticated. What the actor may do is decided by each call.
func (s *Service) Authenticate(ctx context.Context, token, origin string) (atlas.Actor, error) {
	a, err := s.actorOf(ctx, token)
	if err != nil && !isNotFound(err) && !errors.Is(err, atlas.ErrInvalid) && !errors.Is(err, atlas.ErrUnauthenticated) {
		return atlas.Actor{}, fmt.Errorf("fleet: authenticate: %w", err) // an outage says nothing about the token
	}
	if err != nil {
		s.record(ctx, security.Event{
			Class: security.ClassDenial, Severity: security.Low, Origin: origin, Action: "authenticate", Reason: "token does not count",
		})
		return atlas.Actor{}, errToken
	}
	a.Origin = origin
	return a, nil
}

func (s *Service) actorOf(ctx context.Context, token string) (atlas.Actor, error) {
	if strings.HasPrefix(token, "atl_") {
		return s.byKey(ctx, token)
	}
	hash, err := identity.HashToken(token)
	if err != nil {
		return atlas.Actor{}, err
	}
	now := s.Now()
	var session identity.Session
	err = s.store.View(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		session, err = tx.Identity().Session(ctx, hash)
		return err
	})
	if err != nil {
		return atlas.Actor{}, err
	}
	if !session.Live(now) {
		return atlas.Actor{}, errToken
	}
	if next, worth := s.opt.Sessions.Touch(session, now); worth {
		err := s.touchSession(ctx, hash, next)
		if isNotFound(err) {
			return atlas.Actor{}, err // it ended meanwhile
		}
		if err != nil {
			s.opt.Logger.WarnContext(ctx, "use of a session was not noted", "error", err)
		}
	}
	return atlas.Actor{Account: session.AccountID, Session: session.ID}, nil
}

// touchSession stores when a session was used, unless it ended meanwhile.
func (s *Service) touchSession(ctx context.Context, hash []byte, next identity.Session) error {
	return s.store.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		got, err := tx.Identity().Session(ctx, hash)
		if err != nil {
			return err
		}
		got.LastSeenAt, got.IdleUntil = next.LastSeenAt, next.IdleUntil
		return tx.Identity().SaveSession(ctx, got)
	})
}

func (s *Service) byKey(ctx context.Context, token string) (atlas.Actor, error) {
	id, hash, err := identity.ParseAPIToken(token)
	if err != nil {
		return atlas.Actor{}, err
	}
	now := s.Now()
	var key identity.APIKey
	err = s.store.View(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		key, err = tx.Identity().APIKey(ctx, id)
		return err
	})
	if err != nil {
		return atlas.Actor{}, err
	}
	if !identity.SameHash(hash, key.Hash) || !key.Live(now) {
		return atlas.Actor{}, errToken
	}
	if next, worth := key.Touch(now); worth {
		err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) error {
			got, err := tx.Identity().APIKey(ctx, id)
			if err != nil {
				return err
			}
			got.LastUsedAt = next.LastUsedAt
			return tx.Identity().SaveAPIKey(ctx, got)
		})
	}
	return atlas.Actor{Account: key.AccountID, Session: "key:" + key.ID, Only: actions(key.Scopes)}, err
}

// actions are the scopes of a key as actions. A key without scopes is good
// for nothing, which an empty list says and nil would not.
func actions(scopes []string) []atlas.Action {
	out := make([]atlas.Action, len(scopes))
	for i, sc := range scopes {
		out[i] = atlas.Action(sc)
	}
	return out
}

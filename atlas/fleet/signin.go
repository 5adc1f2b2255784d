package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store"
)

// Login is an attempt to sign in.
type Login struct {
	Username  string
	Password  string
	Origin    string // network address of the client
	UserAgent string // as the client says
	// Browser is the [SignedIn.Browser] of an earlier sign-in to the same
	// account, if the browser kept one. It gives that browser a count of
	// failures of its own, so that attackers elsewhere can't keep its owner
	// waiting.
	Browser string

	known string // the browser as NewLogin names it, once Browser was verified
}

// SignedIn is a new session. The token exists nowhere else.
type SignedIn struct {
	Token     string
	ExpiresAt time.Time
	Account   atlas.Account
	// Browser is to be kept by the browser for as long as it likes, and shown
	// at the next sign-in as [Login.Browser]. It opens nothing.
	Browser string
}

// loginAction names sign-ins in events; anybody may try.
const loginAction atlas.Action = "session.create"

// SignIn opens a session for the right password. A wrong password, an unknown
// username and an account without a password are all the same
// ErrUnauthenticated and take the same time. After failures it answers
// ErrLimited for a while (*identity.ThrottleError says how long). A suspended
// account with the right password gets ErrSuspended.
func (s *Service) SignIn(ctx context.Context, in Login) (SignedIn, error) {
	in.known = s.browsers.verify(in.Username, in.Browser)
	acc, hash, err := s.tryLogin(ctx, in)
	if err == nil {
		err = s.checkPassword(ctx, hash, in.Password)
	}
	var out SignedIn
	if err == nil {
		out, err = s.openSession(ctx, in, acc, hash)
	}
	s.recordLogin(ctx, in, acc, err)
	if err != nil {
		return SignedIn{}, fmt.Errorf("fleet: %s: %w", loginAction, err)
	}
	return out, nil
}

// tryLogin reads what the login is checked against and counts it as failed
// beforehand, so that guesses side by side are all counted.
func (s *Service) tryLogin(ctx context.Context, in Login) (acc atlas.Account, hash string, err error) {
	now := s.Now()
	err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		acc, hash = atlas.Account{}, ""
		l, err := loadLogin(ctx, tx, in)
		if err != nil {
			return err
		}
		if err := l.Allowed(now); err != nil {
			return err
		}
		if err := saveLogin(ctx, tx, l.Fail(now, s.opt.Throttle)); err != nil {
			return err
		}
		a, err := tx.Accounts().ByUsername(ctx, atlas.FoldUsername(in.Username))
		if isNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		c, err := tx.Identity().Credential(ctx, a.ID)
		if isNotFound(err) {
			return nil
		}
		acc, hash = a, c.Hash
		return err
	})
	return acc, hash, err
}

func loadLogin(ctx context.Context, tx store.Tx, in Login) (identity.Login, error) {
	l := identity.NewLogin(in.Username, in.Origin, in.known)
	for _, a := range []*identity.Attempts{&l.Account, &l.Source, &l.Pair} {
		got, err := tx.Identity().Attempts(ctx, a.ID)
		if err == nil {
			*a = got
		} else if !isNotFound(err) {
			return l, err
		}
	}
	return l, nil
}

func saveLogin(ctx context.Context, tx store.Tx, l identity.Login) error {
	for _, a := range []identity.Attempts{l.Account, l.Source, l.Pair} {
		if err := tx.Identity().PutAttempts(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

var errLogin = fmt.Errorf("wrong username or password (%w)", atlas.ErrUnauthenticated)

func (s *Service) checkPassword(ctx context.Context, hash, password string) error {
	if hash == "" {
		if err := s.opt.Passwords.VerifyNothing(ctx, password); err != nil {
			return err
		}
		return errLogin
	}
	ok, _, err := s.opt.Passwords.Verify(ctx, hash, password)
	if err == nil && !ok {
		err = errLogin
	}
	return err
}

// openSession stores a new session and takes back the failure that tryLogin
// counted, unless the password with that hash was changed meanwhile.
func (s *Service) openSession(ctx context.Context, in Login, acc atlas.Account, checked string) (SignedIn, error) {
	token, hash, err := identity.NewToken(s.opt.Random)
	if err != nil {
		return SignedIn{}, err
	}
	now := s.Now()
	session := s.opt.Sessions.Start(identity.Session{
		ID: s.opt.NewID(), AccountID: acc.ID, TokenHash: hash, Origin: in.Origin, UserAgent: in.UserAgent,
	}, now)
	event, err := audit.New(audit.Event{
		ID: s.opt.NewID(), At: now, ActorID: acc.ID, Action: string(loginAction), TargetID: session.ID, Path: acc.Path,
	})
	if err != nil {
		return SignedIn{}, err
	}
	err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		line, err := tx.Accounts().Line(ctx, acc.ID)
		if err != nil {
			return err
		}
		if st := atlas.Effective(line); st != atlas.Active {
			return atlas.ErrSuspended
		}
		c, err := tx.Identity().Credential(ctx, acc.ID)
		if err != nil {
			return err
		}
		if c.Hash != checked {
			return errLogin
		}
		if err := forgiveLogin(ctx, tx, in); err != nil {
			return err
		}
		if err := tx.Identity().InsertSession(ctx, session); err != nil {
			return err
		}
		return tx.Audit().Insert(ctx, event)
	})
	return SignedIn{Token: token, ExpiresAt: session.ExpiresAt, Account: acc, Browser: s.browsers.token(in)}, err
}

func forgiveLogin(ctx context.Context, tx store.Tx, in Login) error {
	l, err := loadLogin(ctx, tx, in)
	if err != nil {
		return err
	}
	return saveLogin(ctx, tx, forgive(l))
}

// forgive undoes the one failure that tryLogin counted for what turned out to
// be the right password; the failures of others stay.
func forgive(l identity.Login) identity.Login {
	l = l.Succeed()
	if l.Known {
		return l
	}
	for _, a := range []*identity.Attempts{&l.Account, &l.Source} {
		a.Failures = max(a.Failures-1, 0)
		if a.Failures == 0 {
			a.Until = time.Time{}
		}
	}
	return l
}

// recordLogin writes the security event of every attempt (M-061). An unknown
// username is not kept: people type passwords into the wrong field.
func (s *Service) recordLogin(ctx context.Context, in Login, acc atlas.Account, err error) {
	e := security.Event{
		Class: security.ClassLogin, Severity: security.Info, ActorID: acc.ID, Path: acc.Path, Origin: in.Origin,
		Action: string(loginAction), Reason: "success",
	}
	var wait *identity.ThrottleError
	switch {
	case err == nil:
	case errors.As(err, &wait):
		e.Class, e.Severity, e.Reason = security.ClassLimited, security.Medium, "too many attempts"
	case acc.ID == "":
		e.Severity, e.Reason = security.Low, "unknown username"
	case errors.Is(err, atlas.ErrSuspended):
		e.Severity, e.Reason = security.Medium, "account is not active"
	default:
		e.Severity, e.Reason = security.Medium, security.Reason(err)
	}
	s.record(ctx, e)
}

// SignOut ends the session with that token; of an unknown token it is no
// error.
func (s *Service) SignOut(ctx context.Context, token string) error {
	hash, err := identity.HashToken(token)
	if err != nil {
		return fmt.Errorf("fleet: sign out: %w", err)
	}
	err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		session, err := tx.Identity().Session(ctx, hash)
		if isNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return tx.Identity().DeleteSession(ctx, session.ID)
	})
	if err != nil {
		return fmt.Errorf("fleet: sign out: %w", err)
	}
	return nil
}

package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/store"
)

// Key is an idempotency key: text of up to 200 bytes that the caller made for
// one intention. Empty means that a repeat is a second time.
type Key string

// call is one call of a use case.
type call struct {
	actor  atlas.Actor
	action atlas.Action
	target string // id of what it is about, for security events
	key    Key
	// still are the accounts that the action must be allowed on when a saved
	// result is given again.
	still []atlas.AccountID
	input any // what a repeat with the same key must have again
}

// work is a call inside one run of its transaction.
type work struct {
	tx   store.Tx
	who  atlas.Subject
	now  time.Time
	s    *Service
	call *call
	ids  *ids
	used int // of ids in this run
}

// ids are made once and given again in the same order to every rerun, so that
// a rerun writes the same rows.
type ids struct {
	made []string
	make func() string
}

// id returns an identifier for a new record.
func (w *work) id() string {
	if w.used == len(w.ids.made) {
		w.ids.made = append(w.ids.made, w.ids.make())
	}
	w.used++
	return w.ids.made[w.used-1]
}

// write runs a use case that changes something. The subject's account and
// ancestors are read in the same transaction. A repeat with the same key
// returns the first result. What shows an Admin personal data is recorded as
// a disclosure, as in read.
func write[T any](ctx context.Context, s *Service, c call, fn func(ctx context.Context, w *work) (T, error)) (T, error) {
	var out T
	var who atlas.Subject
	now, made := s.Now(), &ids{make: s.opt.NewID}
	err := s.checkKey(c)
	if err == nil {
		err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) (err error) {
			w := &work{tx: tx, now: now, s: s, call: &c, ids: made}
			if who, err = s.subject(ctx, tx, c.actor); err != nil {
				return err
			}
			w.who = who
			out, err = once(ctx, w, fn)
			return err
		})
	}
	if err == nil {
		err = s.disclose(ctx, c, who)
	}
	if err != nil {
		var zero T
		return zero, s.failed(ctx, c, who, err)
	}
	return out, nil
}

// read runs a use case that changes nothing. An Admin's read of personal data
// is recorded as a disclosure.
func read[T any](ctx context.Context, s *Service, c call, fn func(ctx context.Context, w *work) (T, error)) (T, error) {
	var out T
	var who atlas.Subject
	err := s.store.View(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		if who, err = s.subject(ctx, tx, c.actor); err != nil {
			return err
		}
		out, err = fn(ctx, &work{tx: tx, who: who, now: s.Now(), s: s, call: &c, ids: &ids{make: s.opt.NewID}})
		return err
	})
	if err == nil {
		err = s.disclose(ctx, c, who)
	}
	if err != nil {
		var zero T
		return zero, s.failed(ctx, c, who, err)
	}
	return out, nil
}

// subject reads who the actor is. Nobody and an unknown account are both the
// zero Subject, which every decision refuses.
func (s *Service) subject(ctx context.Context, tx store.Tx, a atlas.Actor) (atlas.Subject, error) {
	if a.Account == "" {
		return atlas.Subject{}, fmt.Errorf("no actor: %w", atlas.ErrUnauthenticated)
	}
	line, err := tx.Accounts().Line(ctx, a.Account)
	if errors.Is(err, atlas.ErrNotFound) {
		return atlas.Subject{}, fmt.Errorf("unknown actor: %w", atlas.ErrUnauthenticated)
	}
	if err != nil {
		return atlas.Subject{}, err
	}
	return atlas.SubjectOf(a, line), nil
}

// may authorizes the call's action on r.
func (w *work) may(r atlas.Resource) error { return w.mayDo(w.call.action, r) }

func (w *work) mayDo(a atlas.Action, r atlas.Resource) error {
	return w.s.policy.Authorize(w.who, a, r)
}

// scope is may as a filter.
func (w *work) scope() (atlas.Scope, error) { return w.s.policy.Scope(w.who, w.call.action) }

// seen checks that a record just read may be touched by the call. It turns
// "not there" into the same refusal as "not yours".
func seen[R interface{ Resource() atlas.Resource }](w *work, r R, err error) (R, error) {
	if err == nil {
		err = w.may(r.Resource())
	} else if errors.Is(err, atlas.ErrNotFound) {
		// What is nobody's is refused in the words of what is somebody else's.
		if rerr := w.may(atlas.Resource{}); rerr != nil {
			err = rerr
		}
	}
	if err != nil {
		var zero R
		return zero, err
	}
	return r, nil
}

// audit writes the event of the call: what was done to which record, visible
// at the place given and above.
func (w *work) audit(ctx context.Context, target string, at atlas.Path, facts ...audit.Fact) error {
	return w.auditAs(ctx, string(w.call.action), target, at, facts...)
}

func (w *work) auditAs(ctx context.Context, action, target string, at atlas.Path, facts ...audit.Fact) error {
	e, err := audit.New(audit.Event{
		ID: w.id(), At: w.now, ActorID: w.who.Account, Impersonator: w.who.Impersonator,
		Action: action, TargetID: target, Path: at,
	}, facts...)
	if err != nil {
		return err
	}
	return w.tx.Audit().Insert(ctx, e)
}

// fact builds a detail of an audit event.
func fact(name string, value any) audit.Fact {
	return audit.Fact{Name: name, Value: fmt.Sprint(value)}
}

package fleet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store"
)

// failed wraps the error of a call once. If it is a refusal it is recorded,
// in a transaction of its own and even if the caller has gone away.
func (s *Service) failed(ctx context.Context, c call, who atlas.Subject, err error) error {
	err = fmt.Errorf("fleet: %s: %w", c.action, unnamed(err, c.action))
	class, severity, refused := security.Refusal(err)
	if !refused {
		return err
	}
	s.record(ctx, security.Event{
		Class: class, Severity: severity, ActorID: c.actor.Account, Origin: c.actor.Origin,
		Action: string(c.action), TargetID: c.target, Path: who.Path, Reason: security.Reason(err),
	})
	return err
}

// unnamed avoids the action's name twice in the text of a refusal.
func unnamed(err error, a atlas.Action) error {
	var r *atlas.Refusal
	if errors.As(err, &r) && r.Action == a {
		return brief{r}
	}
	return err
}

// brief is a refusal without its action in the text.
type brief struct{ *atlas.Refusal }

func (b brief) Error() string { return "not allowed or not there" }
func (b brief) Unwrap() error { return b.Refusal }

// eventTimeout bounds writing a security event after the caller went away.
const eventTimeout = 5 * time.Second

// record writes a security event on the separate handle. It can't be returned
// to anybody if that fails, so it is logged; the refusal stands.
//
// Events of nobody known are bounded (see [strangers]), so that a scanner of
// the network can't fill the store.
func (s *Service) record(ctx context.Context, e security.Event) {
	if e.ActorID == "" && e.DeviceID == "" {
		dropped, ok := s.strangers.admit(identity.SourcePrefix(e.Origin), s.Now())
		if !ok {
			return
		}
		if dropped > 0 {
			e.Reason += fmt.Sprintf("; %d further events of strangers were not kept", dropped)
		}
	}
	e.ID, e.At, e.Tenant = s.opt.NewID(), s.Now(), e.Path.Tenant()
	e.TargetID = atlas.CleanText(e.TargetID, atlas.MaxID)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	err := s.events.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		return tx.Security().Insert(ctx, e)
	})
	if err != nil {
		s.opt.Logger.ErrorContext(ctx, "security event was not written", "class", e.Class, "action", e.Action, "error", err)
	}
}

// disclose records that an Admin read personal data, and for what purpose
// (M-024): once an hour for the same session, action, purpose and target, so
// that a page that refreshes itself is one disclosure. Reading one's own
// account discloses nothing.
func (s *Service) disclose(ctx context.Context, c call, who atlas.Subject) error {
	rule, _ := s.policy.Rule(c.action)
	if !rule.Personal || who.Role != atlas.Admin || c.target == string(who.Account) {
		return nil
	}
	hour := s.Now().Truncate(time.Hour)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", who.Account, who.Session, c.action, who.Purpose, c.target))
	id := atlas.NewIDFrom(hour, bytes.NewReader(sum[:]))
	if s.told.before(hour, id) {
		return nil
	}
	e, err := audit.New(audit.Event{
		ID: id, At: s.Now(), ActorID: who.Account, Impersonator: who.Impersonator, Action: "disclosure", TargetID: c.target, Path: who.Path,
	}, fact("action", c.action), fact("purpose", who.Purpose))
	if err != nil {
		return err
	}
	err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Audit().Insert(ctx, e); !errors.Is(err, atlas.ErrExists) {
			return err
		}
		return nil
	})
	if err == nil {
		s.told.add(id)
	}
	return err
}

// told remembers which disclosures of the hour are written already, to spare
// the statement. The store decides; forgetting does no harm.
type told struct {
	mu   sync.Mutex
	hour time.Time
	ids  map[string]bool
}

func (t *told) before(hour time.Time, id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.hour.Equal(hour) {
		t.hour, t.ids = hour, map[string]bool{}
	}
	return t.ids[id]
}

func (t *told) add(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ids[id] = true
}

package fleet

import (
	"context"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/store"
)

// codeGuesses slows down guessing codes from one network: a person who
// mistypes does not notice it.
var codeGuesses = identity.ThrottleRule{Free: 20, Base: time.Second, Max: 10 * time.Minute, Decay: time.Hour}

// guessing returns an ErrLimited while the source of the request has to wait,
// and counts one more wrong code if failed.
func (s *Service) guessing(ctx context.Context, origin string, failed bool) error {
	now, id := s.Now(), "code:"+identity.SourcePrefix(origin)
	run := s.store.View
	if failed {
		run = s.store.Update
	}
	return run(ctx, func(ctx context.Context, tx store.Tx) error {
		a, err := tx.Identity().Attempts(ctx, id)
		if err != nil && !isNotFound(err) {
			return err
		}
		if a.ID = id; failed {
			return tx.Identity().PutAttempts(ctx, a.Fail(now, codeGuesses))
		}
		if !a.Allowed(now) {
			return &identity.ThrottleError{RetryAfter: a.Until.Sub(now)}
		}
		return nil
	})
}

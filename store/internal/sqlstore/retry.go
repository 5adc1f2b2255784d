package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// DefaultAttempts is how often a transaction runs at most. With the waits
// between them that is about a second of losing every race.
const DefaultAttempts = 30

const (
	firstWait = time.Millisecond
	maxWait   = 50 * time.Millisecond
)

// retry runs fn until it neither loses a race nor returns an ErrStale. What
// it returns after the last attempt wraps ErrStale.
func (c *Config) retry(ctx context.Context, fn func() error) error {
	attempts := c.Attempts
	if attempts <= 0 {
		attempts = DefaultAttempts
	}
	for n := 1; ; n++ {
		err := fn()
		if err == nil {
			return nil
		}
		if cause := ctx.Err(); cause != nil {
			return because(err, cause)
		}
		stale := errors.Is(err, atlas.ErrStale)
		if !stale && !c.LostRace(err) {
			return err
		}
		if n == attempts {
			return because(err, atlas.ErrStale)
		}
		if cause := wait(ctx, n); cause != nil {
			return because(err, cause)
		}
	}
}

// because returns err so that it wraps cause too: drivers report a cancelled
// context and a lost race in words of their own.
func because(err, cause error) error {
	if errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("store: %w: %w", cause, err)
}

// wait waits a random time, so that those who met part; the longer the more
// often they did.
func wait(ctx context.Context, attempt int) error {
	most := min(firstWait<<min(attempt, 10), maxWait)
	t := time.NewTimer(time.Duration(rand.Int64N(int64(most))))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

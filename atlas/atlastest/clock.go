package atlastest

import (
	"sync"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Clock is a clock that stands still until a test moves it. Its method Now is
// an atlas.Clock. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows t, as stores keep it: in UTC, cut to
// the microsecond.
func NewClock(t time.Time) *Clock { return &Clock{now: atlas.Instant(t)} }

// Now returns what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward by d, or back if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = atlas.Instant(c.now.Add(d))
}

// Set makes the clock show t.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = atlas.Instant(t)
}

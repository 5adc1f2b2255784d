package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Hand is how [Claim] hands out work.
type Hand struct {
	// Max is the most commands at once; 0 means 16.
	Max int
	// Lease is how long the device has to answer; 0 means [DefaultLease].
	Lease time.Duration
	// Allow decides about each command at the moment of delivery, because
	// roles and owners change while a command waits (M-069). A command it
	// refuses is cancelled; one it returns [ErrLater] for stays in the queue.
	// It is required.
	Allow func(ctx context.Context, c Command) error
}

// ErrLater is returned by [Hand.Allow] for a command that is to wait.
var ErrLater = fmt.Errorf("commands: not now (%w)", atlas.ErrRefused)

// Scan bounds how many open commands of one device are looked at, and so how
// many it should ever have.
const Scan = 256

// Claim hands out the commands of d that are due at now, highest priority
// first and in order within it, each under a lease. What is past its time is
// ended on the way.
func Claim(ctx context.Context, q Queue, d atlas.DeviceID, now time.Time, h Hand) ([]Command, error) {
	open, err := q.Open(ctx, d, Scan)
	if err != nil {
		return nil, fmt.Errorf("commands: open of %s: %w", d, err)
	}
	limit := h.Max
	if limit == 0 {
		limit = 16
	}
	var out []Command
	for _, c := range open {
		if len(out) == limit {
			break
		}
		c, given, err := h.next(ctx, c, now)
		if err != nil {
			return nil, err
		}
		if c.Version == 0 {
			continue
		}
		if err := q.Save(ctx, c); err != nil {
			return nil, fmt.Errorf("commands: save %s: %w", c.ID, err)
		}
		if given {
			c.Version++
			out = append(out, c)
		}
	}
	return out, nil
}

// next returns what becomes of one open command: the zero Command if nothing.
func (h Hand) next(ctx context.Context, c Command, now time.Time) (Command, bool, error) {
	if c.Late(now) {
		c, err := c.Finish(Expired, now)
		return c, false, err
	}
	if !c.Due(now) {
		return Command{}, false, nil
	}
	switch err := h.Allow(ctx, c); {
	case err == nil:
	case isLater(err):
		return Command{}, false, nil
	case isRefusal(err):
		c, err := c.Finish(Cancelled, now)
		return c, false, err
	default:
		return Command{}, false, err
	}
	if c.State == Acknowledged { // silent for too long: hand it out again
		c.State = Delivered
	}
	lease := h.Lease
	if lease == 0 {
		lease = DefaultLease
	}
	c, err := c.Deliver(now, lease)
	return c, true, err
}

// Receive applies a device's report to its command and returns it, with
// whether anything changed. A command that is not the device's own is an
// ErrNotFound.
func Receive(ctx context.Context, q Queue, d atlas.DeviceID, r Report, now time.Time) (Command, bool, error) {
	c, err := q.Command(ctx, r.CommandID)
	if err != nil {
		return Command{}, false, fmt.Errorf("commands: report on %s: %w", atlas.CleanText(r.CommandID, atlas.MaxID), err)
	}
	if c.DeviceID != d {
		return Command{}, false, fmt.Errorf("commands: report on another device's command: %w", atlas.ErrNotFound)
	}
	next, changed, err := c.Apply(r, now)
	if err != nil || !changed {
		return c, false, err
	}
	if err := q.Save(ctx, next); err != nil {
		return Command{}, false, fmt.Errorf("commands: save %s: %w", c.ID, err)
	}
	next.Version++
	return next, true, nil
}

func isLater(err error) bool { return errors.Is(err, ErrLater) }

func isRefusal(err error) bool {
	for _, kind := range []error{atlas.ErrDenied, atlas.ErrNotFound, atlas.ErrRefused, atlas.ErrUnauthenticated} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

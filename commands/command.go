package commands

import (
	"context"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Command is one instruction to one device.
type Command struct {
	ID         string          `data:"command"`
	CampaignID string          `data:"command"` // empty: sent to this device alone
	DeviceID   atlas.DeviceID  `data:"device.ref"`
	Path       atlas.Path      `data:"account.role"` // the device's
	Tenant     atlas.AccountID `data:"account.ref"`  // the device's
	Kind       Kind            `data:"command"`
	Params     []byte          `data:"command"` // JSON, checked by the kind
	RefID      string          `data:"command"` // the package it installs or removes, if any
	Priority   int64           `data:"command"` // higher first
	NotBefore  time.Time       `data:"command"`
	ExpiresAt  time.Time       `data:"command"`
	DedupKey   string          `data:"command"` // unique per device among the unfinished; empty: none
	State      State           `data:"command"`
	Attempt    int64           `data:"command"` // counts executions asked for, from 1
	Attempts   int64           `data:"command"` // the most there may be
	LeaseUntil time.Time       `data:"command"`
	ByID       atlas.AccountID `data:"account.ref"`
	CreatedAt  time.Time       `data:"command"`
	SentAt     time.Time       `data:"command"` // first delivery
	FinishedAt time.Time       `data:"command"`
	Detail     string          `data:"command"` // what the device reported; hostile text, cleaned
	Version    int64           `data:"none"`
}

// Resource returns the command as something to be authorized on.
func (c Command) Resource() atlas.Resource { return atlas.Resource{Path: c.Path} }

// Bounds of a command.
const (
	MaxParams    = 16 << 10
	MaxDetail    = 4000
	MaxPriority  = 100
	DefaultLife  = 7 * 24 * time.Hour
	MaxLife      = 90 * 24 * time.Hour
	DefaultLease = 2 * time.Minute
	// BusyLease is how long an acknowledged command may run before it is
	// handed out again: downloads on slow networks take their time.
	BusyLease = 30 * time.Minute
	// Backoff is the wait before the second attempt; each further one doubles it.
	Backoff    = 30 * time.Second
	MaxBackoff = time.Hour
)

// Queue is what this package needs of storage, inside one transaction.
type Queue interface {
	// Insert adds all commands with Version 1, or none and ErrExists if an ID
	// is taken, an unfinished command of the device has the same DedupKey, or
	// the device has a command of that campaign.
	Insert(ctx context.Context, cs []Command) error
	// Command returns the command id, or ErrNotFound.
	Command(ctx context.Context, id string) (Command, error)
	// Save writes c and adds one to its Version. It returns ErrStale unless
	// c.Version is the stored one.
	Save(ctx context.Context, c Command) error
	// Open returns at most limit commands of the device that are not at an
	// end, highest Priority first and then by ID.
	Open(ctx context.Context, d atlas.DeviceID, limit int) ([]Command, error)
}

// Deliver returns the command as it is while the device holds it, until the
// lease ends.
func (c Command) Deliver(now time.Time, lease time.Duration) (Command, error) {
	c, err := c.to(Delivered)
	if err != nil {
		return c, err
	}
	if c.SentAt.IsZero() {
		c.SentAt = now
	}
	if c.Attempt == 0 {
		c.Attempt = 1
	}
	c.LeaseUntil = now.Add(lease)
	return c, nil
}

// Due reports whether the command may be handed out at now: it waits in the
// queue, or its lease ended without a word from the device.
func (c Command) Due(now time.Time) bool {
	if now.Before(c.NotBefore) || c.Late(now) {
		return false
	}
	return c.State == Queued || !c.State.Final() && !now.Before(c.LeaseUntil)
}

// Late reports whether the command's time is over at now.
func (c Command) Late(now time.Time) bool { return !now.Before(c.ExpiresAt) }

// Finish returns the command at an end that is not the device's word:
// Expired, Cancelled or Superseded.
func (c Command) Finish(end State, now time.Time) (Command, error) {
	c, err := c.to(end)
	if err == nil {
		c.FinishedAt = now
	}
	return c, err
}

// Outcome is what a device says of an attempt.
type Outcome string

// The outcomes. OutcomeUnsupported ends a command at once: trying again can't
// help.
const (
	OutcomeAcknowledged Outcome = "acknowledged"
	OutcomeSucceeded    Outcome = "succeeded"
	OutcomeFailed       Outcome = "failed"
	OutcomeUnsupported  Outcome = "unsupported"
)

// Report is what a device says of one command.
type Report struct {
	CommandID string
	Attempt   int64
	Outcome   Outcome
	Detail    string
}

// Apply returns the command after the report r arrived at now, and whether
// anything changed. A report about a finished command or an attempt that is
// over changes nothing: it is a repeat of one whose answer was lost, or too
// late. An outcome that is not one of the list is an ErrInvalid.
func (c Command) Apply(r Report, now time.Time) (Command, bool, error) {
	if c.State.Final() || r.Attempt != c.Attempt || c.State == Queued {
		return c, false, nil
	}
	next, err := c.after(r.Outcome)
	if err != nil || c.State == Acknowledged && next == Acknowledged {
		return c, false, err
	}
	c, err = c.to(next)
	if err != nil {
		return c, false, err
	}
	c.Detail = atlas.CleanText(r.Detail, MaxDetail)
	switch next {
	case Queued:
		c.NotBefore, c.LeaseUntil = now.Add(backoff(c.Attempt)), time.Time{}
		c.Attempt++
	case Acknowledged:
		c.LeaseUntil = now.Add(BusyLease)
	default:
		c.FinishedAt = now
	}
	return c, true, nil
}

func (c Command) after(o Outcome) (State, error) {
	switch o {
	case OutcomeAcknowledged:
		return Acknowledged, nil
	case OutcomeSucceeded:
		return Succeeded, nil
	case OutcomeUnsupported:
		return Failed, nil
	case OutcomeFailed:
		if c.Attempt < c.Attempts {
			return Queued, nil
		}
		return Failed, nil
	}
	return "", atlas.Invalid("outcome", "is none of acknowledged, succeeded, failed, unsupported")
}

func backoff(attempt int64) time.Duration {
	d := Backoff
	for range min(attempt-1, 16) {
		d *= 2
	}
	return min(d, MaxBackoff)
}

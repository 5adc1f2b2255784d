package activation

import (
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/ledger"
)

// Errors of redeeming a code.
var (
	// ErrUnknown means that there is no such code.
	ErrUnknown = fmt.Errorf("activation: unknown code (%w)", atlas.ErrNotFound)
	// ErrUsed means that as many devices as the plan allows redeemed it.
	ErrUsed = fmt.Errorf("activation: code is used up (%w)", atlas.ErrRefused)
	// ErrExpired means that the code's time is over.
	ErrExpired = fmt.Errorf("activation: code expired (%w)", atlas.ErrRefused)
	// ErrSuspended means that the code is suspended for now.
	ErrSuspended = fmt.Errorf("activation: code is suspended (%w)", atlas.ErrRefused)
	// ErrRevoked means that the code was withdrawn for good.
	ErrRevoked = fmt.Errorf("activation: code is revoked (%w)", atlas.ErrRefused)
)

func unknown(err error) error {
	if errors.Is(err, atlas.ErrNotFound) {
		return ErrUnknown
	}
	return fmt.Errorf("activation: look up code: %w", err)
}

// State is where a code is in its life (M-029).
type State string

// The states of a code.
const (
	Issued    State = "issued"    // nobody used it yet
	Reserved  State = "reserved"  // kept for a device that is about to redeem it
	Active    State = "active"    // at least one device runs on it
	Suspended State = "suspended" // a pause: its devices are not verified
	Expired   State = "expired"   // not redeemed in time
	Revoked   State = "revoked"   // withdrawn for good
)

// Code is one activation code. The code itself is not in it; see [Keys].
type Code struct {
	ID        string          `data:"activation"`
	BatchID   string          `data:"activation"` // issued together
	PlanID    string          `data:"activation"`
	OwnerID   atlas.AccountID `data:"account.ref"`
	Path      atlas.Path      `data:"account.role"` // the owner's
	Tenant    atlas.AccountID `data:"account.ref"`  // the owner's
	Prefix    string          `data:"activation"`
	Lookup    []byte          `data:"activation.secret"` // keyed hash; unique
	Sealed    []byte          `data:"activation.secret"` // the code, encrypted
	State     State           `data:"activation"`
	Before    State           `data:"activation"` // the state that a suspension will return to
	Price     ledger.Credits  `data:"credit"`     // for each device, as it was at issue
	HoldID    string          `data:"credit"`     // empty when paid at issue
	Devices   int64           `data:"activation"` // that may redeem it
	Used      int64           `data:"activation"` // that did
	Note      string          `data:"activation"`
	IssuedBy  atlas.AccountID `data:"account.ref"`
	IssuedAt  time.Time       `data:"activation"`
	RedeemBy  time.Time       `data:"activation"` // zero: for ever
	FirstUsed time.Time       `data:"activation"`
	Version   int64           `data:"none"`
}

// Resource returns the code as something to be authorized on.
func (c Code) Resource() atlas.Resource { return atlas.Resource{Path: c.Path} }

// Redeem returns the code after one more device used it at now.
func (c Code) Redeem(now time.Time) (Code, error) {
	if err := c.usable(now); err != nil {
		return Code{}, err
	}
	if c.Used == 0 {
		c.FirstUsed = now
	}
	c.Used++
	c.State = Active
	return c, nil
}

func (c Code) usable(now time.Time) error {
	switch c.State {
	case Suspended:
		return ErrSuspended
	case Revoked:
		return ErrRevoked
	case Expired:
		return ErrExpired
	case Issued, Reserved, Active:
	default:
		return fmt.Errorf("activation: code %s in unknown state %q: %w", c.ID, c.State, atlas.ErrRefused)
	}
	if c.late(now) {
		return ErrExpired
	}
	if c.Used >= c.Devices {
		return ErrUsed
	}
	return nil
}

func (c Code) late(now time.Time) bool { return !c.RedeemBy.IsZero() && !now.Before(c.RedeemBy) }

// Unspent returns the credits that are still set aside for devices that have
// not redeemed the code.
func (c Code) Unspent() ledger.Credits {
	if c.HoldID == "" {
		return 0
	}
	return c.Price * ledger.Credits(c.Devices-c.Used)
}

// Suspend returns the code as a pause leaves it: it can't be redeemed and its
// devices fail their daily verification.
func (c Code) Suspend() (Code, error) {
	if c.State != Issued && c.State != Active && c.State != Reserved {
		return Code{}, c.forbids(Suspended)
	}
	c.Before, c.State = c.State, Suspended
	return c, nil
}

// Resume ends a pause.
func (c Code) Resume() (Code, error) {
	if c.State != Suspended || c.Before == "" {
		return Code{}, c.forbids(Active)
	}
	c.State, c.Before = c.Before, ""
	return c, nil
}

// Revoke withdraws the code for good, and with it the activation of its
// devices.
func (c Code) Revoke() (Code, error) {
	if c.State == Revoked || c.State == Expired {
		return Code{}, c.forbids(Revoked)
	}
	c.State, c.Before = Revoked, ""
	return c, nil
}

// Expire returns the code after its time to be redeemed ran out unused.
func (c Code) Expire(now time.Time) (Code, error) {
	if c.Used > 0 || !c.late(now) || c.State == Revoked || c.State == Expired {
		return Code{}, c.forbids(Expired)
	}
	c.State, c.Before = Expired, ""
	return c, nil
}

// Lapse returns the code after its time to be redeemed ran out: expired if
// nobody used it, otherwise as it is for its devices and closed to others.
func (c Code) Lapse(now time.Time) (Code, error) {
	if c.Used == 0 {
		return c.Expire(now)
	}
	if !c.late(now) || c.Used >= c.Devices {
		return Code{}, c.forbids(Expired)
	}
	c.Devices = c.Used
	return c, nil
}

func (c Code) forbids(next State) error {
	return fmt.Errorf("activation: code %s is %s, can't become %s: %w", c.ID, c.State, next, atlas.ErrTransition)
}

// Sustains returns nil if a device activated by this code until the given
// time (zero: without end) may be verified at now, or the reason why not.
func (c Code) Sustains(until, now time.Time) error {
	switch {
	case c.State == Suspended:
		return ErrSuspended
	case c.State == Revoked:
		return ErrRevoked
	case c.State != Active:
		return fmt.Errorf("activation: code %s is %s: %w", c.ID, c.State, atlas.ErrRefused)
	case !until.IsZero() && !now.Before(until):
		return ErrExpired
	}
	return nil
}

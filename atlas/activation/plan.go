package activation

import (
	"context"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/ledger"
)

// Charge is the moment at which a code is paid for. It is explicit on every
// plan, because resellers differ in what they expect.
type Charge string

// The moments of charging.
const (
	// ChargeOnIssue takes the credits when the code is made. Revoking an
	// unused code does not bring them back; a refund does.
	ChargeOnIssue Charge = "on_issue"
	// ChargeOnRedeem sets the credits aside when the code is made and takes
	// them when a device redeems it. Revoking an unused code releases them.
	ChargeOnRedeem Charge = "on_redeem"
)

// Plan is what a code gives to a device and what it costs.
type Plan struct {
	ID          string          `data:"activation"`
	Name        string          `data:"none"`
	Days        int64           `data:"activation"` // length of an activation; 0: without end
	Devices     int64           `data:"activation"` // devices that may redeem one code
	Price       ledger.Credits  `data:"credit"`     // for each device
	Charge      Charge          `data:"credit"`
	GraceHours  int64           `data:"activation"` // how long a missed daily verification is forgiven
	RedeemDays  int64           `data:"activation"` // how long a code can be redeemed; 0: without end
	CreatedByID atlas.AccountID `data:"account.ref"`
	CreatedAt   time.Time       `data:"none"`
	Version     int64           `data:"none"`
}

// VerifyEvery is how often an activation is to be verified by the backend
// (M-037).
const VerifyEvery = 24 * time.Hour

// Check returns an ErrInvalid unless the plan makes sense.
func (p Plan) Check() error {
	if p.Name == "" {
		return atlas.Invalid("name", "is needed")
	}
	if err := atlas.CheckText("name", p.Name, 100); err != nil {
		return err
	}
	for _, f := range []struct {
		name            string
		value, min, max int64
	}{
		{"days", p.Days, 0, 36500},
		{"devices", p.Devices, 1, 10000},
		{"price", int64(p.Price), 0, int64(ledger.MaxAmount) / 1_000_000_000},
		{"grace_hours", p.GraceHours, 0, 24 * 30},
		{"redeem_days", p.RedeemDays, 0, 36500},
	} {
		if f.value < f.min || f.value > f.max {
			return atlas.Invalid(f.name, "must be between %d and %d", f.min, f.max)
		}
	}
	if p.Charge != ChargeOnIssue && p.Charge != ChargeOnRedeem {
		return atlas.Invalid("charge", "must be %s or %s", ChargeOnIssue, ChargeOnRedeem)
	}
	return nil
}

// Cost returns the credits of one code: its price times its devices.
func (p Plan) Cost() ledger.Credits { return p.Price * ledger.Credits(p.Devices) }

// Until returns when an activation that begins at now ends; the zero time
// means never.
func (p Plan) Until(now time.Time) time.Time { return after(now, p.Days) }

// RedeemBy returns until when a code issued at now can be redeemed; the zero
// time means for ever.
func (p Plan) RedeemBy(now time.Time) time.Time { return after(now, p.RedeemDays) }

func after(now time.Time, days int64) time.Time {
	if days == 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(days) * 24 * time.Hour)
}

// Grace returns how long after a missed verification the device still works.
func (p Plan) Grace() time.Duration { return time.Duration(p.GraceHours) * time.Hour }

// Codes is what this package needs of storage, inside one transaction.
type Codes interface {
	// ByLookup returns the code with that [Keys.Lookup], or ErrNotFound.
	ByLookup(ctx context.Context, lookup []byte) (Code, error)
	// Code returns the code id, or ErrNotFound.
	Code(ctx context.Context, id string) (Code, error)
	// InsertCodes adds all codes with Version 1, or none and ErrExists if an
	// ID or Lookup is taken.
	InsertCodes(ctx context.Context, codes []Code) error
	// SaveCode writes c and adds one to its Version. It returns ErrStale
	// unless c.Version is the stored one.
	SaveCode(ctx context.Context, c Code) error
	// Plan returns the plan id, or ErrNotFound.
	Plan(ctx context.Context, id string) (Plan, error)
	// InsertPlan adds p with Version 1, or returns ErrExists.
	InsertPlan(ctx context.Context, p Plan) error
}

// Redeem uses the code with the given lookup for one device at now and
// returns it, as saved, with its plan. It returns [ErrUnknown], [ErrUsed],
// [ErrExpired], [ErrSuspended] or [ErrRevoked].
func Redeem(ctx context.Context, s Codes, lookup []byte, now time.Time) (Code, Plan, error) {
	c, err := s.ByLookup(ctx, lookup)
	if err != nil {
		return Code{}, Plan{}, unknown(err)
	}
	p, err := s.Plan(ctx, c.PlanID)
	if err != nil {
		return Code{}, Plan{}, fmt.Errorf("activation: plan %s: %w", c.PlanID, err)
	}
	c, err = c.Redeem(now)
	if err != nil {
		return Code{}, Plan{}, err
	}
	if err := s.SaveCode(ctx, c); err != nil {
		return Code{}, Plan{}, fmt.Errorf("activation: save code %s: %w", c.ID, err)
	}
	c.Version++
	return c, p, nil
}

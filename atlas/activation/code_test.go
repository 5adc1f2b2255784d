package activation_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/ledger"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

var states = []activation.State{
	activation.Issued, activation.Reserved, activation.Active, activation.Suspended, activation.Expired, activation.Revoked, "", "unknown",
}

func in(s activation.State) activation.Code {
	return activation.Code{ID: "c", State: s, Devices: 2, RedeemBy: at.Add(time.Hour)}
}

// The whole table: what each event does to a fresh code in each state. An
// empty cell is a refusal.
func TestACodeGoesThroughItsStatesByTheWholeTable(t *testing.T) {
	t.Parallel()
	events := map[string]func(activation.Code) (activation.Code, error){
		"redeem":  func(c activation.Code) (activation.Code, error) { return c.Redeem(at) },
		"suspend": activation.Code.Suspend,
		"revoke":  activation.Code.Revoke,
		"expire":  func(c activation.Code) (activation.Code, error) { return c.Expire(c.RedeemBy) },
		"resume": func(c activation.Code) (activation.Code, error) {
			c.Before = activation.Issued
			return c.Resume()
		},
	}
	table := map[string]map[activation.State]activation.State{
		"redeem":  {activation.Issued: activation.Active, activation.Reserved: activation.Active, activation.Active: activation.Active},
		"suspend": {activation.Issued: activation.Suspended, activation.Reserved: activation.Suspended, activation.Active: activation.Suspended},
		"resume":  {activation.Suspended: activation.Issued},
		"revoke": {
			activation.Issued: activation.Revoked, activation.Reserved: activation.Revoked, activation.Active: activation.Revoked,
			activation.Suspended: activation.Revoked, "": activation.Revoked, "unknown": activation.Revoked,
		},
		"expire": {
			activation.Issued: activation.Expired, activation.Reserved: activation.Expired, activation.Active: activation.Expired,
			activation.Suspended: activation.Expired, "": activation.Expired, "unknown": activation.Expired,
		},
	}
	for name, event := range events {
		for _, s := range states {
			got, err := event(in(s))
			want, allowed := table[name][s]
			if !allowed {
				require.ErrorIs(t, err, atlas.ErrRefused, "%s in %q", name, s)
				require.Zero(t, got)
				continue
			}
			require.NoError(t, err, "%s in %q", name, s)
			require.Equal(t, want, got.State, "%s in %q", name, s)
		}
	}
}

func TestTheReasonsForNotRedeeming(t *testing.T) {
	t.Parallel()
	for s, want := range map[activation.State]error{
		activation.Suspended: activation.ErrSuspended, activation.Revoked: activation.ErrRevoked, activation.Expired: activation.ErrExpired,
	} {
		_, err := in(s).Redeem(at)
		require.ErrorIs(t, err, want)
	}
	_, err := in(activation.Issued).Redeem(at.Add(time.Hour))
	require.ErrorIs(t, err, activation.ErrExpired)
	_, err = in(activation.Issued).Redeem(at.Add(time.Hour - 1))
	require.NoError(t, err)
	forever := in(activation.Issued)
	forever.RedeemBy = time.Time{}
	_, err = forever.Redeem(at.AddDate(100, 0, 0))
	require.NoError(t, err)
}

func TestACodeIsUsedByAsManyDevicesAsItSays(t *testing.T) {
	t.Parallel()
	c := in(activation.Issued)
	c.Price, c.HoldID = 5, "h"
	require.EqualValues(t, 10, c.Unspent())
	c, err := c.Redeem(at)
	require.NoError(t, err)
	require.Equal(t, at, c.FirstUsed)
	require.EqualValues(t, 5, c.Unspent())
	c, err = c.Redeem(at.Add(time.Minute))
	require.NoError(t, err)
	require.Equal(t, at, c.FirstUsed)
	require.EqualValues(t, 2, c.Used)
	require.Zero(t, c.Unspent())
	_, err = c.Redeem(at)
	require.ErrorIs(t, err, activation.ErrUsed)
}

func TestAPauseReturnsToTheStateBefore(t *testing.T) {
	t.Parallel()
	for _, s := range []activation.State{activation.Issued, activation.Reserved, activation.Active} {
		c, err := in(s).Suspend()
		require.NoError(t, err)
		c, err = c.Resume()
		require.NoError(t, err)
		require.Equal(t, in(s), c)
	}
	_, err := in(activation.Suspended).Resume()
	require.ErrorIs(t, err, atlas.ErrTransition, "it does not say to what")
}

func TestOnlyAnUnusedCodeExpires(t *testing.T) {
	t.Parallel()
	_, err := in(activation.Issued).Expire(at.Add(time.Hour - 1))
	require.ErrorIs(t, err, atlas.ErrTransition)
	used := in(activation.Active)
	used.Used = 1
	_, err = used.Expire(at.Add(time.Hour))
	require.ErrorIs(t, err, atlas.ErrTransition)
}

func TestOnlyAnActiveCodeSustainsADevice(t *testing.T) {
	t.Parallel()
	for _, s := range states {
		err := in(s).Sustains(time.Time{}, at)
		if s == activation.Active {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, atlas.ErrRefused, s)
		}
	}
	require.NoError(t, in(activation.Active).Sustains(at.Add(1), at))
	require.ErrorIs(t, in(activation.Active).Sustains(at, at), activation.ErrExpired)
}

func plan() activation.Plan {
	return activation.Plan{ID: "p", Name: "Plan", Days: 30, Devices: 2, Price: 5, Charge: activation.ChargeOnRedeem, GraceHours: 48, RedeemDays: 7}
}

func TestAPlanIsChecked(t *testing.T) {
	t.Parallel()
	require.NoError(t, plan().Check())
	for name, change := range map[string]func(*activation.Plan){
		"name": func(p *activation.Plan) { p.Name = "" }, "name with a control": func(p *activation.Plan) { p.Name = "a\x00" },
		"negative days": func(p *activation.Plan) { p.Days = -1 }, "days": func(p *activation.Plan) { p.Days = 36501 },
		"no devices": func(p *activation.Plan) { p.Devices = 0 }, "devices": func(p *activation.Plan) { p.Devices = 10001 },
		"price": func(p *activation.Plan) { p.Price = -1 }, "much": func(p *activation.Plan) { p.Price = ledger.MaxAmount },
		"grace": func(p *activation.Plan) { p.GraceHours = 721 }, "redeem": func(p *activation.Plan) { p.RedeemDays = -1 },
		"charge": func(p *activation.Plan) { p.Charge = "" },
	} {
		p := plan()
		change(&p)
		require.ErrorIs(t, p.Check(), atlas.ErrInvalid, name)
	}
}

func TestAPlanSaysHowLongAndHowMuch(t *testing.T) {
	t.Parallel()
	p := plan()
	require.EqualValues(t, 10, p.Cost())
	require.Equal(t, at.Add(30*24*time.Hour), p.Until(at))
	require.Equal(t, at.Add(7*24*time.Hour), p.RedeemBy(at))
	require.Equal(t, 48*time.Hour, p.Grace())
	p.Days, p.RedeemDays = 0, 0
	require.Zero(t, p.Until(at))
	require.Zero(t, p.RedeemBy(at))
	p.Price, p.Devices = ledger.MaxAmount/1_000_000_000, 10000
	require.NoError(t, p.Check())
	require.LessOrEqual(t, p.Cost(), ledger.MaxAmount, "the dearest code can be paid")
}

// codes is one transaction of a store with one plan and one code.
type codes struct {
	activation.Codes
	plan  activation.Plan
	code  activation.Code
	stale bool
}

func (s *codes) ByLookup(_ context.Context, lookup []byte) (activation.Code, error) {
	if !slices.Equal(lookup, s.code.Lookup) {
		return activation.Code{}, atlas.ErrNotFound
	}
	return s.code, nil
}

func (s *codes) Plan(_ context.Context, id string) (activation.Plan, error) {
	if id != s.plan.ID {
		return activation.Plan{}, atlas.ErrNotFound
	}
	return s.plan, nil
}

func (s *codes) SaveCode(_ context.Context, c activation.Code) error {
	if s.stale || c.Version != s.code.Version {
		return atlas.ErrStale
	}
	c.Version++
	s.code = c
	return nil
}

func TestRedeemSavesTheCodeAndReturnsItAsSaved(t *testing.T) {
	t.Parallel()
	s := &codes{plan: plan(), code: activation.Code{ID: "c", PlanID: "p", Lookup: []byte{1}, State: activation.Issued, Devices: 1, Version: 1}}
	_, _, err := activation.Redeem(t.Context(), s, []byte{2}, at)
	require.ErrorIs(t, err, activation.ErrUnknown)
	c, p, err := activation.Redeem(t.Context(), s, []byte{1}, at)
	require.NoError(t, err)
	require.Equal(t, s.code, c)
	require.Equal(t, plan(), p)
	require.EqualValues(t, 2, c.Version)
	_, _, err = activation.Redeem(t.Context(), s, []byte{1}, at)
	require.ErrorIs(t, err, activation.ErrUsed)
	s.code.Used, s.stale = 0, true
	_, _, err = activation.Redeem(t.Context(), s, []byte{1}, at)
	require.ErrorIs(t, err, atlas.ErrStale, "a lost race is the store's to repeat")
}

func Example() {
	p := activation.Plan{ID: "p", Name: "A month", Days: 30, Devices: 1, Price: 5, Charge: activation.ChargeOnRedeem}
	c := activation.Code{ID: "c", PlanID: p.ID, State: activation.Issued, Devices: p.Devices, RedeemBy: p.RedeemBy(at)}
	c, err := c.Redeem(at)
	fmt.Println(c.State, p.Until(at).Format(time.DateOnly), err)
	_, err = c.Redeem(at)
	fmt.Println(err)
	// Output:
	// active 2026-02-01 <nil>
	// activation: code is used up (refused)
}

func ExampleNormalize() {
	_, err := activation.Normalize("acme-7kq2-m9xr-4tgb-wd8p")
	fmt.Println(err)
	// Output: activation_code: is not an activation code; check it for typing errors
}

package device

import (
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
)

// active is the state of an activation under which a device works.
const active = "active"

// Status is how a device stands, by what the server said last and the time
// that has passed since.
type Status struct {
	DeviceID  string // empty: not enrolled
	SupportID string
	// Active says that the device is activated: the server's last word is
	// active and its lease counts, perhaps in grace. What the product
	// restricts to activated devices hangs on it; commands don't, because the
	// server decides about those.
	Active bool
	// Activation is the server's last word: active, expired, suspended or
	// revoked.
	Activation string
	// Lease is the lease that counts now, and LeaseStatus how far; they are
	// zero when none does.
	Lease       lease.Lease
	LeaseStatus lease.Status
	// AgentEnabled is false while the operator has disabled the agent.
	AgentEnabled bool
	// LastCheckIn is the server's time of the last one that was answered.
	LastCheckIn time.Time
	// Waiting is how many commands were taken over and have not ended, and
	// Unreported how many reports the server has not confirmed.
	Waiting, Unreported int
}

// Status returns how the device stands now. The lease is judged by the latest
// of the device's corrected clock and the time that is known to have passed
// at the server, so setting the clock back gains nothing (M-037).
func (a *Agent) Status() Status {
	now, floor := a.now()
	s := a.snapshot()
	out := Status{
		DeviceID: s.DeviceID, SupportID: s.SupportID, Activation: s.Activation, AgentEnabled: s.AgentEnabled,
		LastCheckIn: s.LastCheckIn, Waiting: len(s.Queue), Unreported: len(s.Reports),
	}
	if s.Lease == "" || s.Keys == nil {
		return out
	}
	l, status, err := lease.Verify(s.Lease, *s.Keys, atlas.DeviceID(s.DeviceID), now, floor)
	if err != nil {
		return out
	}
	out.Lease, out.LeaseStatus = l, status
	out.Active = l.State == active && s.Activation == active
	return out
}

package atlas

import "fmt"

// Status is whether an account may act.
type Status string

// The statuses of an account. Only Active may act, and only while every
// ancestor is active too.
const (
	Active    Status = "active"
	Suspended Status = "suspended" // by a parent; a pause
	Blocked   Status = "blocked"   // for abuse; ended by an Admin
	Closed    Status = "closed"    // for good
)

var statusMoves = map[Status][]Status{
	Active:    {Suspended, Blocked, Closed},
	Suspended: {Active, Blocked, Closed},
	Blocked:   {Active, Closed},
	Closed:    {},
}

// ErrTransition is the ErrRefused of a change that a state does not allow.
var ErrTransition = fmt.Errorf("state does not allow this (%w)", ErrRefused)

// Change returns the status after a change from s to next, or ErrTransition
// where the table does not allow it. A closed account stays closed.
func (s Status) Change(next Status) (Status, error) {
	for _, allowed := range statusMoves[s] {
		if allowed == next {
			return next, nil
		}
	}
	return s, fmt.Errorf("account: %s to %s: %w", s, next, ErrTransition)
}

// Effective returns the status an account acts under: the first one of line
// that is not active, or Active. line is the account and its ancestors in any
// order; an empty line is Closed, so that a missing account never acts.
func Effective(line []Account) Status {
	if len(line) == 0 {
		return Closed
	}
	for _, a := range line {
		if a.Status != Active {
			return a.Status
		}
	}
	return Active
}

package commands

import (
	"fmt"
	"slices"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// State is where a command is in its life.
type State string

// The states of a command. The last five are ends: nothing leads out of them.
const (
	Queued       State = "queued"
	Delivered    State = "delivered" // handed out under a lease
	Acknowledged State = "acknowledged"
	Succeeded    State = "succeeded"
	Failed       State = "failed"
	Expired      State = "expired"
	Cancelled    State = "cancelled"
	Superseded   State = "superseded"
)

// moves is the whole state machine. A delivered command returns to the queue
// when its lease ends or when an attempt failed and another is allowed.
var moves = map[State][]State{
	Queued:       {Delivered, Expired, Cancelled, Superseded},
	Delivered:    {Delivered, Queued, Acknowledged, Succeeded, Failed, Expired, Cancelled},
	Acknowledged: {Queued, Succeeded, Failed, Expired, Cancelled},
	Succeeded:    {}, Failed: {}, Expired: {}, Cancelled: {}, Superseded: {},
}

// States returns all states.
func States() []State {
	return []State{Queued, Delivered, Acknowledged, Succeeded, Failed, Expired, Cancelled, Superseded}
}

// Final reports whether s is an end. An unknown state counts as one, so that
// nothing is done with it.
func (s State) Final() bool { return len(moves[s]) == 0 }

// CanBecome reports whether the state machine leads from s to next.
func (s State) CanBecome(next State) bool { return slices.Contains(moves[s], next) }

func (c Command) to(next State) (Command, error) {
	if !c.State.CanBecome(next) {
		return c, fmt.Errorf("commands: %s is %s, can't become %s: %w", c.ID, c.State, next, atlas.ErrTransition)
	}
	c.State = next
	return c, nil
}

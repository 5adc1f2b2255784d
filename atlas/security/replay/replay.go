// Package replay tells a request that comes twice from one that comes first, by
// a counter that each device counts up. It is a value and keeps nothing by
// itself; package atlas/fleet keeps one window for each device.
package replay

import (
	"fmt"
	"math"

	"github.com/atlas-mdm/atlas-go/atlas"
)

var (
	// ErrReplay is the ErrUnauthenticated of a counter that was used before,
	// or is too old to tell.
	ErrReplay = fmt.Errorf("replay: counter was used (%w)", atlas.ErrUnauthenticated)
	// ErrRollback is the ErrReplay of a counter behind the window. From a
	// device whose signature verifies it means that the device was restored
	// from a copy, or that a copy of it is running.
	ErrRollback = fmt.Errorf("replay: counter is behind the window (%w)", ErrReplay)
)

// WindowSize is how many counters up to the highest a [Window] remembers, and
// so how far requests of one device may overtake each other.
const WindowSize = 64

// Window remembers which counters of one device were used. It is a value: the
// caller keeps the one that Accept returns. The zero Window has seen nothing.
type Window struct {
	// Highest is the greatest counter accepted, or 0.
	Highest uint64
	// Seen has bit n set where Highest-n was accepted.
	Seen uint64
}

// After returns the window of a device whose counters up to ceiling are
// to count as used, whether they were or not. A server that lost its windows
// in a restart continues with the ceiling it had reserved in the store.
func After(ceiling uint64) Window {
	return Window{Highest: ceiling, Seen: math.MaxUint64}
}

// Accept returns the window after counter was used, or w unchanged with
// ErrReplay for a counter that was seen, is 0, or (as ErrRollback) lies
// [WindowSize] or more behind the highest.
func (w Window) Accept(counter uint64) (Window, error) {
	if counter > w.Highest {
		// Go defines a shift by 64 or more as 0: nothing of the old window is left.
		return Window{Highest: counter, Seen: w.Seen<<(counter-w.Highest) | 1}, nil
	}
	back := w.Highest - counter
	switch {
	case back >= WindowSize:
		return w, ErrRollback
	case counter == 0 || w.Seen>>back&1 == 1:
		return w, ErrReplay
	}
	w.Seen |= 1 << back
	return w, nil
}

package device

import (
	"fmt"
	"math"
	"time"
)

// tolerance is how far the device's clock may be off before it is corrected:
// answers tell whole seconds, and take their time.
const tolerance = 5 * time.Second

// timekeeper knows the server's time as well as the device can.
type timekeeper struct {
	// floor is a time of the server, and at what the clock that nobody can set
	// showed when it was learnt.
	floor time.Time
	at    time.Duration
	// offset is what the device's clock is behind the server's.
	offset time.Duration
}

// known is the latest time of the server that has passed for sure.
func (k timekeeper) known(elapsed time.Duration) time.Time {
	if k.floor.IsZero() {
		return k.floor
	}
	return k.floor.Add(max(0, elapsed-k.at))
}

// heard returns k after the server said at that its time is server.
func (k timekeeper) heard(server, local time.Time, elapsed time.Duration) timekeeper {
	if k.offset = server.Sub(local); k.offset.Abs() <= tolerance {
		k.offset = 0
	}
	if server.After(k.known(elapsed)) {
		k.floor, k.at = server, elapsed
	}
	return k
}

// hear takes a time that the server told.
func (a *Agent) hear(server time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.time = a.time.heard(server, a.opt.Clock(), a.opt.Elapsed())
}

// now is the server's time by the device's clock, and floor the latest time
// of the server that has passed for sure.
func (a *Agent) now() (now, floor time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.opt.Clock().Add(a.time.offset), a.time.known(a.opt.Elapsed())
}

// block is how many counters are reserved on disk at once. A crash loses the
// rest of a block and never repeats a counter.
const block = 100

// maxCounter is the highest counter that is used: databases hold 2^63-1.
const maxCounter = math.MaxInt64 - 1<<20

// nextCounter returns a counter that was never used.
func (a *Agent) nextCounter() (uint64, error) {
	a.mu.Lock()
	a.counter++
	counter, ceiling := a.counter, a.state.Ceiling
	a.mu.Unlock()
	if counter > maxCounter {
		return 0, fmt.Errorf("%w: counters are used up", ErrState)
	}
	if counter <= ceiling {
		return counter, nil
	}
	return counter, a.update(func(s *state) { s.Ceiling = max(s.Ceiling, counter+block) })
}

// jump makes the next counter higher than used.
func (a *Agent) jump(used uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counter = max(a.counter, min(used, maxCounter))
}

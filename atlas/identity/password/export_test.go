package password

import "context"

// Occupy takes all of a Hasher's memory until release is called.
func Occupy(h *Hasher) (release func(), err error) {
	err = h.memory.Acquire(context.Background(), h.budget)
	return func() { h.memory.Release(h.budget) }, err
}

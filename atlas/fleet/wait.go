package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// Wait returns when the device may have commands to get, or false when the
// timeout is over. The answer is a hint: only [Service.CheckIn] says for sure.
// Waiting counts as contact.
func (s *Service) Wait(ctx context.Context, d Device, timeout time.Duration) (bool, error) {
	if d.ID == "" {
		return false, s.rejected(ctx, waitAction, d, atlas.ErrUnauthenticated)
	}
	end := time.NewTimer(timeout)
	defer end.Stop()
	poll := time.NewTicker(s.opt.Poll)
	defer poll.Stop()
	woken, leave := s.wakeups.join(d.ID, d.path)
	defer leave()
	for {
		waiting, err := s.hasPending(ctx, d)
		if err != nil {
			return false, s.rejected(ctx, waitAction, d, err)
		}
		if waiting {
			return true, nil
		}
		select {
		case <-woken:
		case <-poll.C:
		case <-end.C:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

func (s *Service) hasPending(ctx context.Context, d Device) (waiting bool, err error) {
	var stale bool
	now := s.Now()
	err = s.store.View(ctx, func(ctx context.Context, tx store.Tx) error {
		dev, err := tx.Devices().Get(ctx, d.ID)
		if err != nil {
			return err
		}
		stale = now.Sub(dev.LastSeen) >= seenEvery
		w := &work{tx: tx, now: now, s: s}
		state, _, err := w.standing(ctx, dev)
		if err != nil {
			return err
		}
		waiting, err = w.pending(ctx, dev, state)
		return err
	})
	if err == nil && stale {
		err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) error {
			return tx.Devices().Touch(ctx, map[atlas.DeviceID]time.Time{d.ID: now})
		})
	}
	return waiting, err
}

// wakeups are the devices that wait on this node. Waking is a hint and may be
// lost; Options.Poll bounds what that costs.
type wakeups struct {
	mu      sync.Mutex
	waiting map[*waiter]struct{}
	byID    map[atlas.DeviceID]map[*waiter]struct{}
}

type waiter struct {
	id   atlas.DeviceID
	path atlas.Path
	ring chan struct{}
}

func newWakeups() *wakeups {
	return &wakeups{waiting: map[*waiter]struct{}{}, byID: map[atlas.DeviceID]map[*waiter]struct{}{}}
}

func (w *wakeups) join(id atlas.DeviceID, path atlas.Path) (<-chan struct{}, func()) {
	me := &waiter{id: id, path: path, ring: make(chan struct{}, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting[me] = struct{}{}
	if w.byID[id] == nil {
		w.byID[id] = map[*waiter]struct{}{}
	}
	w.byID[id][me] = struct{}{}
	return me.ring, func() { w.leave(me) }
}

func (w *wakeups) leave(me *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting, me)
	delete(w.byID[me.id], me)
	if len(w.byID[me.id]) == 0 {
		delete(w.byID, me.id)
	}
}

// wake wakes the named devices.
func (w *wakeups) wake(ids ...atlas.DeviceID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		for one := range w.byID[id] {
			one.wake()
		}
	}
}

// wakeBelow wakes the devices at or below a place.
func (w *wakeups) wakeBelow(p atlas.Path) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.waiting {
		if p.Contains(one.path) {
			one.wake()
		}
	}
}

func (one *waiter) wake() {
	select {
	case one.ring <- struct{}{}:
	default: // it is awake already
	}
}

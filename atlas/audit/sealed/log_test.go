package sealed_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// memLog is an audit.Sequencer over maps.
type memLog struct {
	memState
	// fault is asked before and after each call; its error is the call's.
	fault func() error
}

type memState struct {
	events      map[string]audit.Event
	places      map[int64]string
	pending     []string
	hashes      map[int64][]byte
	checkpoints map[int64]audit.Checkpoint
	newest      int64
}

func newLog() *memLog {
	return &memLog{memState: memState{
		events: map[string]audit.Event{}, places: map[int64]string{},
		hashes: map[int64][]byte{}, checkpoints: map[int64]audit.Checkpoint{},
	}}
}

func (s memState) clone() memState {
	return memState{
		maps.Clone(s.events), maps.Clone(s.places), slices.Clone(s.pending),
		maps.Clone(s.hashes), maps.Clone(s.checkpoints), s.newest,
	}
}

// update runs fn as a transaction: what it changed is undone if it fails.
func (l *memLog) update(fn func() error) error {
	before := l.clone()
	err := fn()
	if err != nil {
		l.memState = before
	}
	return err
}

// call runs one call between the two faults.
func (l *memLog) call(fn func() error) error {
	if l.fault == nil {
		return fn()
	}
	if err := l.fault(); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err
	}
	return l.fault()
}

func (l *memLog) Unsealed(_ context.Context, limit int) (out []audit.Event, err error) {
	err = l.call(func() error {
		slices.Sort(l.pending)
		for _, id := range l.pending[:min(limit, len(l.pending))] {
			out = append(out, l.events[id])
		}
		return nil
	})
	return out, err
}

func (l *memLog) Place(_ context.Context, first int64, ids []string) error {
	return l.call(func() error {
		for i, id := range ids {
			e, place := l.events[id], first+int64(i)
			if _, taken := l.places[place]; taken || e.Index != audit.Unsealed {
				return atlas.ErrStale
			}
			e.Index = place
			l.events[id], l.places[place] = e, id
		}
		l.pending = slices.DeleteFunc(l.pending, func(id string) bool { return l.events[id].Index != audit.Unsealed })
		return nil
	})
}

func (l *memLog) Hashes(_ context.Context, indexes []int64) (out [][]byte, err error) {
	err = l.call(func() error {
		for _, i := range indexes {
			h, ok := l.hashes[i]
			if !ok {
				return fmt.Errorf("hash %d (%w)", i, atlas.ErrNotFound)
			}
			out = append(out, h)
		}
		return nil
	})
	return out, err
}

func (l *memLog) AppendHashes(_ context.Context, first int64, hashes [][]byte) error {
	return l.call(func() error {
		for i, h := range hashes {
			if _, taken := l.hashes[first+int64(i)]; taken {
				return atlas.ErrExists
			}
			l.hashes[first+int64(i)] = bytes.Clone(h)
		}
		return nil
	})
}

func (l *memLog) Checkpoint(context.Context) (c audit.Checkpoint, err error) {
	err = l.call(func() error {
		c = l.checkpoints[l.newest]
		return nil
	})
	return c, err
}

func (l *memLog) SaveCheckpoint(_ context.Context, c audit.Checkpoint) error {
	return l.call(func() error {
		if _, taken := l.checkpoints[c.Size]; taken {
			return atlas.ErrExists
		}
		l.checkpoints[c.Size], l.newest = c, max(l.newest, c.Size)
		return nil
	})
}

func (l *memLog) Sealed(_ context.Context, first int64, limit int) (out []audit.Event, err error) {
	err = l.call(func() error {
		for place := first; len(out) < limit && place < int64(len(l.places))+2; place++ {
			if id, ok := l.places[place]; ok {
				out = append(out, l.events[id])
			}
		}
		return nil
	})
	return out, err
}

// write adds n unsealed events after those that are there.
func (l *memLog) write(tb testing.TB, n int, facts ...audit.Fact) {
	tb.Helper()
	for range n {
		i := len(l.events)
		e, err := audit.New(audit.Event{
			ID: fmt.Sprintf("event-%07d", i), At: noon.Add(time.Duration(i) * time.Second),
			ActorID: "account-1", Action: "device.lock", TargetID: "device-1", Path: "admin/account-1",
		}, facts...)
		require.NoError(tb, err)
		l.events[e.ID] = e
		l.pending = append(l.pending, e.ID)
	}
}

// edit changes the leaf of the sealed event at place.
func (l *memLog) edit(place int64) {
	e := l.events[l.places[place]]
	e.Leaf = bytes.Replace(e.Leaf, []byte("device.lock"), []byte("device.wipe"), 1)
	l.events[e.ID] = e
}

// remove deletes the sealed event at place.
func (l *memLog) remove(place int64) {
	delete(l.events, l.places[place])
	delete(l.places, place)
}

// swap gives two sealed events each other's place.
func (l *memLog) swap(a, b int64) {
	x, y := l.events[l.places[a]], l.events[l.places[b]]
	x.Index, y.Index = b, a
	l.events[x.ID], l.events[y.ID] = x, y
	l.places[a], l.places[b] = y.ID, x.ID
}

// note returns the newest signed checkpoint.
func (l *memLog) note() string { return l.checkpoints[l.newest].Note }

func newSigner(tb testing.TB) *sealed.Signer { return signerOf(tb, "https://mdm.example.com", 1) }

func signerOf(tb testing.TB, origin string, seed byte) *sealed.Signer {
	tb.Helper()
	s, err := sealed.NewSigner(origin, bytes.Repeat([]byte{seed}, 32))
	require.NoError(tb, err)
	return s
}

// seal seals everything in batches of the given sizes.
func seal(tb testing.TB, l *memLog, s *sealed.Signer, sizes ...int) {
	tb.Helper()
	for _, size := range sizes {
		n, err := sealed.Batch(tb.Context(), l, s, noon, size)
		require.NoError(tb, err)
		require.Equal(tb, size, n)
	}
}

// sealedLog returns a log with checkpoints of the sums of sizes.
func sealedLog(tb testing.TB, s *sealed.Signer, sizes ...int) *memLog {
	tb.Helper()
	l := newLog()
	for _, size := range sizes {
		l.write(tb, size)
		seal(tb, l, s, size)
	}
	return l
}

func export(tb testing.TB, l audit.Sequencer) string {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, sealed.Export(tb.Context(), l, &b))
	return b.String()
}

// merkleRoot is the definition of RFC 6962, section 2.1, word for word.
func merkleRoot(leaves [][]byte) [sha256.Size]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	left, right := merkleRoot(leaves[:k]), merkleRoot(leaves[k:])
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

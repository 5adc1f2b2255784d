package sealed_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
)

func TestTheRootIsTheOneOfRFC6962(t *testing.T) {
	t.Parallel()
	s, l := newSigner(t), newLog()
	var leaves [][]byte
	for size := 1; size <= 70; size++ {
		l.write(t, 1)
		leaves = append(leaves, l.events[l.pending[0]].Leaf)
		seal(t, l, s, 1)
		want := merkleRoot(leaves)
		lines := strings.Split(l.note(), "\n")
		require.Equal(t, []string{"mdm.example.com", fmt.Sprint(size), base64.StdEncoding.EncodeToString(want[:])}, lines[:3])
	}
}

func TestBatchesOfAnySizeMakeTheSameLog(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	one := newLog()
	one.write(t, 100)
	seal(t, one, s, 100)
	for _, sizes := range [][]int{{1, 99}, {99, 1}, {3, 1, 60, 29, 7}, {64, 36}, {7, 8, 9, 10, 11, 55}, {50, 50}} {
		many := newLog()
		many.write(t, 100)
		seal(t, many, s, sizes...)
		require.Equal(t, one.hashes, many.hashes, "%v", sizes)
		require.Equal(t, one.note(), many.note(), "%v", sizes)
		require.Equal(t, export(t, one), export(t, many), "%v", sizes)
	}
}

func TestBatchTakesNoMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	s, l := newSigner(t), newLog()
	l.write(t, 5)
	seal(t, l, s, 3)
	require.Len(t, l.pending, 2)
	n, err := sealed.Batch(t.Context(), l, s, noon, 3)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	for _, limit := range []int{0, -1} {
		_, err = sealed.Batch(t.Context(), l, s, noon, limit)
		require.ErrorIs(t, err, atlas.ErrInvalid)
	}
}

func TestBatchWritesNothingWhenThereIsNothingToSeal(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for _, l := range []*memLog{newLog(), sealedLog(t, s, 3)} {
		before := l.clone()
		n, err := sealed.Batch(t.Context(), l, s, noon.Add(time.Hour), 10)
		require.NoError(t, err)
		require.Zero(t, n)
		require.Equal(t, before, l.memState)
	}
}

func TestBatchSavesTheCheckpointWithItsTime(t *testing.T) {
	t.Parallel()
	l := sealedLog(t, newSigner(t), 2, 3)
	require.Equal(t, int64(5), l.checkpoints[l.newest].Size)
	require.Equal(t, noon, l.checkpoints[l.newest].At)
	require.Len(t, l.checkpoints, 2)
}

func TestTimesOfEventsNeedNotRise(t *testing.T) {
	t.Parallel()
	s, l := newSigner(t), sealedLog(t, newSigner(t), 1)
	e, err := audit.New(audit.Event{ID: "event-9", At: noon.Add(-time.Hour), Action: "device.lock"})
	require.NoError(t, err)
	l.events[e.ID], l.pending = e, []string{e.ID}
	seal(t, l, s, 1)
	_, err = sealed.VerifyExport(strings.NewReader(export(t, l)), s.Verifier())
	require.NoError(t, err)
}

func TestBatchReadsTheFrontierAtOnce(t *testing.T) {
	t.Parallel()
	s, l := newSigner(t), sealedLog(t, newSigner(t), 127)
	l.write(t, 100)
	calls := 0
	l.fault = func() error { calls++; return nil }
	seal(t, l, s, 100)
	// Seven calls: Checkpoint, Hashes, Sealed, Unsealed, Place, AppendHashes,
	// SaveCheckpoint.
	require.Equal(t, 2*7, calls)
}

func TestAFaultAtAnyCallLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	broken := errors.New("broken")
	want := sealedLog(t, s, 5, 6)
	faults := 0
	for ; ; faults++ {
		l := sealedLog(t, s, 5)
		l.write(t, 6)
		before, left := l.clone(), faults
		l.fault = func() error {
			if left--; left == -1 {
				return broken
			}
			return nil
		}
		batch := func() error { _, err := sealed.Batch(t.Context(), l, s, noon, 6); return err }
		err := l.update(batch)
		if err == nil {
			break
		}
		require.ErrorIs(t, err, broken, "fault %d", faults)
		require.Equal(t, before, l.memState, "fault %d", faults)
		l.fault = nil
		require.NoError(t, l.update(batch), "fault %d", faults)
		require.Equal(t, want.memState, l.memState, "fault %d", faults)
	}
	require.Equal(t, 2*7, faults, "each call failed once before and once after it happened")
}

func TestBatchRefusesToSealOverDamage(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	other := signerOf(t, "https://mdm.example.com", 2)
	forged := sealedLog(t, other, 5, 6)
	for name, damage := range map[string]func(l *memLog){
		// 18 is the last of the hashes of 11 events, and in the frontier.
		"a hash was changed": func(l *memLog) { l.hashes[18] = make([]byte, 32) },
		"a hash is short":    func(l *memLog) { l.hashes[18] = l.hashes[18][:31] },
		"a hash is missing":  func(l *memLog) { l.hashes = map[int64][]byte{} },
		"another key signed": func(l *memLog) { l.checkpoints[11] = forged.checkpoints[11] },
		"a signed checkpoint of another size": func(l *memLog) {
			l.checkpoints[11] = audit.Checkpoint{Size: 11, Note: l.checkpoints[5].Note}
		},
		"a checkpoint under a smaller size": func(l *memLog) {
			l.checkpoints[11] = audit.Checkpoint{Size: 10, Note: l.note()}
		},
		"an edited checkpoint": func(l *memLog) {
			l.checkpoints[11] = audit.Checkpoint{Size: 11, Note: strings.Replace(l.note(), "\n11\n", "\n12\n", 1)}
		},
		"an empty checkpoint":               func(l *memLog) { l.checkpoints[11] = audit.Checkpoint{Size: 11} },
		"the newest checkpoint was deleted": func(l *memLog) { l.newest = 5 },
		"all checkpoints were deleted":      func(l *memLog) { l.newest = 0 },
		"an event's leaf is too large": func(l *memLog) {
			e := l.events[l.pending[0]]
			e.Leaf = make([]byte, audit.MaxLeaf+1)
			l.events[e.ID] = e
		},
		"an event's leaf is empty": func(l *memLog) {
			e := l.events[l.pending[0]]
			e.Leaf = nil
			l.events[e.ID] = e
		},
	} {
		l := sealedLog(t, s, 5, 6)
		l.write(t, 4)
		damage(l)
		before := l.clone()
		_, err := sealed.Batch(t.Context(), l, s, noon, 10)
		require.ErrorIs(t, err, sealed.ErrTampered, name)
		require.ErrorIs(t, err, atlas.ErrRefused, name)
		require.NotErrorIs(t, err, atlas.ErrNotFound, name)
		require.Equal(t, before, l.memState, name)
	}
}

func TestAFullLogTakesNoMoreEvents(t *testing.T) {
	t.Parallel()
	const levels = 48
	var root tlog.Hash
	l := newLog()
	l.write(t, 1)
	l.newest = 1 << levels
	l.hashes[tlog.StoredHashIndex(levels, 0)] = root[:]
	text := fmt.Sprintf("mdm.example.com\n%d\n%s\n", l.newest, root)
	l.checkpoints[l.newest] = audit.Checkpoint{Size: l.newest, Note: signed(t, text)}
	_, err := sealed.Batch(t.Context(), l, newSigner(t), noon, 1)
	require.ErrorIs(t, err, atlas.ErrLimited)
}

func TestBatchSaysWhenASignatureIsNotItsOwn(t *testing.T) {
	t.Parallel()
	l := sealedLog(t, signerOf(t, "atlas", 1), 3)
	_, err := sealed.Batch(t.Context(), l, signerOf(t, "atlas", 2), noon, 10)
	require.ErrorIs(t, err, sealed.ErrSignature)
	require.ErrorIs(t, err, sealed.ErrTampered)
}

package sealed_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
)

func TestEachEventOfEachSizeIsProven(t *testing.T) {
	t.Parallel()
	s, l := newSigner(t), newLog()
	for size := int64(1); size <= 20; size++ {
		l.write(t, 1)
		seal(t, l, s, 1)
		for index := range size {
			p, err := sealed.Prove(t.Context(), l, index)
			require.NoError(t, err)
			require.Equal(t, l.events[l.places[index]].Leaf, p.Leaf)
			require.Equal(t, size, p.Size)
			require.NoError(t, p.Verify(s.Verifier()))
		}
	}
}

func TestGrowthFromEachSizeToEachIsProven(t *testing.T) {
	t.Parallel()
	s, l := newSigner(t), newLog()
	for size := int64(1); size <= 20; size++ {
		l.write(t, 1)
		seal(t, l, s, 1)
		for old := int64(1); old <= size; old++ {
			g, err := sealed.ProveGrowth(t.Context(), l, old)
			require.NoError(t, err)
			require.NoError(t, g.Verify(s.Verifier(), l.checkpoints[old].Note))
		}
	}
}

func TestProofsSurviveJSON(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for _, size := range []int{1, 9} {
		l := sealedLog(t, s, size)
		p, err := sealed.Prove(t.Context(), l, 0)
		require.NoError(t, err)
		g, err := sealed.ProveGrowth(t.Context(), l, int64(size))
		require.NoError(t, err)
		var p2 sealed.Proof
		var g2 sealed.Growth
		again(t, p, &p2)
		again(t, g, &g2)
		require.Equal(t, p, p2)
		require.Equal(t, g, g2)
	}
}

func again(t *testing.T, from, to any) {
	t.Helper()
	b, err := json.Marshal(from)
	require.NoError(t, err)
	require.NotContains(t, string(b), "null")
	require.NoError(t, json.Unmarshal(b, to))
}

func TestAChangedProofDoesNotHold(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	l := sealedLog(t, s, 11)
	for name, change := range map[string]func(p *sealed.Proof){
		"another leaf":          func(p *sealed.Proof) { p.Leaf = append(slices.Clone(p.Leaf), ' ') },
		"another place":         func(p *sealed.Proof) { p.Index++ },
		"a place outside":       func(p *sealed.Proof) { p.Index = 11 },
		"a negative place":      func(p *sealed.Proof) { p.Index = -1 },
		"another size":          func(p *sealed.Proof) { p.Size = 12 },
		"a hash less":           func(p *sealed.Proof) { p.Hashes = p.Hashes[1:] },
		"a hash more":           func(p *sealed.Proof) { p.Hashes = append(p.Hashes, p.Hashes[0]) },
		"hashes in other order": func(p *sealed.Proof) { p.Hashes[0], p.Hashes[1] = p.Hashes[1], p.Hashes[0] },
		"a short hash":          func(p *sealed.Proof) { p.Hashes[0] = p.Hashes[0][:31] },
		"hashes without end":    func(p *sealed.Proof) { p.Hashes = make([][]byte, 1000) },
		"a leaf without end":    func(p *sealed.Proof) { p.Leaf = make([]byte, 1<<20) },
	} {
		p, err := sealed.Prove(t.Context(), l, 4)
		require.NoError(t, err)
		require.NoError(t, p.Verify(s.Verifier()))
		change(&p)
		require.ErrorIs(t, p.Verify(s.Verifier()), sealed.ErrTampered, name)
	}
}

func TestAProofHoldsUnderItsOwnKeyOnly(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	l := sealedLog(t, s, 4, 4)
	p, err := sealed.Prove(t.Context(), l, 2)
	require.NoError(t, err)
	g, err := sealed.ProveGrowth(t.Context(), l, 4)
	require.NoError(t, err)
	old := l.checkpoints[4].Note
	for _, other := range []*sealed.Signer{signerOf(t, "https://mdm.example.com", 2), signerOf(t, "https://example.com", 1)} {
		require.ErrorIs(t, p.Verify(other.Verifier()), sealed.ErrSignature)
		require.ErrorIs(t, g.Verify(other.Verifier(), old), sealed.ErrSignature)
		theirs := sealedLog(t, other, 4).note()
		require.ErrorIs(t, g.Verify(s.Verifier(), theirs), sealed.ErrSignature)
	}
	for _, key := range []string{"", "mdm.example.com", s.Verifier() + "A"} {
		require.ErrorIs(t, p.Verify(key), atlas.ErrInvalid)
		require.ErrorIs(t, g.Verify(key, old), atlas.ErrInvalid)
	}
}

func TestAChangedProofOfGrowthDoesNotHold(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	l := sealedLog(t, s, 5, 6)
	for name, change := range map[string]func(g *sealed.Growth){
		"another old size": func(g *sealed.Growth) { g.OldSize = 6 },
		"another size":     func(g *sealed.Growth) { g.Size = 12 },
		"a hash less":      func(g *sealed.Growth) { g.Hashes = g.Hashes[1:] },
		"a hash more":      func(g *sealed.Growth) { g.Hashes = append(g.Hashes, g.Hashes[0]) },
		"a short hash":     func(g *sealed.Growth) { g.Hashes[0] = nil },
		"an older checkpoint": func(g *sealed.Growth) {
			g.Checkpoint = l.checkpoints[5].Note
			g.Size = 5
		},
	} {
		g, err := sealed.ProveGrowth(t.Context(), l, 5)
		require.NoError(t, err)
		require.NoError(t, g.Verify(s.Verifier(), l.checkpoints[5].Note))
		change(&g)
		require.ErrorIs(t, g.Verify(s.Verifier(), l.checkpoints[5].Note), sealed.ErrTampered, name)
	}
}

func TestTwoHistoriesCanNotBeProvenToBeOne(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	shown := sealedLog(t, s, 5)
	hidden := newLog()
	hidden.write(t, 9, audit0)
	seal(t, hidden, s, 5, 4)
	g, err := sealed.ProveGrowth(t.Context(), hidden, 5)
	require.NoError(t, err)
	require.NoError(t, g.Verify(s.Verifier(), hidden.checkpoints[5].Note))
	require.ErrorIs(t, g.Verify(s.Verifier(), shown.note()), sealed.ErrTampered)
}

func TestThereIsNoProofOfWhatIsNotInTheLog(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	l := sealedLog(t, s, 5)
	l.write(t, 3)
	for _, index := range []int64{-1, 5, 1 << 60} {
		_, err := sealed.Prove(t.Context(), l, index)
		require.ErrorIs(t, err, atlas.ErrNotFound)
	}
	for _, size := range []int64{-1, 0, 6, 1 << 60} {
		_, err := sealed.ProveGrowth(t.Context(), l, size)
		require.ErrorIs(t, err, atlas.ErrInvalid)
	}
	_, err := sealed.Prove(t.Context(), newLog(), 0)
	require.ErrorIs(t, err, atlas.ErrNotFound)
	_, err = sealed.ProveGrowth(t.Context(), newLog(), 1)
	require.ErrorIs(t, err, atlas.ErrNotFound)
}

func TestFaultsWhileProvingAreReported(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	l := sealedLog(t, newSigner(t), 7)
	for name, prove := range map[string]func() error{
		"an event": func() error { _, err := sealed.Prove(t.Context(), l, 3); return err },
		"growth":   func() error { _, err := sealed.ProveGrowth(t.Context(), l, 3); return err },
	} {
		for faults := range 2 * 3 { // Checkpoint, and two reads each
			left := faults
			l.fault = func() error {
				if left--; left == -1 {
					return broken
				}
				return nil
			}
			require.ErrorIs(t, prove(), broken, "%s, fault %d", name, faults)
			require.NoError(t, prove(), name)
		}
	}
}

func TestADamagedLogProvesNothing(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for name, damage := range map[string]func(l *memLog){
		"edited":    func(l *memLog) { l.edit(3) },
		"deleted":   func(l *memLog) { l.remove(3) },
		"swapped":   func(l *memLog) { l.swap(3, 4) },
		"no hashes": func(l *memLog) { l.hashes = map[int64][]byte{} },
		"another size's checkpoint": func(l *memLog) {
			c := l.checkpoints[11]
			c.Size = 10
			l.checkpoints[11] = c
		},
	} {
		l := sealedLog(t, s, 11)
		damage(l)
		p, err := sealed.Prove(t.Context(), l, 3)
		require.ErrorIs(t, err, sealed.ErrTampered, name)
		require.Zero(t, p, name)
	}
	for i := range int64(19) { // the hashes of 11 events
		l := sealedLog(t, s, 11)
		l.hashes[i] = make([]byte, 32)
		g, err := sealed.ProveGrowth(t.Context(), l, 7)
		if err != nil {
			require.ErrorIs(t, err, sealed.ErrTampered)
			continue
		}
		require.NoError(t, g.Verify(s.Verifier(), sealedLog(t, s, 7).note()), "the proof does not need hash %d", i)
	}
}

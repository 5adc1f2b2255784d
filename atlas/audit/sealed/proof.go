package sealed

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
)

// maxProof is the most hashes a proof can have: two for each level of the
// largest tree.
const maxProof = 2 * 48

// Proof shows that an event is in the log (RFC 6962, section 2.1.1).
type Proof struct {
	Index      int64    `json:"index"`      // the event's place
	Size       int64    `json:"size"`       // events under the checkpoint
	Hashes     [][]byte `json:"hashes"`     // audit path, from the leaf up
	Leaf       []byte   `json:"leaf"`       // what was hashed
	Checkpoint string   `json:"checkpoint"` // signed note
}

// Growth shows that the log only grew since an earlier checkpoint (RFC 6962,
// section 2.1.2).
type Growth struct {
	OldSize    int64    `json:"old_size"`
	Size       int64    `json:"size"`
	Hashes     [][]byte `json:"hashes"`
	Checkpoint string   `json:"checkpoint"` // signed note of the newer size
}

// Prove returns the proof that the event at index is under the newest
// checkpoint. It returns an ErrNotFound if no sealed event has that index,
// and an [ErrTampered] rather than a proof that does not hold.
func Prove(ctx context.Context, log audit.Sequencer, index int64) (Proof, error) {
	c, t, err := newest(ctx, log)
	if err != nil {
		return Proof{}, err
	}
	if index < 0 || index >= t.N {
		return Proof{}, fmt.Errorf("sealed: no event %d in a log of %d (%w)", index, t.N, atlas.ErrNotFound)
	}
	events, err := log.Sealed(ctx, index, 1)
	if err != nil {
		return Proof{}, fmt.Errorf("sealed: read event %d: %w", index, err)
	}
	if len(events) != 1 || events[0].Index != index {
		return Proof{}, fmt.Errorf("%w: event %d is missing", ErrTampered, index)
	}
	path, err := tlog.ProveRecord(t.N, index, stored(ctx, log))
	if err != nil {
		return Proof{}, fmt.Errorf("sealed: prove event %d: %w", index, err)
	}
	p := Proof{Index: index, Size: t.N, Hashes: toBytes(path), Leaf: events[0].Leaf, Checkpoint: c.Note}
	if err := p.check(t); err != nil {
		return Proof{}, err
	}
	return p, nil
}

// ProveGrowth returns the proof that the newest checkpoint continues the log
// as it was when it had oldSize events. It returns an ErrNotFound if nothing
// is sealed yet and an ErrInvalid if the log never had that size; whoever
// holds a signed checkpoint of it has proof that the log was cut. Like [Prove]
// it returns an [ErrTampered] rather than a proof that does not hold.
func ProveGrowth(ctx context.Context, log audit.Sequencer, oldSize int64) (Growth, error) {
	c, t, err := newest(ctx, log)
	if err != nil {
		return Growth{}, err
	}
	if oldSize < 1 || oldSize > t.N {
		return Growth{}, atlas.Invalid("old_size", "must be between 1 and %d", t.N)
	}
	proof, err := proveTree(t, oldSize, stored(ctx, log))
	if err != nil {
		return Growth{}, fmt.Errorf("sealed: prove growth from %d: %w", oldSize, err)
	}
	return Growth{OldSize: oldSize, Size: t.N, Hashes: toBytes(proof), Checkpoint: c.Note}, nil
}

// proveTree returns the proof that t continues the tree of oldSize, as far as
// the stored hashes lead to t.
func proveTree(t tlog.Tree, oldSize int64, r tlog.HashReader) (tlog.TreeProof, error) {
	root, err := tlog.TreeHash(oldSize, r)
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveTree(t.N, oldSize, r)
	if err != nil {
		return nil, err
	}
	if err := tlog.CheckTree(proof, t.N, t.Hash, oldSize, root); err != nil {
		return nil, fmt.Errorf("%w: the stored hashes don't lead to the checkpoint of size %d", ErrTampered, t.N)
	}
	return proof, nil
}

// newest returns the newest checkpoint and what it says.
func newest(ctx context.Context, log audit.Sealed) (audit.Checkpoint, tlog.Tree, error) {
	c, err := log.Checkpoint(ctx)
	if err != nil {
		return c, tlog.Tree{}, fmt.Errorf("sealed: read the newest checkpoint: %w", err)
	}
	if c.Size == 0 && c.Note == "" {
		return c, tlog.Tree{}, fmt.Errorf("sealed: nothing is sealed yet (%w)", atlas.ErrNotFound)
	}
	t, err := read(c.Note)
	if err != nil {
		return c, tlog.Tree{}, fmt.Errorf("%w: stored checkpoint of size %d: %w", ErrTampered, c.Size, err)
	}
	if t.N != c.Size {
		return c, tlog.Tree{}, fmt.Errorf("%w: the checkpoint stored for size %d is of size %d", ErrTampered, c.Size, t.N)
	}
	return c, t, nil
}

// Verify checks the proof against the log's verifier key. It returns an
// [ErrSignature] if the checkpoint is not signed by that key, an
// [ErrTampered] if the event is not under it, and an ErrInvalid if verifier is
// no verifier key.
func (p Proof) Verify(verifier string) error {
	v, err := newVerifier(verifier)
	if err != nil {
		return err
	}
	t, err := open(p.Checkpoint, v)
	if err != nil {
		return err
	}
	return p.check(t)
}

// check checks the proof against a tree.
func (p Proof) check(t tlog.Tree) error {
	if p.Size != t.N || len(p.Leaf) > audit.MaxLeaf {
		return fmt.Errorf("%w: proof of event %d is not about the checkpoint of size %d", ErrTampered, p.Index, t.N)
	}
	path, err := proofHashes(p.Hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(path, t.N, t.Hash, p.Index, tlog.RecordHash(p.Leaf)); err != nil {
		return fmt.Errorf("%w: event %d is not under the checkpoint of size %d", ErrTampered, p.Index, t.N)
	}
	return nil
}

// Verify checks that the log grew from the checkpoint kept, which the
// verifier has had since OldSize, to the one in the proof. It returns an
// [ErrSignature] if one of the two is not signed by the verifier key, an
// [ErrTampered] if the newer one does not continue the older one, and an
// ErrInvalid if verifier is no verifier key.
func (g Growth) Verify(verifier, kept string) error {
	v, err := newVerifier(verifier)
	if err != nil {
		return err
	}
	before, after, err := g.open(v, kept)
	if err != nil {
		return err
	}
	proof, err := proofHashes(g.Hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, after.N, after.Hash, before.N, before.Hash); err != nil {
		return fmt.Errorf("%w: the checkpoint of size %d does not continue the one of size %d", ErrTampered, after.N, before.N)
	}
	return nil
}

// open returns the two trees that the proof is about.
func (g Growth) open(v note.Verifier, kept string) (before, after tlog.Tree, err error) {
	if before, err = open(kept, v); err != nil {
		return before, after, fmt.Errorf("kept checkpoint: %w", err)
	}
	if after, err = open(g.Checkpoint, v); err != nil {
		return before, after, err
	}
	if g.OldSize != before.N || g.Size != after.N || before.N > after.N {
		return before, after, fmt.Errorf("%w: proof of growth from %d to %d is not about the checkpoints of size %d and %d",
			ErrTampered, g.OldSize, g.Size, before.N, after.N)
	}
	return before, after, nil
}

// proofHashes returns the hashes of a proof from outside.
func proofHashes(raw [][]byte) ([]tlog.Hash, error) {
	if len(raw) > maxProof {
		return nil, fmt.Errorf("%w: proof of %d hashes", ErrTampered, len(raw))
	}
	hashes, err := fromBytes(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: proof: %w", ErrTampered, err)
	}
	return hashes, nil
}

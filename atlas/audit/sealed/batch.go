package sealed

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
)

// Batch gives at most limit unsealed events their places in the log, stores
// the hashes, and saves a checkpoint signed at now. It returns how many events
// it sealed; for none it writes nothing. Events go in the order of their ids;
// their times need not rise.
//
// Batch runs inside one transaction of the caller and keeps nothing between
// calls, so the transaction may run again, and Batch may be called again
// after any error. Each call costs a handful of statements whatever the
// limit: hundreds of events a batch are much cheaper than single ones.
//
// Before all else it checks that sign signed the newest checkpoint, and that
// the stored hashes lead to its root. It returns an [ErrTampered] otherwise,
// because sealing on would put a good signature over the damage.
func Batch(ctx context.Context, log audit.Sequencer, sign *Signer, now time.Time, limit int) (n int, err error) {
	if limit < 1 {
		return 0, atlas.Invalid("limit", "must be positive")
	}
	f, err := resume(ctx, log, sign)
	if err != nil {
		return 0, err
	}
	events, err := log.Unsealed(ctx, limit)
	if err != nil {
		return 0, fmt.Errorf("sealed: read unsealed events: %w", err)
	}
	if len(events) == 0 {
		return 0, nil
	}
	first := f.size
	ids, hashes, err := grow(f, events)
	if err != nil {
		return 0, err
	}
	t, err := f.tree()
	if err != nil {
		return 0, fmt.Errorf("sealed: root of size %d: %w", f.size, err)
	}
	if err := save(ctx, log, first, ids, hashes); err != nil {
		return 0, err
	}
	if err := saveCheckpoint(ctx, log, sign, t, now); err != nil {
		return 0, err
	}
	return len(events), nil
}

// resume returns the log's frontier after checking it against the newest
// checkpoint.
func resume(ctx context.Context, log audit.Sequencer, sign *Signer) (*frontier, error) {
	c, err := log.Checkpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("sealed: read the newest checkpoint: %w", err)
	}
	f := &frontier{}
	if c.Size != 0 || c.Note != "" {
		if f, err = resumeAt(ctx, log, sign, c); err != nil {
			return nil, err
		}
	}
	// Without this, deleting the newest checkpoint would let the log be
	// signed anew from an earlier one.
	beyond, err := log.Sealed(ctx, f.size, 1)
	if err != nil {
		return nil, fmt.Errorf("sealed: read events from %d on: %w", f.size, err)
	}
	if len(beyond) != 0 {
		return nil, fmt.Errorf("%w: event %d has a place, but the newest checkpoint is of size %d",
			ErrTampered, beyond[0].Index, f.size)
	}
	return f, nil
}

// resumeAt returns the frontier that c commits to.
func resumeAt(ctx context.Context, log audit.Sequencer, sign *Signer, c audit.Checkpoint) (*frontier, error) {
	t, err := open(c.Note, sign.verifier)
	if err != nil {
		return nil, fmt.Errorf("%w: stored checkpoint of size %d: %w", ErrTampered, c.Size, err)
	}
	if t.N != c.Size {
		return nil, fmt.Errorf("%w: the checkpoint stored for size %d is of size %d", ErrTampered, c.Size, t.N)
	}
	f, root, err := loadFrontier(t.N, stored(ctx, log))
	if err != nil {
		return nil, err
	}
	if root != t.Hash {
		return nil, fmt.Errorf("%w: the stored hashes don't lead to the checkpoint of size %d", ErrTampered, t.N)
	}
	return &f, nil
}

// grow adds the events to f and returns their ids and the hashes to store.
func grow(f *frontier, events []audit.Event) (ids []string, hashes []tlog.Hash, err error) {
	if f.size > maxSize-int64(len(events)) {
		return nil, nil, fmt.Errorf("sealed: a log of %d events is full (%w)", f.size, atlas.ErrLimited)
	}
	ids = make([]string, len(events))
	hashes = make([]tlog.Hash, 0, 2*len(events)+48)
	for i, e := range events {
		if len(e.Leaf) == 0 || len(e.Leaf) > audit.MaxLeaf {
			return nil, nil, fmt.Errorf("%w: event %s has a leaf of %d bytes", ErrTampered, e.ID, len(e.Leaf))
		}
		h, err := f.add(e.Leaf)
		if err != nil {
			return nil, nil, fmt.Errorf("sealed: hash event %s: %w", e.ID, err)
		}
		ids[i], hashes = e.ID, append(hashes, h...)
	}
	return ids, hashes, nil
}

// save stores the places and hashes of a batch that begins at first.
func save(ctx context.Context, log audit.Sequencer, first int64, ids []string, hashes []tlog.Hash) error {
	if err := log.Place(ctx, first, ids); err != nil {
		return fmt.Errorf("sealed: place %d events from %d on: %w", len(ids), first, err)
	}
	if err := log.AppendHashes(ctx, tlog.StoredHashCount(first), toBytes(hashes)); err != nil {
		return fmt.Errorf("sealed: store the hashes of %d events from %d on: %w", len(ids), first, err)
	}
	return nil
}

// saveCheckpoint signs and stores the checkpoint of t.
func saveCheckpoint(ctx context.Context, log audit.Sequencer, sign *Signer, t tlog.Tree, now time.Time) error {
	signed, err := sign.sign(t)
	if err != nil {
		return err
	}
	if err := log.SaveCheckpoint(ctx, audit.Checkpoint{Size: t.N, Note: signed, At: now}); err != nil {
		return fmt.Errorf("sealed: save the checkpoint of size %d: %w", t.N, err)
	}
	return nil
}

package sealed

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
)

// stored returns a reader of the log's hashes. A hash that is missing is
// damage, not something that can't be found.
func stored(ctx context.Context, log audit.Sequencer) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		raw, err := log.Hashes(ctx, indexes)
		if errors.Is(err, atlas.ErrNotFound) {
			return nil, fmt.Errorf("%w: a stored hash is missing", ErrTampered)
		}
		if err != nil {
			return nil, fmt.Errorf("sealed: read hashes: %w", err)
		}
		if len(raw) != len(indexes) {
			return nil, fmt.Errorf("%w: %d hashes stored where %d should be", ErrTampered, len(raw), len(indexes))
		}
		hashes, err := fromBytes(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: stored hashes: %w", ErrTampered, err)
		}
		return hashes, nil
	})
}

// fromBytes returns raw as hashes.
func fromBytes(raw [][]byte) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(raw))
	for i, b := range raw {
		if len(b) != audit.HashSize {
			return nil, fmt.Errorf("a hash of %d bytes", len(b))
		}
		copy(out[i][:], b)
	}
	return out, nil
}

// toBytes returns hashes as bytes, which share their memory.
func toBytes(hashes []tlog.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

// frontier is as much of a tree as it takes to add leaves and to know the
// root: the roots of its complete subtrees, largest first. The zero value is
// the empty tree.
type frontier struct {
	size  int64
	roots []tlog.Hash
}

// loadFrontier reads the frontier of the tree of that size with one read, and
// returns its root.
func loadFrontier(size int64, r tlog.HashReader) (frontier, tlog.Hash, error) {
	f := frontier{size: size}
	// TreeHash asks once, for exactly these roots in this order.
	root, err := tlog.TreeHash(size, tlog.HashReaderFunc(func(indexes []int64) (_ []tlog.Hash, err error) {
		f.roots, err = r.ReadHashes(indexes)
		return f.roots, err
	}))
	return f, root, err
}

// ReadHashes answers package tlog, which asks for the smallest subtrees when
// a leaf completes them, and for all of them when it computes the root.
func (f *frontier) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	if len(indexes) > len(f.roots) {
		return nil, fmt.Errorf("sealed: frontier of %d has no %d subtrees", f.size, len(indexes))
	}
	return f.roots[len(f.roots)-len(indexes):], nil
}

// add adds a leaf and returns the hashes to store for it.
func (f *frontier) add(leaf []byte) ([]tlog.Hash, error) {
	hashes, err := tlog.StoredHashes(f.size, leaf, f)
	if err != nil {
		return nil, err
	}
	completed := len(hashes) - 1
	f.roots = append(f.roots[:len(f.roots)-completed], hashes[completed])
	f.size++
	return hashes, nil
}

// tree returns the size and the root.
func (f *frontier) tree() (tlog.Tree, error) {
	root, err := tlog.TreeHash(f.size, f)
	return tlog.Tree{N: f.size, Hash: root}, err
}

// Package sealed makes the audit log checkable by a stranger: it puts audit
// events into one Merkle log, signs checkpoints of it, and proves and
// verifies what they say.
//
// Hashing is that of RFC 6962, section 2.1, over the leaves as they are
// stored. A checkpoint is a C2SP tlog-checkpoint in a C2SP signed note
// (c2sp.org/tlog-checkpoint, c2sp.org/signed-note), so that programs other
// than this one can check it.
//
// [Batch] is the sequencer's step. [Prove] and [ProveGrowth] answer whoever
// asks; [Proof.Verify] and [Growth.Verify] are for the asker, who needs the
// verifier key ([Signer.Verifier]) from somewhere else than the log. [Export]
// and [VerifyExport] do the same for the log as a whole, offline.
//
// What a checkpoint can't show is that the holder of the signing key wrote a
// second history, or cut the log back to an earlier checkpoint. Checkpoints
// kept outside show both; give them to VerifyExport, or compare them with
// ProveGrowth.
package sealed

import (
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
)

var (
	// ErrTampered says that the log is not what its checkpoint says: an event
	// was edited, deleted, inserted or moved, the end was cut off, or the
	// history was written anew.
	ErrTampered = fmt.Errorf("sealed: the log was tampered with (%w)", atlas.ErrRefused)
	// ErrSignature says that a checkpoint is malformed, or not signed by the
	// key it is checked with.
	ErrSignature = fmt.Errorf("sealed: not a checkpoint signed by this log's key (%w)", atlas.ErrRefused)
)

// TamperedError is the [ErrTampered] of an export, with the place where the
// damage shows.
type TamperedError struct {
	// From and To bound the place, To excluded: one event if its line is bad
	// or missing; if only the hashes disagree, all events since the last kept
	// checkpoint that agreed.
	From, To int64
	// Problem is a phrase for people.
	Problem string
}

// Error names the place and the problem.
func (e *TamperedError) Error() string {
	if e.To-e.From == 1 {
		return fmt.Sprintf("%v: event %d: %s", ErrTampered, e.From, e.Problem)
	}
	return fmt.Sprintf("%v: events %d to %d: %s", ErrTampered, e.From, e.To-1, e.Problem)
}

// Unwrap returns [ErrTampered].
func (e *TamperedError) Unwrap() error { return ErrTampered }

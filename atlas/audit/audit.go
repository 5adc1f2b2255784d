// Package audit records who did what to what, in the transaction that did it.
//
// An event is written unchained, so that no tenant waits for another. Later
// the events are sequenced in batches into one Merkle log with signed
// checkpoints by package atlas/audit/sealed, which also verifies exports
// offline.
//
// The bytes that are hashed ([Event.Leaf]) are stored as they were hashed and
// never encoded anew. They hold ids, not names or addresses, so that a
// person's data can be erased without breaking the log.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Unsealed is the Index of an event that has not been sequenced yet.
const Unsealed int64 = -1

// MaxLeaf is the most bytes a leaf may have.
const MaxLeaf = 8 << 10

// Event is something that was done.
type Event struct {
	ID           string          `data:"audit"`
	At           time.Time       `data:"audit"`
	ActorID      atlas.AccountID `data:"account.ref"` // empty: a device or the system itself
	Impersonator atlas.AccountID `data:"account.ref"`
	DeviceID     atlas.DeviceID  `data:"device.ref"` // the device that acted, if one did
	Action       string          `data:"audit"`
	TargetID     string          `data:"audit"`
	Path         atlas.Path      `data:"account.role"` // who may see it: the account concerned and above
	Tenant       atlas.AccountID `data:"account.ref"`
	Leaf         []byte          `data:"audit"` // what is hashed
	Index        int64           `data:"audit"` // place in the log, or Unsealed
}

// Fact is one detail of an event. Values are ids, numbers and states, never
// names or other personal data.
type Fact struct {
	Name  string `json:"n"`
	Value string `json:"v"`
}

// leaf is the shape of Event.Leaf. Its field order is the encoding.
type leaf struct {
	V            int             `json:"v"`
	ID           string          `json:"id"`
	At           string          `json:"at"`
	ActorID      atlas.AccountID `json:"actor,omitempty"`
	Impersonator atlas.AccountID `json:"impersonator,omitempty"`
	DeviceID     atlas.DeviceID  `json:"device,omitempty"`
	Action       string          `json:"action"`
	TargetID     string          `json:"target,omitempty"`
	Path         atlas.Path      `json:"path,omitempty"`
	Facts        []Fact          `json:"facts,omitempty"`
}

// New returns e with its leaf and without a place in the log. It returns an
// ErrLimited if the facts make the leaf larger than [MaxLeaf].
func New(e Event, facts ...Fact) (Event, error) {
	b, err := json.Marshal(leaf{
		V: 1, ID: e.ID, At: e.At.UTC().Format(time.RFC3339Nano), ActorID: e.ActorID, Impersonator: e.Impersonator,
		DeviceID: e.DeviceID, Action: e.Action, TargetID: e.TargetID, Path: e.Path, Facts: facts,
	})
	if err != nil {
		return Event{}, fmt.Errorf("audit: encode %s: %w", e.ID, err)
	}
	if len(b) > MaxLeaf {
		return Event{}, fmt.Errorf("audit: event %s: %w", e.ID, atlas.ErrTooLarge)
	}
	e.Leaf, e.Index, e.Tenant = b, Unsealed, e.Path.Tenant()
	return e, nil
}

// Facts returns the details in the event's leaf.
func (e Event) Facts() ([]Fact, error) {
	var l leaf
	if err := json.Unmarshal(e.Leaf, &l); err != nil {
		return nil, fmt.Errorf("audit: leaf of %s: %w", e.ID, err)
	}
	return l.Facts, nil
}

// Log is what writing an event needs of storage, inside one transaction.
type Log interface {
	// Insert adds e. It returns ErrExists if the ID is taken.
	Insert(ctx context.Context, e Event) error
}

// Checkpoint is a signed statement of the log's size and root.
type Checkpoint struct {
	Size int64     `data:"none"`
	Note string    `data:"none"` // C2SP signed note
	At   time.Time `data:"none"`
}

// HashSize is the size of a stored hash in bytes (SHA-256).
const HashSize = 32

// Sealed is what reading the log needs of storage. What it returns never
// changes, so its calls need not be in one transaction.
type Sealed interface {
	// Checkpoint returns the newest checkpoint, or the zero one for an empty
	// log.
	Checkpoint(ctx context.Context) (Checkpoint, error)
	// Sealed returns at most limit events from the place first on, in order.
	Sealed(ctx context.Context, first int64, limit int) ([]Event, error)
}

// Sequencer is what sealing needs of storage, inside one transaction.
type Sequencer interface {
	Sealed
	// Unsealed returns at most limit events that have no place yet, by ID.
	Unsealed(ctx context.Context, limit int) ([]Event, error)
	// Place gives the events ids the places first, first+1, … It returns
	// ErrStale if one of them has a place already, or a place is taken.
	Place(ctx context.Context, first int64, ids []string) error
	// Hashes returns the stored hashes at the given indexes, in their order,
	// or ErrNotFound if one is missing.
	Hashes(ctx context.Context, indexes []int64) ([][]byte, error)
	// AppendHashes stores hashes at first, first+1, … It returns ErrExists if
	// an index is taken.
	AppendHashes(ctx context.Context, first int64, hashes [][]byte) error
	// SaveCheckpoint adds c. It returns ErrExists if there is one of that
	// size.
	SaveCheckpoint(ctx context.Context, c Checkpoint) error
}

// Package memory is the store for tests and demonstrations: the whole
// contract of package store without a database, and what tests want besides:
// snapshots, injected faults and repeated transactions.
//
// Tables are maps that never change (package internal/pmap), so that a snapshot costs one
// word, a View never waits, and an Update works on a copy of its own that is
// thrown away or becomes the store. Updates run one after another, which is
// what makes them serializable. Nothing here reads a clock, makes an id or
// starts a goroutine: the same calls give the same store.
//
// The content is gone with the process.
package memory

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// Options are the optional parts of a Store. The zero value is a plain one.
type Options struct {
	// Fault is asked before everything that happens, by name: "begin", each
	// operation as accessor and method ("ledger.Append"), "commit". Views ask
	// it too, from the goroutine that each runs in, but for "commit".
	Fault func(op string) Fault
	// Repeat is the share of runs, from 0 to 1, that Update throws away and
	// repeats although they would have been committed; no transaction is
	// repeated more than [MaxRepeats] times. Closures that are not safe to
	// run again show themselves here.
	Repeat float64
	// Seed fixes which runs these are.
	Seed uint64
}

// Fault is what goes wrong. The zero Fault is nothing.
//
// After an Err of another kind than atlas.ErrNotFound, ErrExists and ErrStale
// the transaction is broken, as it is in a database: whatever else it does
// returns Err again, and it is not committed.
type Fault struct {
	// Err is returned instead.
	Err error
	// Applied says, of a commit, that it took effect before Err: its answer
	// was lost.
	Applied bool
}

// Bounds of a transaction's runs.
const (
	// MaxRepeats is how often Options.Repeat repeats one transaction.
	MaxRepeats = 8
	// MaxTries is how often one is run whose error wraps atlas.ErrStale.
	MaxTries = 3
)

// Store is a store.Store in memory. It is safe for concurrent use.
type Store struct {
	repeat float64
	random *rand.Rand    // of whoever holds writer
	writer chan struct{} // held for the length of an Update; a channel, so that waiting can be cancelled

	mu    sync.RWMutex // of the rest
	root  *state       // replaced, never changed
	fault func(op string) Fault
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New(o Options) *Store {
	return &Store{
		repeat: o.Repeat, random: rand.New(rand.NewPCG(o.Seed, 0)), fault: o.Fault,
		writer: make(chan struct{}, 1), root: empty(),
	}
}

// Snapshot is the content of a store at one moment. The zero Snapshot is
// that of an empty store.
type Snapshot struct{ root *state }

// Snapshot returns what is committed. It costs nothing.
func (s *Store) Snapshot() Snapshot { return Snapshot{s.current()} }

// Restore makes the store what it was at the snapshot, which may come from
// another store. It waits for an Update that is running, so it is not for use
// inside one.
func (s *Store) Restore(snap Snapshot) {
	s.writer <- struct{}{}
	defer func() { <-s.writer }()
	if snap.root == nil {
		snap.root = empty()
	}
	s.replace(snap.root)
}

// SetFault replaces Options.Fault, for transactions that are running as well;
// nil is none.
func (s *Store) SetFault(fault func(op string) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *Store) current() *state {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.root
}

func (s *Store) replace(root *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.root = root
}

// ask returns what goes wrong at op. It calls the hook without the lock, so
// that the hook may use the store.
func (s *Store) ask(op string) Fault {
	s.mu.RLock()
	fault := s.fault
	s.mu.RUnlock()
	if fault == nil {
		return Fault{}
	}
	return fault(op)
}

// inside marks the context of a transaction of one store.
type inside struct{ store *Store }

// View runs fn on what is committed now; see store.Store.
func (s *Store) View(ctx context.Context, fn func(ctx context.Context, tx store.Tx) error) error {
	if ctx.Value(inside{s}) != nil {
		return atlas.ErrNestedTx
	}
	t, err := s.begin(ctx, s.current())
	if err != nil {
		return err
	}
	defer t.end()
	t.readOnly = true
	return fn(context.WithValue(ctx, inside{s}, true), t)
}

// Update runs fn on a copy of what is committed, which then takes its place;
// see store.Store.
func (s *Store) Update(ctx context.Context, fn func(ctx context.Context, tx store.Tx) error) error {
	if ctx.Value(inside{s}) != nil {
		return atlas.ErrNestedTx
	}
	select {
	case s.writer <- struct{}{}:
		defer func() { <-s.writer }()
	case <-ctx.Done():
		return ctx.Err()
	}
	tries, repeats := 1, 0
	for {
		next, err := s.run(ctx, fn)
		if err == nil && repeats < MaxRepeats && s.repeat > 0 && s.random.Float64() < s.repeat {
			repeats++
			continue
		}
		applied := false
		if err == nil {
			applied, err = s.commit(ctx, next)
		}
		if applied || tries == MaxTries || !errors.Is(err, atlas.ErrStale) {
			return err
		}
		tries++
	}
}

// run returns what the store becomes if fn's work is committed.
func (s *Store) run(ctx context.Context, fn func(context.Context, store.Tx) error) (*state, error) {
	next := *s.current()
	t, err := s.begin(ctx, &next)
	if err != nil {
		return nil, err
	}
	defer t.end()
	if err := fn(context.WithValue(ctx, inside{s}, true), t); err != nil {
		return nil, err
	}
	return &next, t.broken
}

func (s *Store) begin(ctx context.Context, root *state) (*tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if f := s.ask("begin"); f.Err != nil {
		return nil, f.Err
	}
	return &tx{state: root, store: s}, nil
}

func (s *Store) commit(ctx context.Context, next *state) (applied bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	f := s.ask("commit")
	if f.Err != nil && !f.Applied {
		return false, f.Err
	}
	s.replace(next)
	return true, f.Err
}

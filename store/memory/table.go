package memory

import (
	"iter"
	"slices"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store/memory/internal/pmap"
)

// kind is what a table has to know of its records.
type kind[R any] struct {
	id      func(*R) string
	version func(*R) *int64 // nil: there is none
	// place is where the record is in the tree, for scopes and moves; nil: it
	// is in none.
	place func(*R) (*atlas.Path, *atlas.AccountID)
	// indexes are the ways of finding a record besides its id.
	indexes []index[R]
}

// index returns the keys under which a record is found; it may have none. A
// key belongs to one record: unless it ends in the id it is a unique one.
type index[R any] func(*R) []string

// table is the records of one kind with their indexes. It is a value: writing
// to a copy leaves the original as it was.
type table[R any] struct {
	*kind[R]
	copier[R]
	byPath  int // the index of places
	rows    pmap.Map[*R]
	indexed []pmap.Map[*R] // replaced, never changed
}

func newTable[R any](k kind[R]) table[R] {
	t := table[R]{kind: &k, copier: newCopier[R](), byPath: len(k.indexes)}
	if k.place != nil {
		k.indexes = append(k.indexes, func(r *R) []string {
			path, _ := k.place(r)
			return only(joined(*path, k.id(r)))
		})
	}
	t.indexed = make([]pmap.Map[*R], len(k.indexes))
	return t
}

// get returns the record id, or ErrNotFound.
func (t *table[R]) get(id string) (R, error) { return t.found(t.rows.Get(id)) }

// lookup returns the record that an index has under key, or ErrNotFound.
func (t *table[R]) lookup(ix int, key string) (R, error) { return t.found(t.indexed[ix].Get(key)) }

func (t *table[R]) found(r *R, ok bool) (R, error) {
	if !ok {
		var none R
		return none, atlas.ErrNotFound
	}
	return t.out(r), nil
}

// insert adds all records with Version 1, or none and ErrExists.
func (t *table[R]) insert(rs ...R) error {
	next := *t
	for _, r := range rs {
		if _, taken := next.rows.Get(t.id(&r)); taken {
			return atlas.ErrExists
		}
		if t.version != nil {
			*t.version(&r) = 1
		}
		if err := next.put(t.in(r)); err != nil {
			return err
		}
	}
	*t = next
	return nil
}

// save replaces a record that has r's Version by r with the next one. It
// returns ErrStale if there is none.
func (t *table[R]) save(r R) error {
	old, ok := t.rows.Get(t.id(&r))
	if !ok || *t.version(old) != *t.version(&r) {
		return atlas.ErrStale
	}
	*t.version(&r)++
	return t.put(t.in(r))
}

// upsert is save, where Version 0 adds a record.
func (t *table[R]) upsert(r R) error {
	if _, ok := t.rows.Get(t.id(&r)); ok {
		return t.save(r)
	}
	if *t.version(&r) != 0 {
		return atlas.ErrStale
	}
	return t.insert(r)
}

// change puts a changed copy of the record id in its place, whatever its
// Version. It returns ErrNotFound, ErrExists, or the error of fn.
func (t *table[R]) change(id string, fn func(*R) error) error {
	r, err := t.get(id)
	if err != nil {
		return err
	}
	if err := fn(&r); err != nil {
		return err
	}
	return t.put(t.in(r))
}

// put stores r, which nothing else may change afterwards, or returns
// ErrExists and leaves the table as it was.
func (t *table[R]) put(r *R) error {
	id := t.id(r)
	old, _ := t.rows.Get(id)
	next := make([]pmap.Map[*R], len(t.indexed))
	for i, keys := range t.indexes {
		var before []string
		if old != nil {
			before = keys(old)
		}
		m, ok := reindex(t.indexed[i], old, r, before, keys(r))
		if !ok {
			return atlas.ErrExists
		}
		next[i] = m
	}
	t.rows, t.indexed = t.rows.With(id, r), next
	return nil
}

// remove takes the records ids away and returns how many there were.
func (t *table[R]) remove(ids ...string) (n int64) {
	for _, id := range ids {
		old, ok := t.rows.Get(id)
		if !ok {
			continue
		}
		next := make([]pmap.Map[*R], len(t.indexed))
		for i, keys := range t.indexes {
			next[i], _ = reindex(t.indexed[i], old, nil, keys(old), nil)
		}
		t.rows, t.indexed = t.rows.Without(id), next
		n++
	}
	return n
}

// reindex returns an index in which r is under the keys after, in place of
// old under the keys before; or false if another record is under one of them.
func reindex[R any](m pmap.Map[*R], old, r *R, before, after []string) (pmap.Map[*R], bool) {
	for _, key := range after {
		if other, taken := m.Get(key); taken && other != old {
			return m, false
		}
	}
	for _, key := range before {
		if !slices.Contains(after, key) {
			m = m.Without(key)
		}
	}
	for _, key := range after {
		m = m.With(key, r)
	}
	return m, true
}

// between walks through the records with from <= key < to in an index, by
// key. What it yields is not the caller's.
func (t *table[R]) between(ix int, from, to string) iter.Seq[*R] {
	return values(t.indexed[ix].Ascend(from, to))
}

// sharing walks through the records whose key in an index begins with the
// part p, by key.
func (t *table[R]) sharing(ix int, p string) iter.Seq[*R] {
	from, to := under(p)
	return t.between(ix, from, to)
}

func values[R any](all iter.Seq2[string, *R]) iter.Seq[*R] {
	return func(yield func(*R) bool) {
		for _, r := range all {
			if !yield(r) {
				return
			}
		}
	}
}

// first returns the first limit records of some for the caller to keep.
func (t *table[R]) first(limit int, some iter.Seq[*R]) (out []R) {
	if limit <= 0 {
		return nil
	}
	for r := range some {
		if out = append(out, t.out(r)); len(out) == limit {
			break
		}
	}
	return out
}

// all returns all of some for the caller to keep.
func (t *table[R]) all(some iter.Seq[*R]) []R { return t.first(int(^uint(0)>>1), some) }

// ids returns the ids of the first limit records of some.
func (t *table[R]) ids(limit int, some iter.Seq[*R]) (out []string) {
	for r := range some {
		if len(out) >= limit {
			break
		}
		out = append(out, t.id(r))
	}
	return out
}

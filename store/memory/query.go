package memory

import (
	"iter"
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// query says which records a list has.
type query[R any] struct {
	scope atlas.Scope
	match func(*R) bool // nil: all
	// key, unless empty, is a part that the records share in index ix, whose
	// last part must be the id.
	ix  int
	key string
}

func (t *table[R]) holds(q query[R], r *R) bool {
	if t.place != nil {
		if path, _ := t.place(r); !q.scope.Contains(*path) {
			return false
		}
	}
	return q.match == nil || q.match(r)
}

// inOrder reports whether the records that q looks at come by id: those of a
// shared key, or all. Those of a part of the tree come by path.
func (t *table[R]) inOrder(q query[R]) bool {
	return q.key != "" || t.place == nil || q.scope.Reach() == atlas.Everywhere
}

// page returns one page of the records of q, newest first.
func (t *table[R]) page(q query[R], p atlas.Page) []R {
	if !t.inOrder(q) {
		best := newest[R]{id: t.id, page: p}
		for r := range t.within(q.scope) {
			if q.match == nil || q.match(r) {
				best.add(r)
			}
		}
		return t.all(slices.Values(best.rows))
	}
	var out []R
	for r := range t.before(q, p.After) {
		if t.holds(q, r) {
			if out = append(out, t.out(r)); len(out) == p.Size() {
				break
			}
		}
	}
	return out
}

// count returns how many records q has.
func (t *table[R]) count(q query[R]) (n int64) {
	some := t.before(q, "")
	if !t.inOrder(q) {
		some = t.within(q.scope)
	}
	for r := range some {
		if t.holds(q, r) {
			n++
		}
	}
	return n
}

// before walks through what an ordered query looks at, newest first, from
// below the id after on.
func (t *table[R]) before(q query[R], after string) iter.Seq[*R] {
	if q.key == "" {
		return values(t.rows.Descend("", after))
	}
	from, to := under(q.key)
	if after != "" {
		to = joined(q.key, after)
	}
	return values(t.indexed[q.ix].Descend(from, to))
}

// within walks through the records in scope, by path.
func (t *table[R]) within(scope atlas.Scope) iter.Seq[*R] {
	self, below := t.at(scope.Path()), t.below(scope.Path())
	switch scope.Reach() {
	case atlas.Everywhere:
		return values(t.rows.Ascend("", ""))
	case atlas.Subtree:
		return func(yield func(*R) bool) {
			for _, part := range []iter.Seq[*R]{self, below} {
				for r := range part {
					if !yield(r) {
						return
					}
				}
			}
		}
	case atlas.Below:
		return below
	case atlas.Self:
		return self
	}
	return func(func(*R) bool) {}
}

// at walks through the records at p, by id.
func (t *table[R]) at(p atlas.Path) iter.Seq[*R] { return t.sharing(t.byPath, string(p)) }

// below walks through the records below p, by path.
func (t *table[R]) below(p atlas.Path) iter.Seq[*R] {
	from, to := p.Bounds()
	return t.between(t.byPath, from, to)
}

// newest keeps the records of one page out of all that are added, newest
// first.
type newest[R any] struct {
	id   func(*R) string
	page atlas.Page
	rows []*R
}

func (n *newest[R]) add(r *R) {
	id, size := n.id(r), n.page.Size()
	if n.page.After != "" && id >= n.page.After {
		return
	}
	if len(n.rows) == size && id < n.id(n.rows[size-1]) {
		return
	}
	i, found := slices.BinarySearchFunc(n.rows, id, func(r *R, id string) int { return strings.Compare(id, n.id(r)) })
	if found {
		return
	}
	n.rows = slices.Insert(n.rows, i, r)
	n.rows = n.rows[:min(len(n.rows), size)]
}

// move rewrites the place of every record at or below from. The walk is
// through the table as it was: what moves is not met again.
func (t *table[R]) move(from, to atlas.Path) error {
	for r := range t.within(atlas.SubtreeOf(from)) {
		err := t.change(t.id(r), func(r *R) error {
			path, tenant := t.place(r)
			*path = to + (*path)[len(from):]
			*tenant = path.Tenant()
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

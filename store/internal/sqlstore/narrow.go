package sqlstore

import (
	"github.com/uptrace/bun"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// nothing is a condition that no row meets.
const nothing = "1 = 0"

// within returns the condition that a row's path is in the scope, and its
// arguments. A reach that is not known has nothing in it.
func within(s atlas.Scope) (string, []any) {
	if s.Reach() == atlas.Everywhere {
		return "1 = 1", nil
	}
	p := s.Path()
	if p == "" {
		return nothing, nil
	}
	switch s.Reach() {
	case atlas.Self:
		return "path = ?", []any{p}
	case atlas.Below:
		from, to := p.Bounds()
		return "path >= ? AND path < ?", []any{from, to}
	case atlas.Subtree:
		return underOrAt(p)
	}
	return nothing, nil
}

// underOrAt returns the condition that a path is p or below it: one range of
// an index, less the few neighbours that it catches, such as "p-1".
func underOrAt(p atlas.Path) (string, []any) {
	from, to := p.Bounds()
	return "path >= ? AND path < ? AND (path = ? OR path >= ?)", []any{p, to, p, from}
}

// scoped leaves the rows in the scope.
func scoped(q *bun.SelectQuery, s atlas.Scope) *bun.SelectQuery {
	where, args := within(s)
	return q.Where(where, args...)
}

// paged leaves one page, newest first.
func paged(q *bun.SelectQuery, p atlas.Page) *bun.SelectQuery {
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	return q.Order("id DESC").Limit(int64(p.Size()))
}

// few leaves at most limit rows in the given order. To bun a limit of 0 is
// none.
func few(q *bun.SelectQuery, limit int, order ...string) *bun.SelectQuery {
	if limit <= 0 {
		return q.Where(nothing)
	}
	return q.Order(order...).Limit(int64(limit))
}

// equal leaves the rows whose column has that value; an empty one matches
// everything.
func equal[V ~string](q *bun.SelectQuery, column string, value V) *bun.SelectQuery {
	if value == "" {
		return q
	}
	return q.Where("? = ?", bun.Ident(column), value)
}

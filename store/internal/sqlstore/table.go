package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// table is where the records T are kept. T has a field ID, and a field
// Version unless its records never change.
type table[T any] struct {
	name    string
	id      []int
	version []int // nil: none
	times   [][]int
	slices  [][]int
}

// tableOf returns the table called name. It looks at the fields of T once.
func tableOf[T any](name string) table[T] {
	t := table[T]{name: name}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		switch {
		case f.Anonymous:
		case f.Name == "ID":
			t.id = f.Index
		case f.Name == "Version":
			t.version = f.Index
		case f.Type == reflect.TypeFor[time.Time]():
			t.times = append(t.times, f.Index)
		case f.Type.Kind() == reflect.Slice:
			t.slices = append(t.slices, f.Index)
		}
	}
	return t
}

// normalize makes row what every backend stores and returns alike: times in
// UTC and microseconds, and no slice rather than an empty one. It replaces
// slices and never changes what is in them.
func (t table[T]) normalize(row *T) {
	v := reflect.ValueOf(row).Elem()
	for _, i := range t.times {
		at := v.FieldByIndex(i).Addr().Interface().(*time.Time)
		*at = atlas.Instant(*at)
	}
	for _, i := range t.slices {
		if f := v.FieldByIndex(i); f.Len() == 0 {
			f.SetZero()
		}
	}
}

func (t table[T]) idOf(row *T) any { return reflect.ValueOf(row).Elem().FieldByIndex(t.id).Interface() }

// versionOf returns a pointer to row's version, or to a number that nobody
// reads if it has none.
func (t table[T]) versionOf(row *T) *int64 {
	if t.version == nil {
		return new(int64)
	}
	return reflect.ValueOf(row).Elem().FieldByIndex(t.version).Addr().Interface().(*int64)
}

// from begins a query for rows.
func (t table[T]) from(x *tx, rows *[]T) *bun.SelectQuery {
	return x.db.NewSelect().Conn(x.conn).Model(rows).ModelTableExpr("? AS ?TableAlias", bun.Ident(t.name))
}

// list returns the rows that narrow leaves.
func (t table[T]) list(ctx context.Context, x *tx, narrow func(*bun.SelectQuery) *bun.SelectQuery) ([]T, error) {
	var rows []T
	if err := narrow(t.from(x, &rows)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("store: read %s: %w", t.name, err)
	}
	for i := range rows {
		t.normalize(&rows[i])
	}
	return rows, nil
}

// count returns how many rows narrow leaves.
func (t table[T]) count(ctx context.Context, x *tx, narrow func(*bun.SelectQuery) *bun.SelectQuery) (int64, error) {
	var rows []T
	n, err := narrow(t.from(x, &rows)).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("store: count %s: %w", t.name, err)
	}
	return n, nil
}

// get returns the row that where names, or ErrNotFound.
func (t table[T]) get(ctx context.Context, x *tx, where string, args ...any) (T, error) {
	rows, err := t.list(ctx, x, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where(where, args...).Limit(1) })
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("store: %s: %w", t.name, atlas.ErrNotFound)
	}
	if err != nil {
		var none T
		return none, err
	}
	return rows[0], nil
}

// insert adds all rows with version 1, or none and ErrExists if a unique
// value of one is taken.
func (t table[T]) insert(ctx context.Context, x *tx, rows ...T) error {
	if x.readOnly {
		return atlas.ErrReadOnly
	}
	rows = slices.Clone(rows)
	for i := range rows {
		t.normalize(&rows[i])
		*t.versionOf(&rows[i]) = 1
	}
	return x.allOrNothing(ctx, len(rows) > 1, func() error {
		for part := range slices.Chunk(rows, rowsAtOnce) {
			if err := t.add(ctx, x, part); err != nil {
				return err
			}
		}
		return nil
	})
}

// rowsAtOnce is how many rows one statement writes at most: few enough that
// its text stays within some megabytes.
const rowsAtOnce = 500

// add inserts rows as they are. ON CONFLICT: a refused INSERT would end a
// PostgreSQL transaction.
func (t table[T]) add(ctx context.Context, x *tx, rows []T) error {
	n, err := changed(x.db.NewInsert().Conn(x.conn).Model(&rows).ModelTableExpr(t.name).On("CONFLICT DO NOTHING").Exec(ctx))
	if err != nil {
		return err
	}
	if n != int64(len(rows)) {
		return fmt.Errorf("store: %s: %w", t.name, atlas.ErrExists)
	}
	return nil
}

// save writes row and adds one to its version. It returns ErrStale if the
// stored version is another or there is none, or ErrExists if one of the
// columns unique has a value that another row has. The question is part of
// the UPDATE, because a refused one would end a PostgreSQL transaction.
func (t table[T]) save(ctx context.Context, x *tx, row T, unique ...string) error {
	if x.readOnly {
		return atlas.ErrReadOnly
	}
	t.normalize(&row)
	id, version := t.idOf(&row), t.versionOf(&row)
	was := *version
	*version++
	q := x.db.NewUpdate().Conn(x.conn).Model(&row).ModelTableExpr(t.name).Where("id = ?", id).Where("version = ?", was)
	fields := x.db.Table(reflect.TypeFor[T]()).FieldMap
	for _, column := range unique {
		value := fields[column].Value(reflect.ValueOf(&row).Elem()).Interface()
		q.Where("NOT EXISTS (SELECT 1 FROM ?0 AS other WHERE other.?1 = ?2 AND other.id <> ?3)",
			bun.Ident(t.name), bun.Ident(column), value, id)
	}
	n, err := changed(q.Exec(ctx))
	if err != nil || n == 1 {
		return err
	}
	return t.why(ctx, x, id, was)
}

// why returns the reason why the row id of that version was not saved.
func (t table[T]) why(ctx context.Context, x *tx, id any, version int64) error {
	var fresh bool
	err := x.db.NewRaw("SELECT EXISTS (SELECT 1 FROM ? WHERE id = ? AND version = ?)", bun.Ident(t.name), id, version).
		Conn(x.conn).Scan(ctx, &fresh)
	switch {
	case err != nil:
		return fmt.Errorf("store: read %s: %w", t.name, err)
	case fresh:
		return fmt.Errorf("store: %s: %w", t.name, atlas.ErrExists)
	}
	return fmt.Errorf("store: %s: %w", t.name, atlas.ErrStale)
}

// put saves row, or inserts it if its version is 0. That the stored version
// is another one is an ErrStale.
func (t table[T]) put(ctx context.Context, x *tx, row T) error {
	if *t.versionOf(&row) != 0 {
		return t.save(ctx, x, row)
	}
	err := t.insert(ctx, x, row)
	if errors.Is(err, atlas.ErrExists) {
		return fmt.Errorf("store: %s: %w", t.name, atlas.ErrStale)
	}
	return err
}

// allOrNothing runs fn so that nothing of it remains if it returns an error,
// and the transaction stays usable. With one statement that is so anyway.
func (x *tx) allOrNothing(ctx context.Context, needed bool, fn func() error) error {
	if !needed {
		return fn()
	}
	return savepoint(ctx, x.conn, "atlas_part", fn)
}

// savepoint runs fn and takes back what it did if it returns an error.
func savepoint(ctx context.Context, conn bun.IConn, name string, fn func() error) (err error) {
	if _, err := conn.ExecContext(ctx, "SAVEPOINT "+name); err != nil {
		return fmt.Errorf("store: savepoint: %w", err)
	}
	done := false
	defer func() {
		if done && err == nil {
			return
		}
		// Also when ctx has ended or fn panics: the caller's transaction lives on.
		for _, undo := range []string{"ROLLBACK TO SAVEPOINT ", "RELEASE SAVEPOINT "} {
			if _, rerr := conn.ExecContext(context.WithoutCancel(ctx), undo+name); rerr != nil {
				err = errors.Join(err, fmt.Errorf("store: roll back to savepoint: %w", rerr))
			}
		}
	}()
	if err := fn(); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "RELEASE SAVEPOINT "+name); err != nil {
		return fmt.Errorf("store: release savepoint: %w", err)
	}
	done = true
	return nil
}

package privacy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// ErrUnclassified means that a stored field names no class of data, or one
// that atlas.DataClasses does not have.
var ErrUnclassified = fmt.Errorf("privacy: field without a class of data (%w)", atlas.ErrInvalid)

// Field is one line of the data map: a field of a stored record.
type Field struct {
	Record string // such as "atlas.Device"
	Field  string
	Class  atlas.DataClass
}

// Map returns the fields of the record types, in their order. The tag of a
// field speaks for everything inside it. The error is an [ErrUnclassified] for
// each field without a known class, all of them joined, or an atlas.ErrInvalid
// for a type that is no struct; there is no partial map beside an error.
func Map(types ...reflect.Type) ([]Field, error) {
	var out []Field
	var problems []error
	for _, t := range types {
		if t.Kind() != reflect.Struct {
			problems = append(problems, fmt.Errorf("privacy: %s is no record (%w)", t, atlas.ErrInvalid))
			continue
		}
		for i := range t.NumField() {
			f, err := classify(t, t.Field(i))
			out, problems = append(out, f), append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return out, nil
}

func classify(t reflect.Type, f reflect.StructField) (Field, error) {
	tag, _ := f.Tag.Lookup("data")
	class, ok := atlas.ClassOf(tag)
	if !ok {
		return Field{}, fmt.Errorf("%w: %s.%s has data:%q", ErrUnclassified, t, f.Name, tag)
	}
	return Field{Record: t.String(), Field: f.Name, Class: class}, nil
}

// RecordsOf returns the record types that a storage interface such as
// store.Tx keeps, ordered by name: every struct in the parameters and results
// of its methods, and of the interfaces that its methods return, also inside
// slices, maps and pointers. Left out is what asks and is not kept: contexts,
// times, atlas.Page, atlas.Scope, and types whose name ends in Filter.
func RecordsOf(iface reflect.Type) []reflect.Type {
	w := walk{seen: map[reflect.Type]bool{}}
	w.visit(iface)
	slices.SortFunc(w.records, func(a, b reflect.Type) int { return strings.Compare(a.String(), b.String()) })
	return w.records
}

type walk struct {
	seen    map[reflect.Type]bool
	records []reflect.Type
}

func (w *walk) visit(t reflect.Type) {
	if w.seen[t] || asks(t) {
		return
	}
	w.seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		for i := range t.NumMethod() {
			w.signature(t.Method(i).Type)
		}
	case reflect.Func:
		w.signature(t)
	case reflect.Map:
		w.visit(t.Key())
		w.visit(t.Elem())
	case reflect.Slice, reflect.Array, reflect.Pointer:
		w.visit(t.Elem())
	case reflect.Struct:
		w.records = append(w.records, t)
	}
}

func (w *walk) signature(m reflect.Type) {
	for i := range m.NumIn() {
		w.visit(m.In(i))
	}
	for i := range m.NumOut() {
		w.visit(m.Out(i))
	}
}

// asks reports the types that are part of a question and never stored.
func asks(t reflect.Type) bool {
	return t == reflect.TypeFor[context.Context]() || t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[atlas.Page]() || t == reflect.TypeFor[atlas.Scope]() ||
		strings.HasSuffix(t.Name(), "Filter")
}

// Write prints the fields as a Markdown table, one row each. The error is the
// writer's.
func Write(w io.Writer, fields []Field) error {
	var b strings.Builder
	b.WriteString("| Record | Field | Class | Category | Subject | Purposes | Retention | Sensitivity |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, f := range fields {
		purposes := make([]string, len(f.Class.Purposes))
		for i, p := range f.Class.Purposes {
			purposes[i] = string(p)
		}
		c := f.Class
		for _, cell := range []string{f.Record, f.Field, c.Name, c.Category, c.Subject, strings.Join(purposes, ", "), c.Retention, c.Sensitivity} {
			b.WriteString("| " + strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell) + " ")
		}
		b.WriteString("|\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("privacy: write the data map: %w", err)
	}
	return nil
}

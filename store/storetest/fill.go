package storetest

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// awkward is text that a query put together from strings, a pattern, a
// narrow character set or a case-insensitive column would not survive.
const awkward = "éÉ\U0001F4F1'\"%_\\{,}"

// A look is one way to fill a record.
type look struct {
	name string
	at   time.Time
	num  int64
	yes  bool
	text string
	raw  []byte
	list []string
}

func looks() []look {
	return []look{
		{"awkward", at, math.MaxInt64 - 1000, true, awkward, []byte{0, 1, 0xff, 0xfe, '\'', '\\'}, []string{awkward, "", "NULL", "a,b", " "}},
		{"early", time.Date(1901, 2, 3, 4, 5, 6, 1000, time.UTC), 1<<53 + 1, false, "plain", []byte(`{"b": 1, "a": 2}`), []string{"one"}},
		{"late", time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), 1, true, "NULL", []byte("\x00"), []string{""}},
	}
}

// filled returns a T with every field set, by kind and without knowing them:
// no two texts and no two numbers of it are alike, nor of records of another n.
func filled[T any](l look, n int) T {
	var v T
	count := int64(0)
	fill(reflect.ValueOf(&v).Elem(), l, n, "", &count)
	return v
}

func fill(v reflect.Value, l look, n int, name string, count *int64) {
	*count++
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		shift := time.Duration(*count+100*int64(n)) * time.Microsecond
		if l.at.Year() == 9999 {
			shift = -shift
		}
		*x = l.at.Add(shift)
		return
	case *[]byte:
		*x = fmt.Appendf(slices.Clone(l.raw), "%s-%d", name, n)
		return
	case *[]string:
		*x = append(slices.Clone(l.list), fmt.Sprintf("%s-%d", name, n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%s-%d-%s", name, n, l.text))
	case reflect.Int64, reflect.Int:
		v.SetInt(l.num + *count + 20*int64(n))
	case reflect.Bool:
		v.SetBool(l.yes)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), l, n, v.Type().Field(i).Name, count)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), l, n+i, name, count)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, val := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, l, n, name, count)
		fill(val, l, n, name, count)
		v.SetMapIndex(key, val)
	default:
		panic(fmt.Sprintf("storetest: a record has field %s of kind %s, which no backend knows", name, v.Kind()))
	}
}

// bare returns a T with nothing but the named fields set.
func bare[T any](n int, keys []string) T {
	full, out := filled[T](looks()[0], n), *new(T)
	for _, k := range keys {
		reflect.ValueOf(&out).Elem().FieldByName(k).Set(reflect.ValueOf(full).FieldByName(k))
	}
	return out
}

// field returns a pointer to the field of that name and type, or nil.
func field[F, T any](v *T, name string) *F {
	f := reflect.ValueOf(v).Elem().FieldByName(name)
	if !f.IsValid() {
		return nil
	}
	p, ok := f.Addr().Interface().(*F)
	if !ok {
		return nil
	}
	return p
}

// clone returns v with slices of its own.
func clone[T any](v T) T {
	r := reflect.ValueOf(&v).Elem()
	if r.Kind() != reflect.Struct {
		return v
	}
	for i := range r.NumField() {
		if f := r.Field(i); f.Kind() == reflect.Slice && f.Len() > 0 {
			own := reflect.MakeSlice(f.Type(), f.Len(), f.Len())
			reflect.Copy(own, f)
			f.Set(own)
		}
	}
	return v
}

// scribble overwrites every slice that v holds, in place.
func scribble[T any](v T) {
	r := reflect.ValueOf(v)
	for i := range r.NumField() {
		if f := r.Field(i); f.Kind() == reflect.Slice {
			for j := range f.Len() {
				f.Index(j).SetZero()
			}
		}
	}
}

// same requires that got is want. Empty slices and none are alike; a time
// must be the same instant in UTC.
func same[T any](t *testing.T, want, got T, msg ...any) {
	t.Helper()
	require.Equal(t, normal(want), normal(got), msg...)
}

func sameAll[T any](t *testing.T, want, got []T, msg ...any) {
	t.Helper()
	require.Len(t, got, len(want), msg...)
	for i := range want {
		same(t, want[i], got[i], msg...)
	}
}

func normal[T any](v T) T {
	r := reflect.ValueOf(&v).Elem()
	for i := range r.NumField() {
		if f := r.Field(i); f.Kind() == reflect.Slice && f.Len() == 0 {
			f.SetZero()
		}
	}
	return v
}

// nameOf returns the name of a type as people write it, such as atlas.Device.
func nameOf(t reflect.Type) string { return strings.TrimPrefix(t.String(), "*") }

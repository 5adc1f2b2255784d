package memory

import (
	"reflect"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// copier makes copies of records that share nothing with the original. It
// holds the numbers of the fields that plain assignment does not copy or
// that a database would change, found once for each type, so that no field
// that a record gains is forgotten.
type copier[R any] struct{ slices, times []int }

func newCopier[R any]() (c copier[R]) {
	record := reflect.TypeFor[R]()
	for i := range record.NumField() {
		switch field := record.Field(i).Type; {
		case field.Kind() == reflect.Slice:
			c.slices = append(c.slices, i)
		case field == reflect.TypeFor[time.Time]():
			c.times = append(c.times, i)
		}
	}
	return c
}

// in returns r as it is stored: slices are copies, and nil if they are empty;
// times are UTC in microseconds.
func (c copier[R]) in(r R) *R {
	c.cut(&r)
	v := reflect.ValueOf(&r).Elem()
	for _, i := range c.times {
		t := v.Field(i).Addr().Interface().(*time.Time)
		*t = atlas.Instant(*t)
	}
	return &r
}

// out returns what is stored for the caller to keep.
func (c copier[R]) out(stored *R) R {
	r := *stored
	c.cut(&r)
	return r
}

// cut replaces the slices of r by copies.
func (c copier[R]) cut(r *R) {
	if len(c.slices) == 0 {
		return
	}
	v := reflect.ValueOf(r).Elem()
	for _, i := range c.slices {
		old := v.Field(i)
		if old.Len() == 0 {
			old.SetZero()
			continue
		}
		fresh := reflect.MakeSlice(old.Type(), old.Len(), old.Len())
		reflect.Copy(fresh, old)
		old.Set(fresh)
	}
}

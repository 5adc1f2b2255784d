package axml

import (
	"iter"
	"strconv"
)

// The types of a value (Res_value.dataType).
const (
	typeReference = 0x01
	typeString    = 0x03
	typeFirstInt  = 0x10
	typeBoolean   = 0x12
	typeLastInt   = 0x1f
)

// Value is the typed value of an attribute or of a resource.
type Value struct {
	Type byte
	Data uint32
	// Text is the string of a string value.
	Text string
}

// StringValue makes a value out of text.
func StringValue(s string) Value { return Value{Type: typeString, Text: s} }

// IsString reports whether the value holds text of its own.
func (v Value) IsString() bool { return v.Type == typeString }

// Reference returns the resource id that the value refers to.
func (v Value) Reference() (uint32, bool) { return v.Data, v.Type == typeReference }

// Int returns the number in an integer value or in text of digits.
func (v Value) Int() (int64, bool) {
	if v.Type >= typeFirstInt && v.Type <= typeLastInt {
		return int64(int32(v.Data)), true
	}
	if v.Type == typeString {
		n, err := strconv.ParseInt(v.Text, 10, 32)
		return n, err == nil
	}
	return 0, false
}

// Bool returns the truth of a boolean or integer value or of the texts "true" and "false".
func (v Value) Bool() (value, ok bool) {
	if v.Type >= typeFirstInt && v.Type <= typeLastInt {
		return v.Data != 0, true
	}
	return v.Text == "true", v.Type == typeString && (v.Text == "true" || v.Text == "false")
}

// androidNS is the namespace of the framework's attributes.
const androidNS = "http://schemas.android.com/apk/res/android"

// Attr finds an attribute of the framework by its resource id, and only where no attribute has the id, by name. With id
// zero it finds an attribute without namespace by its name alone, whatever id the document gives it. That is how the
// platform looks for both, so that a document can't show it another value.
func (e *Element) Attr(id uint32, name string) (Value, bool) {
	if id != 0 {
		for a := range e.records() {
			if e.doc.resourceID(le.Uint32(a[4:])) == id {
				return e.doc.value(a), true
			}
		}
	}
	for a := range e.records() {
		if e.doc.named(a, id != 0, name) {
			return e.doc.value(a), true
		}
	}
	return Value{}, false
}

// records yields the raw attributes.
func (e *Element) records() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for a := e.attrs; e.size > 0 && len(a) >= e.size; a = a[e.size:] {
			if !yield(a) {
				return
			}
		}
	}
}

// named compares name and namespace. An attribute of the framework that has an id is not known by its name.
func (d *document) named(a []byte, framework bool, name string) bool {
	ns, index := le.Uint32(a), le.Uint32(a[4:])
	if framework {
		if d.resourceID(index) != 0 {
			return false
		}
		if uri, ok := d.pool.Get(ns); !ok || uri != androidNS {
			return false
		}
	} else if ns != none {
		return false
	}
	s, ok := d.pool.Get(index)
	return ok && s == name
}

func (d *document) resourceID(index uint32) uint32 {
	if 4*uint64(index)+4 > uint64(len(d.ids)) {
		return 0
	}
	return le.Uint32(d.ids[4*index:])
}

// value decodes the typed value; text comes from the pool by the value's data, else by the raw value.
func (d *document) value(a []byte) Value {
	v := Value{Type: a[15], Data: le.Uint32(a[16:])}
	if v.Type != typeString {
		return v
	}
	var ok bool
	if v.Text, ok = d.pool.Get(v.Data); !ok {
		v.Text, _ = d.pool.Get(le.Uint32(a[8:]))
	}
	return v
}

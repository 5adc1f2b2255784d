// Package axmltest builds binary XML for tests, honest and otherwise.
package axmltest

import (
	"encoding/binary"
	"slices"
)

var le = binary.LittleEndian

const none = 0xffffffff

// Attr is an attribute. ID 0 makes one without a resource id and namespace.
type Attr struct {
	ID   uint32
	Name string
	// Text makes a string, else Type and Data make a typed value.
	Text string
	Type byte
	Data uint32
	// Bare leaves the namespace away although there is an id.
	Bare bool
}

// Doc is a document under construction. Its strings are those with resource ids first.
type Doc struct {
	ids     []uint32
	strings []string
	body    []byte
}

// New begins a document that knows the given attributes by their ids.
func New(known ...Attr) *Doc {
	d := &Doc{}
	for _, a := range known {
		d.ids, d.strings = append(d.ids, a.ID), append(d.strings, a.Name)
	}
	return d
}

func (d *Doc) index(s string) uint32 {
	i := slices.Index(d.strings[len(d.ids):], s)
	if i < 0 {
		d.strings = append(d.strings, s)
		return uint32(len(d.strings) - 1)
	}
	return uint32(i + len(d.ids))
}

// Start appends a start tag.
func (d *Doc) Start(name string, attrs ...Attr) *Doc {
	d.body = le.AppendUint16(d.body, 0x0102)
	d.body = le.AppendUint16(d.body, 16)
	d.body = le.AppendUint32(d.body, uint32(36+20*len(attrs)))
	for _, v := range []uint32{1, none, none, d.index(name)} {
		d.body = le.AppendUint32(d.body, v)
	}
	for _, v := range []int{20, 20, len(attrs), 0, 0, 0} {
		d.body = le.AppendUint16(d.body, uint16(v))
	}
	for _, a := range attrs {
		d.attr(a)
	}
	return d
}

func (d *Doc) attr(a Attr) {
	ns, name := uint32(none), uint32(0)
	if a.ID != 0 && !a.Bare {
		ns = d.index("http://schemas.android.com/apk/res/android")
	}
	if i := slices.Index(d.ids, a.ID); a.ID != 0 && i >= 0 {
		name = uint32(i)
	} else {
		name = d.index(a.Name)
	}
	raw := uint32(none)
	if a.Text != "" {
		raw = d.index(a.Text)
		a.Type, a.Data = 3, raw
	}
	for _, v := range []uint32{ns, name, raw} {
		d.body = le.AppendUint32(d.body, v)
	}
	d.body = append(d.body, 8, 0, 0, a.Type)
	d.body = le.AppendUint32(d.body, a.Data)
}

// End appends an end tag.
func (d *Doc) End() *Doc {
	d.body = append(d.body, 0x03, 0x01, 16, 0, 24, 0, 0, 0)
	for _, v := range []uint32{1, none, none, 0} {
		d.body = le.AppendUint32(d.body, v)
	}
	return d
}

// Raw appends bytes as they are.
func (d *Doc) Raw(b ...byte) *Doc {
	d.body = append(d.body, b...)
	return d
}

// Bytes is the document.
func (d *Doc) Bytes() []byte {
	pool := Pool(d.strings...)
	ids := le.AppendUint16(nil, 0x0180)
	ids = le.AppendUint16(ids, 8)
	ids = le.AppendUint32(ids, uint32(8+4*len(d.ids)))
	for _, id := range d.ids {
		ids = le.AppendUint32(ids, id)
	}
	inner := slices.Concat(pool, ids, d.body)
	return append(le.AppendUint32([]byte{3, 0, 8, 0}, uint32(8+len(inner))), inner...)
}

// Pool is a string pool in UTF-8.
func Pool(strings ...string) []byte {
	var data, offsets []byte
	for _, s := range strings {
		offsets = le.AppendUint32(offsets, uint32(len(data)))
		data = append(data, length(len(s))...)
		data = append(append(append(data, length(len(s))...), s...), 0)
	}
	for len(data)%4 != 0 {
		data = append(data, 0)
	}
	head := []byte{1, 0, 28, 0}
	for _, v := range []int{28 + len(offsets) + len(data), len(strings), 0, 1 << 8, 28 + len(offsets), 0} {
		head = le.AppendUint32(head, uint32(v))
	}
	return slices.Concat(head, offsets, data)
}

func length(n int) []byte {
	if n < 0x80 {
		return []byte{byte(n)}
	}
	return []byte{0x80 | byte(n>>8), byte(n)}
}

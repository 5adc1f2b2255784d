package arsc

import "github.com/atlas-mdm/atlas-go/apk/internal/axml"

const (
	flagSparse   = 0x01
	flagOffset16 = 0x02

	entryComplex = 0x0001
	entryCompact = 0x0008

	noEntry   = 0xffffffff
	noEntry16 = 0xffff
)

// entry reads entry number index of a type chunk, where it is there and holds a single value.
func (t *Table) entry(c axml.Chunk, index uint32) (axml.Value, bool) {
	off, ok := entryOffset(c, index)
	start := uint64(le.Uint32(c.Body[16:])) + uint64(off)
	if !ok || start+8 > uint64(len(c.Body)) {
		return axml.Value{}, false
	}
	e := c.Body[start:]
	flags := le.Uint16(e[2:])
	if flags&entryCompact != 0 {
		return t.value(byte(flags>>8), le.Uint32(e[4:]))
	}
	size := int(le.Uint16(e))
	if flags&entryComplex != 0 || size < 8 || size+8 > len(e) {
		return axml.Value{}, false
	}
	return t.value(e[size+3], le.Uint32(e[size+4:]))
}

func (t *Table) value(typ byte, data uint32) (axml.Value, bool) {
	v := axml.Value{Type: typ, Data: data}
	if !v.IsString() {
		return v, true
	}
	if t.pool == nil {
		return v, false
	}
	var ok bool
	v.Text, ok = t.pool.Get(data)
	return v, ok
}

// entryOffset finds where an entry begins, from the start of the chunk's entries.
func entryOffset(c axml.Chunk, index uint32) (uint32, bool) {
	table, count := c.Body[c.Head:], le.Uint32(c.Body[12:])
	switch flags := c.Body[9]; {
	case flags&flagSparse != 0:
		return sparseOffset(table, count, index)
	case index >= count:
		return 0, false
	case flags&flagOffset16 != 0:
		if 2*int(index)+2 > len(table) {
			return 0, false
		}
		off := le.Uint16(table[2*index:])
		return 4 * uint32(off), off != noEntry16
	default:
		if 4*int(index)+4 > len(table) {
			return 0, false
		}
		off := le.Uint32(table[4*index:])
		return off, off != noEntry
	}
}

func sparseOffset(table []byte, count, index uint32) (uint32, bool) {
	for i := uint32(0); i < count && len(table) >= 4; i++ {
		if uint32(le.Uint16(table)) == index {
			return 4 * uint32(le.Uint16(table[2:])), true
		}
		table = table[4:]
	}
	return 0, false
}

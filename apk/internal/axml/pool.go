package axml

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

const (
	poolHeader = 28
	flagUTF8   = 1 << 8
	// maxString is the longest string a pool gives out, in bytes of the file. Class names, labels and permissions are
	// far shorter; without a bound, many indexes that share one long string cost its length each.
	maxString = 64 << 10
)

var le = binary.LittleEndian

// Pool is a string pool (ResStringPool in frameworks/base/libs/androidfw). Strings are decoded when asked for, once.
type Pool struct {
	offsets, data []byte
	utf8          bool
	cache         map[uint32]string
	budget        int
}

// NewPool reads the pool in chunk, which begins with the chunk header and ends with the chunk. All strings together
// that Get decodes are bounded by budget bytes.
func NewPool(chunk []byte, budget int) (*Pool, error) {
	if len(chunk) < poolHeader {
		return nil, fmt.Errorf("%w: string pool of %d bytes", fault.ErrMalformed, len(chunk))
	}
	head, count, start := int(le.Uint16(chunk[2:])), uint64(le.Uint32(chunk[8:])), uint64(le.Uint32(chunk[20:]))
	if head < poolHeader || head > len(chunk) {
		return nil, fmt.Errorf("%w: string pool header of %d bytes", fault.ErrMalformed, head)
	}
	if 4*count > uint64(len(chunk)-head) {
		return nil, fmt.Errorf("%w: %d strings in a pool of %d bytes", fault.ErrMalformed, count, len(chunk))
	}
	p := &Pool{utf8: le.Uint32(chunk[16:])&flagUTF8 != 0, cache: map[uint32]string{}, budget: budget}
	p.offsets = chunk[head : head+4*int(count)]
	if count > 0 {
		if start > uint64(len(chunk)) {
			return nil, fmt.Errorf("%w: strings begin behind their pool", fault.ErrMalformed)
		}
		p.data = chunk[start:]
	}
	return p, nil
}

// Len is the number of strings.
func (p *Pool) Len() int { return len(p.offsets) / 4 }

// Get returns string i, and false where there is none that can be read.
func (p *Pool) Get(i uint32) (string, bool) {
	if s, ok := p.cache[i]; ok {
		return s, true
	}
	if uint64(i) >= uint64(p.Len()) {
		return "", false
	}
	off := le.Uint32(p.offsets[4*i:])
	if uint64(off) >= uint64(len(p.data)) {
		return "", false
	}
	raw, ok := p.raw(p.data[off:])
	if !ok || len(raw) > maxString || len(raw) > p.budget {
		return "", false
	}
	p.budget -= len(raw)
	s := p.decode(raw)
	p.cache[i] = s
	return s, true
}

// raw cuts the bytes of one string out of what begins with its length.
func (p *Pool) raw(b []byte) ([]byte, bool) {
	if !p.utf8 {
		n, b, ok := length16(b)
		if !ok || 2*n > len(b) {
			return nil, false
		}
		return b[:2*n], true
	}
	_, b, ok := length8(b) // in UTF-16 units, of no use here
	if !ok {
		return nil, false
	}
	n, b, ok := length8(b)
	if !ok || n > len(b) {
		return nil, false
	}
	return b[:n], true
}

func (p *Pool) decode(raw []byte) string {
	if p.utf8 {
		return strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	u := make([]uint16, len(raw)/2)
	for i := range u {
		u[i] = le.Uint16(raw[2*i:])
	}
	return string(utf16.Decode(u))
}

// length8 reads a length of one byte, or of two where the high bit of the first is set.
func length8(b []byte) (int, []byte, bool) {
	if len(b) < 1 {
		return 0, nil, false
	}
	if b[0]&0x80 == 0 {
		return int(b[0]), b[1:], true
	}
	if len(b) < 2 {
		return 0, nil, false
	}
	return int(b[0]&0x7f)<<8 | int(b[1]), b[2:], true
}

// length16 reads a length of one 16-bit unit, or of two where the high bit of the first is set.
func length16(b []byte) (int, []byte, bool) {
	if len(b) < 2 {
		return 0, nil, false
	}
	n := int(le.Uint16(b))
	if n&0x8000 == 0 {
		return n, b[2:], true
	}
	if len(b) < 4 {
		return 0, nil, false
	}
	return (n&0x7fff)<<16 | int(le.Uint16(b[2:])), b[4:], true
}

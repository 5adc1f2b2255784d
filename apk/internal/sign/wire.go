package sign

import (
	"encoding/binary"
	"errors"
)

var le = binary.LittleEndian

// errShort says that a length-prefixed structure ends before its length.
var errShort = errors.New("length reaches past the end")

// wire reads the little-endian, length-prefixed structures of the signature schemes. After the first failure every
// read answers zero, and err stays.
type wire struct {
	b   []byte
	err error
}

func (w *wire) more() bool { return w.err == nil && len(w.b) > 0 }

func (w *wire) take(n uint64) []byte {
	if w.err != nil || n > uint64(len(w.b)) {
		w.err = errShort
		w.b = nil
		return nil
	}
	out := w.b[:n:n]
	w.b = w.b[n:]
	return out
}

func (w *wire) u32() uint32 {
	b := w.take(4)
	if b == nil {
		return 0
	}
	return le.Uint32(b)
}

// bytes reads a length of 32 bits and as many bytes.
func (w *wire) bytes() []byte { return w.take(uint64(w.u32())) }

// sub reads a length-prefixed structure to be read on its own.
func (w *wire) sub() *wire { return &wire{b: w.bytes(), err: w.err} }

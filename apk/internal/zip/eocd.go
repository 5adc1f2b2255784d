// Package zip reads the directory of a ZIP archive the way the Android platform does: by the end-of-central-directory
// record whose comment ends with the file, and the central directory it points at. Local headers are believed in
// nothing but where an entry's data begins. ZIP64 is refused, as the platform refuses it for packages.
//
// The format is PKWARE's APPNOTE.TXT.
package zip

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

const (
	endSignature     = 0x06054b50
	endSize          = 22
	maxComment       = 0xffff
	zip64LocatorSize = 20
	zip64Locator     = 0x07064b50
)

var le = binary.LittleEndian

// end is the end-of-central-directory record.
type end struct {
	offset          int64 // of the record in the file
	raw             []byte
	entries         int
	dirSize, dirOff int64
}

// findEnd looks for the record from the end of the file, shortest comment first.
func findEnd(r io.ReaderAt, size int64) (end, error) {
	if size < endSize {
		return end{}, fmt.Errorf("%w: %d bytes are too few for a ZIP archive", fault.ErrNotAPK, size)
	}
	// Most archives have no comment: one small read, and the longest tail only for the others.
	for _, tail := range []int64{endSize, min(size, endSize+maxComment)} {
		buf := make([]byte, tail)
		if err := readFull(r, buf, size-tail); err != nil {
			return end{}, err
		}
		if i := endIndex(buf); i >= 0 {
			return parseEnd(r, buf[i:], size-tail+int64(i))
		}
	}
	return end{}, fmt.Errorf("%w: no end of central directory", fault.ErrNotAPK)
}

// endIndex is the place of the record in the tail of a file, or -1. A record whose comment does not end exactly with
// the file is not one.
func endIndex(tail []byte) int {
	for i := len(tail) - endSize; i >= 0; i-- {
		if le.Uint32(tail[i:]) == endSignature && int(le.Uint16(tail[i+20:])) == len(tail)-i-endSize {
			return i
		}
	}
	return -1
}

func parseEnd(r io.ReaderAt, raw []byte, offset int64) (end, error) {
	e := end{
		offset: offset, raw: raw, entries: int(le.Uint16(raw[10:])),
		dirSize: int64(le.Uint32(raw[12:])), dirOff: int64(le.Uint32(raw[16:])),
	}
	if le.Uint16(raw[4:]) != 0 || le.Uint16(raw[6:]) != 0 || int(le.Uint16(raw[8:])) != e.entries {
		return end{}, fmt.Errorf("%w: archive in several parts", fault.ErrMalformed)
	}
	if e.dirOff+e.dirSize > e.offset {
		return end{}, fmt.Errorf("%w: central directory reaches past its end record", fault.ErrMalformed)
	}
	if offset >= zip64LocatorSize {
		var loc [4]byte
		if err := readFull(r, loc[:], offset-zip64LocatorSize); err != nil {
			return end{}, err
		}
		if le.Uint32(loc[:]) == zip64Locator {
			return end{}, fmt.Errorf("%w: ZIP64 archive", fault.ErrMalformed)
		}
	}
	return e, nil
}

// readFull fills buf from off. A reader that ends early contradicts the size it was given with.
func readFull(r io.ReaderAt, buf []byte, off int64) error {
	n, err := r.ReadAt(buf, off)
	if n == len(buf) {
		return nil
	}
	if err == nil || err == io.EOF {
		return fmt.Errorf("%w: file ends at byte %d", fault.ErrMalformed, off+int64(n))
	}
	return fmt.Errorf("apk: reading: %w", err)
}

package zip

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

const (
	localSignature = 0x04034b50
	localSize      = 30
)

// Read returns the content of an entry of at most limit bytes. It fails where the local header names another file, and
// where the data is longer or shorter than the directory states.
func (d *Directory) Read(e Entry, limit int64) ([]byte, error) {
	if e.Size > limit {
		return nil, fmt.Errorf("%w: %.100q has %d bytes, limit %d", fault.ErrLimit, e.Name, e.Size, limit)
	}
	start, err := d.dataOffset(e)
	if err != nil {
		return nil, err
	}
	if e.Method == 0 {
		if e.Packed != e.Size {
			return nil, fmt.Errorf("%w: stored entry %.100q has two sizes", fault.ErrMalformed, e.Name)
		}
		buf := make([]byte, e.Size)
		return buf, readFull(d.r, buf, start)
	}
	return inflate(io.NewSectionReader(d.r, start, e.Packed), e)
}

// inflate grows its buffer with the data that really comes, so that a stated size costs nothing by itself.
func inflate(src io.Reader, e Entry) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(int(min(e.Size, 4*e.Packed+512)))
	z := flate.NewReader(src)
	n, err := io.Copy(&out, io.LimitReader(z, e.Size+1))
	if err != nil {
		return nil, fmt.Errorf("%w: inflating %.100q: %w", fault.ErrMalformed, e.Name, err)
	}
	if n != e.Size {
		return nil, fmt.Errorf("%w: %.100q does not have the %d bytes it states", fault.ErrMalformed, e.Name, e.Size)
	}
	return out.Bytes(), nil
}

// Head returns up to len(buf) first bytes of an entry's content, reading at most 512 bytes more of the file.
// It answers none where the data can't be read: a head is a hint and never a verdict.
func (d *Directory) Head(e Entry, buf []byte) []byte {
	start, err := d.dataOffset(e)
	if err != nil {
		return nil
	}
	src := io.NewSectionReader(d.r, start, min(e.Packed, int64(len(buf))+512))
	if e.Method == 0 {
		n, _ := io.ReadFull(src, buf)
		return buf[:n]
	}
	if d.flate == nil {
		d.flate = flate.NewReader(src)
	} else if err := d.flate.(flate.Resetter).Reset(src, nil); err != nil {
		return nil
	}
	n, _ := io.ReadFull(d.flate, buf)
	return buf[:n]
}

// dataOffset is where an entry's data begins. The length of the extra field is known from the local header alone.
func (d *Directory) dataOffset(e Entry) (int64, error) {
	head := make([]byte, localSize+len(e.Name))
	if e.local+int64(len(head)) > d.Offset {
		return 0, fmt.Errorf("%w: local header of %.100q reaches into the directory", fault.ErrMalformed, e.Name)
	}
	if err := readFull(d.r, head, e.local); err != nil {
		return 0, err
	}
	if le.Uint32(head) != localSignature || int(le.Uint16(head[26:])) != len(e.Name) || string(head[localSize:]) != e.Name {
		return 0, fmt.Errorf("%w: local header of %.100q names another file", fault.ErrMalformed, e.Name)
	}
	start := e.local + int64(len(head)) + int64(le.Uint16(head[28:]))
	if start+e.Packed > d.Offset {
		return 0, fmt.Errorf("%w: data of %.100q reaches into the directory", fault.ErrMalformed, e.Name)
	}
	return start, nil
}

// First returns up to n bytes from the beginning of the file.
func (d *Directory) First(n int) []byte {
	buf := make([]byte, n)
	got, _ := d.r.ReadAt(buf, 0)
	return buf[:got]
}

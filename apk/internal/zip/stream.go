package zip

import (
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

const (
	streamBuffer = 64 << 10
	maxRatio     = 1032 // of deflate: 258 bytes for 2 bits
)

// Reader streams the contents of entries, one after another. It is for one goroutine, but a directory can have several.
type Reader struct {
	d   *Directory
	src *bufio.Reader
	z   io.ReadCloser
	buf []byte
}

// NewReader returns a reader of the directory's entries.
func (d *Directory) NewReader() *Reader {
	return &Reader{d: d, src: bufio.NewReaderSize(nil, streamBuffer), buf: make([]byte, streamBuffer)}
}

// Copy writes an entry's content to w. It fails as Read does; an error of the underlying reader stays what it is.
func (r *Reader) Copy(w io.Writer, e Entry) error {
	start, err := r.d.dataOffset(e)
	if err != nil {
		return err
	}
	data := io.NewSectionReader(r.d.r, start, e.Packed)
	if e.Method == 0 {
		if e.Packed != e.Size {
			return fmt.Errorf("%w: stored entry %.100q has two sizes", fault.ErrMalformed, e.Name)
		}
		return finish(e, w, data, r.buf)
	}
	r.src.Reset(data)
	if r.z == nil {
		r.z = flate.NewReader(r.src)
	} else if err := r.z.(flate.Resetter).Reset(r.src, nil); err != nil {
		return fmt.Errorf("apk: inflating: %w", err)
	}
	return finish(e, w, r.z, r.buf)
}

func finish(e Entry, w io.Writer, content io.Reader, buf []byte) error {
	// Without a type, so that no WriterTo or ReaderFrom goes around the buffer.
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{io.LimitReader(content, e.Size+1)}, buf)
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, &corrupt), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: inflating %.100q: %w", fault.ErrMalformed, e.Name, err)
	case err != nil:
		return fmt.Errorf("apk: reading: %w", err)
	case n != e.Size:
		return fmt.Errorf("%w: %.100q does not have the %d bytes it states", fault.ErrMalformed, e.Name, e.Size)
	}
	return nil
}

// Bytes is the content of an entry of at most limit bytes.
func (r *Reader) Bytes(e Entry, limit int64) ([]byte, error) {
	if e.Size > limit {
		return nil, fmt.Errorf("%w: %.100q has %d bytes, limit %d", fault.ErrLimit, e.Name, e.Size, limit)
	}
	if e.Size > maxRatio*e.Packed+maxRatio {
		return nil, fmt.Errorf("%w: %.100q can't have the %d bytes it states", fault.ErrMalformed, e.Name, e.Size)
	}
	out := fixed{make([]byte, 0, e.Size)}
	if err := r.Copy(&out, e); err != nil {
		return nil, err
	}
	return out.b, nil
}

// fixed is a writer into memory that is allocated once.
type fixed struct{ b []byte }

func (f *fixed) Write(p []byte) (int, error) {
	f.b = append(f.b, p[:min(len(p), cap(f.b)-len(f.b))]...) // what is longer is found by its length
	return len(p), nil
}

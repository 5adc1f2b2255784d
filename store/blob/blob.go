// Package blob stores files by their content: APKs and other large bytes that
// don't belong in the database. A file's key is its SHA-256, so a stored file
// never changes, and storing it twice is storing it once.
//
// Package blob/fs keeps files in a folder, blob/mem in memory for tests;
// blob/blobtest is the proof for any other backend.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/atlas-mdm/atlas-go/atlas"
)

var (
	// ErrNotFound is the atlas.ErrNotFound of a key without a file.
	ErrNotFound = fmt.Errorf("blob: no such file (%w)", atlas.ErrNotFound)
	// ErrKey is the ErrInvalid of a key that is not a SHA-256 in lower-case
	// hex.
	ErrKey = fmt.Errorf("blob: not a key (%w)", atlas.ErrInvalid)
	// ErrContent is the ErrInvalid of bytes that are not those of their key.
	ErrContent = fmt.Errorf("blob: content does not match its key (%w)", atlas.ErrInvalid)
	// ErrDone is the ErrInvalid of a Writer that was committed or aborted.
	ErrDone = fmt.Errorf("blob: writer is done (%w)", atlas.ErrInvalid)
)

// Store keeps files. It is safe for concurrent use. Methods return ErrKey for
// a key that [CheckKey] refuses, and ctx's error once ctx is done.
type Store interface {
	// Put stores the bytes of r under key and returns how many there are.
	// Nothing is visible before all of it is stored for good. If r fails,
	// Put returns r's error and nothing remains; bytes whose SHA-256 is not
	// key are ErrContent. Putting a key that is there is no error.
	Put(ctx context.Context, key string, r io.Reader) (size int64, err error)

	// Open returns the file, or ErrNotFound. The caller closes it. A file
	// that is deleted meanwhile can still be read to its end.
	Open(ctx context.Context, key string) (Blob, error)

	// Stat returns what Open would open, or ErrNotFound.
	Stat(ctx context.Context, key string) (Ref, error)

	// Delete removes the file, or returns ErrNotFound.
	Delete(ctx context.Context, key string) error
}

// Staged is a Store that takes files whose key is not known before they have
// come in whole, as uploads are.
type Staged interface {
	Store

	// Create begins a file. Once ctx is done, Write and Commit fail.
	Create(ctx context.Context) (Writer, error)
}

// Writer takes the bytes of one new file and hashes them as they come. It is
// for one goroutine.
type Writer interface {
	io.Writer

	// ReadAt reads what was written until now, so that a file can be looked
	// at before it is stored. Several reads may go on at once, but none beside
	// a Write or after Commit or Abort.
	io.ReaderAt

	// Ref returns the name and size of what was written until now.
	Ref() Ref

	// Commit stores what was written and returns its name. When it returns
	// nil the file is there to stay. When it fails nothing remains, unless it
	// is the disk that failed at the last step: then the file may be there,
	// but only whole. After Commit or Abort, Write and Commit return ErrDone.
	Commit(ctx context.Context) (Ref, error)

	// Abort throws away what was written. After Commit it does nothing, so it
	// can be deferred.
	Abort()
}

// Ref names a stored file.
type Ref struct {
	SHA256 string // the key
	Size   int64  // bytes
}

// Blob is an open file. Its methods are safe for concurrent use, Close aside.
type Blob interface {
	io.ReaderAt
	io.Closer
	// Size returns the number of bytes, which never changes.
	Size() int64
}

// CheckKey returns ErrKey unless key is a SHA-256 in lower-case hex.
func CheckKey(key string) error {
	if len(key) != 2*sha256.Size {
		return fmt.Errorf("%w: has not %d characters", ErrKey, 2*sha256.Size)
	}
	for i := range len(key) {
		if c := key[i]; !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return fmt.Errorf("%w: has other characters than lower-case hex", ErrKey)
		}
	}
	return nil
}

// Key returns the key of content.
func Key(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// NewReader returns a reader of b from its start, which can seek, as
// http.ServeContent wants it.
func NewReader(b Blob) *io.SectionReader { return io.NewSectionReader(b, 0, b.Size()) }

// Limit returns a reader of r that fails with atlas.ErrTooLarge as soon as
// there is more than n bytes. It hands out n bytes at most, and unlike
// io.LimitReader never passes a part off as the whole.
func Limit(r io.Reader, n int64) io.Reader { return &limited{r: r, left: max(n, 0), limit: n} }

type limited struct {
	r           io.Reader
	left, limit int64
	err         error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.err != nil || len(p) == 0 {
		return 0, l.err
	}
	// One byte more than is left tells whether there is more.
	if int64(len(p)) > l.left {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if int64(n) > l.left {
		n, err = int(l.left), fmt.Errorf("blob: more than %d bytes: %w", l.limit, atlas.ErrTooLarge)
	}
	l.left -= int64(n)
	l.err = err
	return n, err
}

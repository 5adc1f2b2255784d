package blob

import (
	"context"
	"fmt"
	"io"
)

// PutStaged is Put for backends that have Create: it writes r to a Writer and
// commits it if the content is that of key. The bytes of a mistaken key are
// thrown away before they are visible.
func PutStaged(ctx context.Context, create func(context.Context) (Writer, error), key string, r io.Reader) (int64, error) {
	if err := CheckKey(key); err != nil {
		return 0, err
	}
	w, err := create(ctx)
	if err != nil {
		return 0, err
	}
	defer w.Abort()
	if _, err := io.Copy(w, r); err != nil {
		return 0, fmt.Errorf("blob: put %s: %w", key, err)
	}
	if got := w.Ref().SHA256; got != key {
		return 0, fmt.Errorf("%w: put %s, got %s", ErrContent, key, got)
	}
	ref, err := w.Commit(ctx)
	return ref.Size, err
}

// Package mem keeps files in memory, for tests and demonstrations.
package mem

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/atlas-mdm/atlas-go/store/blob"
)

// Store is a blob.Staged. The zero value is empty and ready.
type Store struct {
	mu    sync.RWMutex
	files map[string][]byte
}

var _ blob.Staged = (*Store)(nil)

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (int64, error) {
	return blob.PutStaged(ctx, s.create, key, r)
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, key string) (blob.Blob, error) {
	content, err := s.get(ctx, key)
	if err != nil {
		return nil, err
	}
	return file{bytes.NewReader(content)}, nil
}

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, key string) (blob.Ref, error) {
	content, err := s.get(ctx, key)
	if err != nil {
		return blob.Ref{}, err
	}
	return blob.Ref{SHA256: key, Size: int64(len(content))}, nil
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if _, err := s.get(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.files[key]; !ok {
		return blob.ErrNotFound
	}
	delete(s.files, key)
	return nil
}

// Create implements blob.Staged.
func (s *Store) Create(ctx context.Context) (blob.Writer, error) { return s.create(ctx) }

func (s *Store) get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := blob.CheckKey(key); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	content, ok := s.files[key]
	if !ok {
		return nil, blob.ErrNotFound
	}
	return content, nil
}

func (s *Store) create(ctx context.Context) (blob.Writer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &writer{s: s, ctx: ctx}, nil
}

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

type writer struct {
	s    *Store
	ctx  context.Context // Create's, which bounds the writer's life
	buf  bytes.Buffer
	done bool
}

func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, blob.ErrDone
	}
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.buf.Write(p)
}

func (w *writer) ReadAt(p []byte, off int64) (int, error) {
	if w.done {
		return 0, blob.ErrDone
	}
	return bytes.NewReader(w.buf.Bytes()).ReadAt(p, off)
}

func (w *writer) Ref() blob.Ref {
	return blob.Ref{SHA256: blob.Key(w.buf.Bytes()), Size: int64(w.buf.Len())}
}

func (w *writer) Commit(ctx context.Context) (blob.Ref, error) {
	if w.done {
		return blob.Ref{}, blob.ErrDone
	}
	w.done = true
	for _, c := range []context.Context{w.ctx, ctx} {
		if err := c.Err(); err != nil {
			return blob.Ref{}, err
		}
	}
	ref := w.Ref()
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.s.files == nil {
		w.s.files = map[string][]byte{}
	}
	w.s.files[ref.SHA256] = w.buf.Bytes()
	return ref, nil
}

func (w *writer) Abort() { w.done = true }

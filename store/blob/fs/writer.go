package fs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	iofs "io/fs"
	"os"
	"path"

	"github.com/atlas-mdm/atlas-go/store/blob"
)

type writer struct {
	s    *Store
	ctx  context.Context // Create's, which bounds the writer's life
	f    *os.File
	name string
	hash hash.Hash
	size int64
	err  error // why nothing more can be done
}

func (s *Store) create(ctx context.Context) (blob.Writer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name := path.Join(tmpDir, rand.Text())
	f, err := s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("blob/fs: create: %w", err)
	}
	return &writer{s: s, ctx: ctx, f: f, name: name, hash: sha256.New()}, nil
}

// Write hashes what reached the file. After a short write the file is not
// what the caller meant, so the writer can't be used any more.
func (w *writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.f.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	if err != nil {
		err = fmt.Errorf("blob/fs: write: %w", err)
		w.discard(err)
	}
	return n, err
}

// ReadAt implements blob.Writer.
func (w *writer) ReadAt(p []byte, off int64) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	return w.f.ReadAt(p, off)
}

// Ref implements blob.Writer.
func (w *writer) Ref() blob.Ref {
	return blob.Ref{SHA256: hex.EncodeToString(w.hash.Sum(nil)), Size: w.size}
}

// Commit implements blob.Writer.
func (w *writer) Commit(ctx context.Context) (blob.Ref, error) {
	if w.err != nil {
		return blob.Ref{}, w.err
	}
	ref := w.Ref()
	err := errors.Join(w.ctx.Err(), ctx.Err())
	if err == nil {
		err = w.publish(ref.SHA256)
	}
	w.discard(blob.ErrDone)
	if err != nil {
		return blob.Ref{}, err
	}
	return ref, nil
}

// publish makes the bytes durable, then visible, then the name durable.
func (w *writer) publish(key string) error {
	if err := errors.Join(w.f.Sync(), w.f.Close()); err != nil {
		return fmt.Errorf("blob/fs: commit %s: %w", key, err)
	}
	if err := w.s.shelve(key); err != nil {
		return fmt.Errorf("blob/fs: commit %s: %w", key, err)
	}
	if err := w.s.root.Rename(w.name, place(key)); err != nil {
		return fmt.Errorf("blob/fs: commit %s: %w", key, err)
	}
	if err := w.s.sync(shard(key)); err != nil {
		return fmt.Errorf("blob/fs: commit %s: %w", key, err)
	}
	return nil
}

// shelve makes the folder that key belongs in.
func (s *Store) shelve(key string) error {
	err := s.root.Mkdir(shard(key), 0o700)
	if err != nil && !errors.Is(err, iofs.ErrExist) {
		return err
	}
	// Also where the folder was there: who made it may not have synced yet.
	return s.sync(fileDir)
}

// Abort implements blob.Writer.
func (w *writer) Abort() { w.discard(blob.ErrDone) }

// discard ends the writer and removes its file, if it is still in tmp. What
// can't be removed now goes at the next Open.
func (w *writer) discard(reason error) {
	if w.err != nil {
		return
	}
	w.err = reason
	_ = w.f.Close()
	_ = w.s.root.Remove(w.name)
}

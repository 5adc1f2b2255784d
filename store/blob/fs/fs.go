// Package fs keeps files in a folder of the local file system.
//
// A file that was committed is on the disk: its bytes, its name and the
// folders that hold it were synced before Commit returned. A file that was not
// is in the folder "tmp", from which [Open] removes what nobody has written to
// for a day. Everything happens below one folder, which no symbolic link
// inside it can lead out of. Several processes may share the folder.
package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path"
	"time"

	"github.com/atlas-mdm/atlas-go/store/blob"
)

const (
	tmpDir  = "tmp"
	fileDir = "files"
)

// Store is a blob.Staged in a folder.
type Store struct{ root *os.Root }

var _ blob.Staged = (*Store)(nil)

// Open returns the store in the folder dir, which is made if it is not there,
// and removes what an earlier process left unfinished long ago. Close releases
// it.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("blob/fs: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("blob/fs: %w", err)
	}
	s := &Store{root: root}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("blob/fs: prepare folder: %w", err), root.Close())
	}
	return s, nil
}

func (s *Store) prepare() error {
	for _, dir := range []string{tmpDir, fileDir} {
		if err := s.root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := s.sweep(); err != nil {
		return err
	}
	return s.sync(".")
}

// abandoned is how long after its last write an unfinished file is taken for
// one that its process left behind.
const abandoned = 24 * time.Hour

// sweep removes abandoned files. It reads the time off a file made just now,
// so that it is the file system's own that is compared.
func (s *Store) sweep() error {
	dir, err := s.root.OpenRoot(tmpDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	now, err := s.now()
	if err != nil {
		return err
	}
	return iofs.WalkDir(dir.FS(), ".", func(name string, e iofs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return ignoreGone(err)
		}
		info, err := e.Info()
		if err != nil || now.Sub(info.ModTime()) < abandoned {
			return ignoreGone(err)
		}
		return ignoreGone(dir.Remove(name))
	})
}

// now is the file system's time.
func (s *Store) now() (time.Time, error) {
	w, err := s.create(context.Background())
	if err != nil {
		return time.Time{}, err
	}
	defer w.Abort()
	info, err := w.(*writer).f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// ignoreGone passes over a file that another process removed or finished.
func ignoreGone(err error) error {
	if errors.Is(err, iofs.ErrNotExist) {
		return nil
	}
	return err
}

// Close releases the folder. Open files stay readable.
func (s *Store) Close() error { return s.root.Close() }

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (int64, error) {
	return blob.PutStaged(ctx, s.create, key, r)
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, key string) (blob.Blob, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	f, err := s.root.Open(place(key))
	if err != nil {
		return nil, wrap("open", key, err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(wrap("open", key, err), notRegular(info), f.Close())
	}
	return file{File: f, size: info.Size()}, nil
}

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, key string) (blob.Ref, error) {
	if err := check(ctx, key); err != nil {
		return blob.Ref{}, err
	}
	info, err := s.root.Stat(place(key))
	if err != nil {
		return blob.Ref{}, wrap("stat", key, err)
	}
	return blob.Ref{SHA256: key, Size: info.Size()}, notRegular(info)
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	if err := s.root.Remove(place(key)); err != nil {
		return wrap("delete", key, err)
	}
	return wrap("delete", key, s.sync(shard(key)))
}

// Create implements blob.Staged.
func (s *Store) Create(ctx context.Context) (blob.Writer, error) { return s.create(ctx) }

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return blob.CheckKey(key)
}

// shard spreads the files over 256 folders.
func shard(key string) string { return path.Join(fileDir, key[:2]) }

func place(key string) string { return path.Join(shard(key), key) }

func wrap(what, key string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, iofs.ErrNotExist) {
		return fmt.Errorf("%w: %s", blob.ErrNotFound, key)
	}
	return fmt.Errorf("blob/fs: %s %s: %w", what, key, err)
}

func notRegular(info os.FileInfo) error {
	if info == nil || info.Mode().IsRegular() {
		return nil
	}
	return fmt.Errorf("blob/fs: %s is not a regular file", info.Name())
}

// sync makes the names in a folder durable: a renamed file is only sure to be
// there after a crash once its folder is synced as well.
func (s *Store) sync(dir string) error {
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type file struct {
	*os.File
	size int64
}

// Size implements blob.Blob.
func (f file) Size() int64 { return f.size }

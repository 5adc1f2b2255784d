package fs_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/store/blob"
	"github.com/atlas-mdm/atlas-go/store/blob/blobtest"
	"github.com/atlas-mdm/atlas-go/store/blob/fs"
)

func open(t testing.TB, dir string) *fs.Store {
	t.Helper()
	s, err := fs.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func stored(t testing.TB, s *fs.Store, content string) string {
	t.Helper()
	key := blob.Key([]byte(content))
	_, err := s.Put(context.Background(), key, strings.NewReader(content))
	require.NoError(t, err)
	return key
}

func leftInTmp(t testing.TB, dir string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "tmp"))
	require.NoError(t, err)
	return entries
}

func TestAFolderKeepsTheContract(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t testing.TB) blob.Staged { return open(t, t.TempDir()) })
}

func TestFilesAreThereAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := fs.Open(dir)
	require.NoError(t, err)
	key := stored(t, first, "kept")
	require.NoError(t, first.Close())

	b, err := open(t, dir).Open(t.Context(), key)
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close()) }()
	content, err := io.ReadAll(blob.NewReader(b))
	require.NoError(t, err)
	require.Equal(t, "kept", string(content))
}

func TestOnlyWhatWasLeftUnfinishedLongAgoIsSweptAtOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir)
	w, err := first.Create(t.Context())
	require.NoError(t, err)
	defer w.Abort()
	_, err = w.Write([]byte("half of it"))
	require.NoError(t, err)

	open(t, dir) // another process, while the upload goes on
	require.Len(t, leftInTmp(t, dir), 1)

	old := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	require.NoError(t, os.Chtimes(filepath.Join(dir, "tmp", leftInTmp(t, dir)[0].Name()), old, old))
	open(t, dir)
	require.Empty(t, leftInTmp(t, dir))
}

func TestNoEndOfAWriterLeavesATemporaryFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	stored(t, s, "put")
	_, err := s.Put(t.Context(), blob.Key([]byte("other")), strings.NewReader("not that"))
	require.ErrorIs(t, err, blob.ErrContent)
	w, err := s.Create(t.Context())
	require.NoError(t, err)
	w.Abort()
	require.Empty(t, leftInTmp(t, dir))
}

func TestALostFolderFailsTheCommit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	w, err := s.Create(t.Context())
	require.NoError(t, err)
	_, err = w.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "tmp")))
	_, err = w.Commit(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = s.Stat(t.Context(), blob.Key([]byte("x")))
	require.ErrorIs(t, err, blob.ErrNotFound)
}

func TestASymbolicLinkLeadsNowhere(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, dir)
	key := stored(t, s, "inside")
	secret := filepath.Join(outside, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("outside"), 0o600))
	place := filepath.Join(dir, "files", key[:2], key)
	require.NoError(t, os.Remove(place))
	require.NoError(t, os.Symlink(secret, place))

	_, err := s.Open(t.Context(), key)
	require.Error(t, err)
	_, err = s.Stat(t.Context(), key)
	require.Error(t, err)
}

func TestAFolderInPlaceOfAFileIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	key := blob.Key([]byte("x"))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "files", key[:2], key), 0o700))
	_, err := s.Open(t.Context(), key)
	require.ErrorContains(t, err, "not a regular file")
	_, err = s.Stat(t.Context(), key)
	require.ErrorContains(t, err, "not a regular file")
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	key := stored(t, open(t, dir), "x")
	for _, place := range []string{".", "tmp", "files", "files/" + key[:2], "files/" + key[:2] + "/" + key} {
		info, err := os.Stat(filepath.Join(dir, place))
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, place)
	}
}

func TestAPlaceThatIsNoFolderDoesNotOpen(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := fs.Open(file)
	require.Error(t, err)
}

func Example() {
	dir, err := os.MkdirTemp("", "files")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	files, err := fs.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer files.Close()

	// An upload of at most 1 MiB, whose hash nobody knows yet.
	ctx := context.Background()
	w, err := files.Create(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Abort()
	if _, err := io.Copy(w, blob.Limit(strings.NewReader("an upload"), 1<<20)); err != nil {
		fmt.Println(err)
		return
	}
	ref, err := w.Commit(ctx)
	fmt.Println(ref.SHA256[:8], ref.Size, err)
	// Output: bd256dd9 9 <nil>
}

func BenchmarkPut(b *testing.B) {
	s := open(b, b.TempDir())
	content := strings.Repeat("0123456789abcdef", 1<<16)
	key := blob.Key([]byte(content))
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := s.Put(context.Background(), key, strings.NewReader(content)); err != nil {
			b.Fatal(err)
		}
	}
}

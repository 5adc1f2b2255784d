package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store/blob"
)

func readsBack(t *testing.T, s blob.Staged) {
	for _, b := range [][]byte{{}, {0}, sample, bytes.Repeat(sample, 100_000)} {
		key := put(t, s, b)
		require.True(t, bytes.Equal(b, content(t, s, key)))
		ref, err := s.Stat(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, blob.Ref{SHA256: key, Size: int64(len(b))}, ref)
	}
}

func namedByHash(t *testing.T, s blob.Staged) {
	w, err := s.Create(t.Context())
	require.NoError(t, err)
	defer w.Abort()
	for _, part := range [][]byte{sample[:3], nil, sample[3:]} {
		n, err := w.Write(part)
		require.NoError(t, err)
		require.Len(t, part, n)
	}
	missing(t, s, blob.Key(sample))
	ref, err := w.Commit(t.Context())
	require.NoError(t, err)
	require.Equal(t, blob.Ref{SHA256: blob.Key(sample), Size: int64(len(sample))}, ref)
	require.Equal(t, sample, content(t, s, ref.SHA256))
}

func putAgain(t *testing.T, s blob.Staged) {
	put(t, s, sample)
	put(t, s, sample)
	w, err := s.Create(t.Context())
	require.NoError(t, err)
	_, err = w.Write(sample)
	require.NoError(t, err)
	_, err = w.Commit(t.Context())
	require.NoError(t, err)
	require.Equal(t, sample, content(t, s, blob.Key(sample)))
}

// hooked calls hook before the last bytes of a file are read.
type hooked struct {
	r    io.Reader
	hook func() error
}

func (h *hooked) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if err == io.EOF {
		if failed := h.hook(); failed != nil {
			err = failed
		}
	}
	return n, err
}

func notVisibleBefore(t *testing.T, s blob.Staged) {
	looked := false
	_, err := s.Put(t.Context(), blob.Key(sample), &hooked{bytes.NewReader(sample), func() error {
		missing(t, s, blob.Key(sample))
		looked = true
		return nil
	}})
	require.NoError(t, err)
	require.True(t, looked)
	require.Equal(t, sample, content(t, s, blob.Key(sample)))
}

func failingReader(t *testing.T, s blob.Staged) {
	broken := errors.New("connection reset")
	_, err := s.Put(t.Context(), blob.Key(sample), &hooked{bytes.NewReader(sample), func() error { return broken }})
	require.ErrorIs(t, err, broken)
	missing(t, s, blob.Key(sample))
}

func wrongContent(t *testing.T, s blob.Staged) {
	other := blob.Key([]byte("other"))
	_, err := s.Put(t.Context(), other, bytes.NewReader(sample))
	require.ErrorIs(t, err, blob.ErrContent)
	require.ErrorIs(t, err, atlas.ErrInvalid)
	missing(t, s, other)
	missing(t, s, blob.Key(sample))
}

func overLimit(t *testing.T, s blob.Staged) {
	_, err := s.Put(t.Context(), blob.Key(sample), blob.Limit(bytes.NewReader(sample), int64(len(sample)-1)))
	require.ErrorIs(t, err, atlas.ErrTooLarge)
	missing(t, s, blob.Key(sample))
	missing(t, s, blob.Key(sample[:len(sample)-1]))
}

func aborted(t *testing.T, s blob.Staged) {
	w, err := s.Create(t.Context())
	require.NoError(t, err)
	_, err = w.Write(sample)
	require.NoError(t, err)
	w.Abort()
	w.Abort()
	missing(t, s, blob.Key(sample))
}

func readBefore(t *testing.T, s blob.Staged) {
	w, err := s.Create(t.Context())
	require.NoError(t, err)
	defer w.Abort()
	_, err = io.WriteString(w, "half")
	require.NoError(t, err)
	_, err = io.WriteString(w, " of it")
	require.NoError(t, err)
	require.Equal(t, blob.Ref{SHA256: blob.Key([]byte("half of it")), Size: 10}, w.Ref())
	got := make([]byte, 4)
	n, err := w.ReadAt(got, 5)
	require.NoError(t, err)
	require.Equal(t, "of i", string(got[:n]))
	_, err = s.Stat(t.Context(), w.Ref().SHA256)
	require.ErrorIs(t, err, blob.ErrNotFound)
	w.Abort()
	_, err = w.ReadAt(got, 0)
	require.ErrorIs(t, err, blob.ErrDone)
}

func usedOnce(t *testing.T, s blob.Staged) {
	for _, end := range []func(blob.Writer){
		func(w blob.Writer) { w.Abort() },
		func(w blob.Writer) {
			_, err := w.Commit(t.Context())
			require.NoError(t, err)
		},
	} {
		w, err := s.Create(t.Context())
		require.NoError(t, err)
		_, err = w.Write(sample)
		require.NoError(t, err)
		end(w)
		_, err = w.Write(sample)
		require.ErrorIs(t, err, blob.ErrDone)
		_, err = w.Commit(t.Context())
		require.ErrorIs(t, err, blob.ErrDone)
		w.Abort()
	}
	require.Equal(t, sample, content(t, s, blob.Key(sample)), "an abort after a commit does nothing")
}

func bufferReused(t *testing.T, s blob.Staged) {
	w, err := s.Create(t.Context())
	require.NoError(t, err)
	defer w.Abort()
	buf := bytes.Clone(sample)
	_, err = w.Write(buf)
	require.NoError(t, err)
	clear(buf)
	_, err = w.Commit(t.Context())
	require.NoError(t, err)
	require.Equal(t, sample, content(t, s, blob.Key(sample)))
}

func notFound(t *testing.T, s blob.Staged) {
	put(t, s, sample)
	key := blob.Key([]byte("other"))
	missing(t, s, key)
	err := s.Delete(t.Context(), key)
	require.ErrorIs(t, err, blob.ErrNotFound)
	require.ErrorIs(t, err, atlas.ErrNotFound)
}

func deleted(t *testing.T, s blob.Staged) {
	key := put(t, s, sample)
	b, err := s.Open(t.Context(), key)
	require.NoError(t, err)
	require.NoError(t, s.Delete(t.Context(), key))
	missing(t, s, key)
	require.ErrorIs(t, s.Delete(t.Context(), key), blob.ErrNotFound)
	got, err := io.ReadAll(blob.NewReader(b))
	require.NoError(t, err)
	require.Equal(t, sample, got)
	require.NoError(t, b.Close())
	put(t, s, sample)
	require.Equal(t, sample, content(t, s, key))
}

func keysChecked(t *testing.T, s blob.Staged) {
	key := put(t, s, sample)
	for _, bad := range []string{
		"", ".", "../" + key[3:], key[:63], key + "0", " " + key[1:], "A" + key[1:], "g" + key[1:], "/" + key[1:], key[:63] + "\x00", "tmp",
	} {
		_, err := s.Open(t.Context(), bad)
		require.ErrorIs(t, err, blob.ErrKey, "%q", bad)
		_, err = s.Stat(t.Context(), bad)
		require.ErrorIs(t, err, blob.ErrKey, "%q", bad)
		_, err = s.Put(t.Context(), bad, bytes.NewReader(sample))
		require.ErrorIs(t, err, blob.ErrKey, "%q", bad)
		err = s.Delete(t.Context(), bad)
		require.ErrorIs(t, err, blob.ErrKey, "%q", bad)
		require.ErrorIs(t, err, atlas.ErrInvalid, "%q", bad)
	}
}

func cancelled(t *testing.T, s blob.Staged) {
	key := put(t, s, sample)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Open(ctx, key)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Stat(ctx, key)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Put(ctx, blob.Key([]byte("other")), bytes.NewReader([]byte("other")))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Delete(ctx, key), context.Canceled)
	_, err = s.Create(ctx)
	require.ErrorIs(t, err, context.Canceled)

	w, err := s.Create(t.Context())
	require.NoError(t, err)
	_, err = w.Write([]byte("other"))
	require.NoError(t, err)
	_, err = w.Commit(ctx)
	require.ErrorIs(t, err, context.Canceled)
	missing(t, s, blob.Key([]byte("other")))
	require.Equal(t, sample, content(t, s, key))
}

func writerContext(t *testing.T, s blob.Staged) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Create(ctx)
	require.NoError(t, err)
	defer w.Abort()
	_, err = w.Write(sample)
	require.NoError(t, err)
	cancel()
	_, err = w.Write(sample)
	require.ErrorIs(t, err, context.Canceled)
	_, err = w.Commit(t.Context())
	require.ErrorIs(t, err, context.Canceled)
	missing(t, s, blob.Key(sample))
}

func readAt(t *testing.T, s blob.Staged) {
	b, err := s.Open(t.Context(), put(t, s, sample))
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close()) }()
	got := make([]byte, 5)
	n, err := b.ReadAt(got, 4)
	require.NoError(t, err)
	require.Equal(t, sample[4:9], got[:n])
	n, err = b.ReadAt(got, b.Size()-2)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, sample[len(sample)-2:], got[:n])
	_, err = b.ReadAt(got, b.Size())
	require.ErrorIs(t, err, io.EOF)
}

func concurrent(t *testing.T, s blob.Staged) {
	ctx := t.Context()
	errs := make(chan error, 40)
	var wg sync.WaitGroup
	for i := range cap(errs) {
		b := bytes.Repeat([]byte{byte(i % 4)}, 50_000)
		wg.Go(func() {
			_, err := s.Put(ctx, blob.Key(b), bytes.NewReader(b))
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	for i := range 4 {
		b := bytes.Repeat([]byte{byte(i)}, 50_000)
		require.True(t, bytes.Equal(b, content(t, s, blob.Key(b))))
	}
}

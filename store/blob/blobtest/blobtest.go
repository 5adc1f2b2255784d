// Package blobtest is the proof that a backend keeps the contract of package
// blob.
package blobtest

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/store/blob"
)

// Run tests the backend that open opens, empty each time. open cleans up
// after itself by t.Cleanup.
func Run(t *testing.T, open func(t testing.TB) blob.Staged) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, blob.Staged)
	}{
		{"a file reads back as it was put", readsBack},
		{"a staged file is named by its hash", namedByHash},
		{"putting again is no error", putAgain},
		{"nothing is visible before all is stored", notVisibleBefore},
		{"a failing reader leaves nothing", failingReader},
		{"content of another key leaves nothing", wrongContent},
		{"a file over its limit leaves nothing", overLimit},
		{"an aborted file leaves nothing", aborted},
		{"what is written can be read before it is stored", readBefore},
		{"a writer is used once", usedOnce},
		{"a written buffer may be used again", bufferReused},
		{"what is not there is not found", notFound},
		{"a deleted file is gone, and readable where it is open", deleted},
		{"keys are checked", keysChecked},
		{"a cancelled call does nothing", cancelled},
		{"a writer ends with its context", writerContext},
		{"reading at an offset", readAt},
		{"everything may be done at once", concurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

var sample = []byte("the bytes of a file")

func content(t *testing.T, s blob.Store, key string) []byte {
	t.Helper()
	b, err := s.Open(t.Context(), key)
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close()) }()
	got, err := io.ReadAll(blob.NewReader(b))
	require.NoError(t, err)
	require.Equal(t, int64(len(got)), b.Size())
	return got
}

func missing(t *testing.T, s blob.Store, key string) {
	t.Helper()
	_, err := s.Stat(t.Context(), key)
	require.ErrorIs(t, err, blob.ErrNotFound)
	_, err = s.Open(t.Context(), key)
	require.ErrorIs(t, err, blob.ErrNotFound)
}

func put(t *testing.T, s blob.Store, b []byte) string {
	t.Helper()
	n, err := s.Put(t.Context(), blob.Key(b), bytes.NewReader(b))
	require.NoError(t, err)
	require.Equal(t, int64(len(b)), n)
	return blob.Key(b)
}

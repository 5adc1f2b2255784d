package blob_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store/blob"
	"github.com/atlas-mdm/atlas-go/store/blob/mem"
)

func TestAKeyIsALowerCaseSHA256(t *testing.T) {
	t.Parallel()
	require.Equal(t, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", blob.Key(nil))
	require.NoError(t, blob.CheckKey(blob.Key(nil)))
	require.ErrorIs(t, blob.CheckKey(strings.ToUpper(blob.Key(nil))), blob.ErrKey)
	require.ErrorIs(t, blob.CheckKey("../"+blob.Key(nil)[3:]), atlas.ErrInvalid)
}

func TestALimitPassesWhatFits(t *testing.T) {
	t.Parallel()
	for size := range int64(70) {
		content := strings.Repeat("x", int(size))
		for _, limit := range []int64{size, size + 1, 1 << 40} {
			require.NoError(t, iotest.TestReader(blob.Limit(strings.NewReader(content), limit), []byte(content)), "%d of %d", size, limit)
		}
	}
}

func TestALimitFailsOnOneByteMore(t *testing.T) {
	t.Parallel()
	for _, wrap := range []func(io.Reader) io.Reader{
		func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader,
	} {
		for limit := range int64(40) {
			r := blob.Limit(wrap(bytes.NewReader(make([]byte, limit+1))), limit)
			got, err := io.ReadAll(r)
			require.ErrorIs(t, err, atlas.ErrTooLarge)
			require.ErrorIs(t, err, atlas.ErrLimited)
			require.Len(t, got, int(limit))
			_, err = r.Read(make([]byte, 1))
			require.ErrorIs(t, err, atlas.ErrTooLarge, "and keeps failing")
		}
	}
}

func TestANegativeLimitIsNone(t *testing.T) {
	t.Parallel()
	_, err := io.ReadAll(blob.Limit(strings.NewReader("x"), -5))
	require.ErrorIs(t, err, atlas.ErrTooLarge)
}

func TestALimitPassesTheReadersErrorOn(t *testing.T) {
	t.Parallel()
	_, err := io.ReadAll(blob.Limit(iotest.ErrReader(iotest.ErrTimeout), 10))
	require.ErrorIs(t, err, iotest.ErrTimeout)
}

// A stored file is served with ranges and its hash as ETag by the standard
// library alone.
func ExampleNewReader() {
	ctx := context.Background()
	var files mem.Store
	key := blob.Key([]byte("0123456789"))
	if _, err := files.Put(ctx, key, strings.NewReader("0123456789")); err != nil {
		fmt.Println(err)
		return
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		b, err := files.Open(r.Context(), key)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer b.Close()
		w.Header().Set("ETag", `"`+key+`"`)
		http.ServeContent(w, r, "app.apk", time.Time{}, blob.NewReader(b))
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Range", "bytes=2-5")
	w := httptest.NewRecorder()
	handler(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 206 2345
}

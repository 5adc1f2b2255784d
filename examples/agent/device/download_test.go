package device_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/examples/agent/internal/script"
)

// piece answers a range of content, and breaks the connection after n bytes.
func piece(content []byte, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from := 0
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(content[from:min(from+n, len(content))])
		if from+n < len(content) {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}
}

func TestDownloadThatIsCutGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	p, content := order(t, "tiny.apk")
	w.With(func(s *script.Server) { s.File = piece(content, 3000) })
	w.Send("c1", "app.install", p)
	w.checkIn()
	require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome)
	require.Equal(t, []string{"", "bytes=3000-", "bytes=6000-"}, w.Ranges)
	require.Equal(t, 1, w.phone.times("install"))
}

func TestDownloadGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.opt.Tries = 1
	w.restart()
	p, content := order(t, "tiny.apk")
	part := filepath.Join(w.dir, "state", "downloads", p.SHA256+".part")
	require.NoError(t, os.MkdirAll(filepath.Dir(part), 0o700))
	require.NoError(t, os.WriteFile(part, content[:5000], 0o600))
	w.With(func(s *script.Server) { s.Files[p.SHA256] = content })
	w.Send("c1", "app.install", p)
	w.checkIn()
	require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome)
	require.Equal(t, []string{"bytes=5000-"}, w.Ranges)
}

func TestWrongBytesAreNeverInstalled(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	p, content := order(t, "tiny.apk")
	content[4000] ^= 1
	w.With(func(s *script.Server) { s.File = piece(content, 3000) })
	w.Send("c1", "app.install", p)
	w.checkIn()
	require.Equal(t, "failed", w.outcome("c1", 1).Outcome)
	require.Zero(t, w.phone.times("install"))
	require.Empty(t, w.leftovers())
	require.Empty(t, w.apps())
}

func TestPartThatWentBadOnDiskIsFetchedAgain(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	p := w.offer("tiny.apk")
	part := filepath.Join(w.dir, "state", "downloads", p.SHA256+".part")
	require.NoError(t, os.MkdirAll(filepath.Dir(part), 0o700))
	require.NoError(t, os.WriteFile(part, make([]byte, 5000), 0o600))
	w.Send("c1", "app.install", p)
	w.checkIn()
	require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome)
	require.Equal(t, []string{"bytes=5000-", ""}, w.Ranges)
}

func TestDownloadNeverGrowsBeyondTheOrder(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	p, content := order(t, "tiny.apk")
	w.With(func(s *script.Server) {
		s.File = func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush() // chunked: no length is announced
			_, _ = w.Write(content)
			for range 1000 {
				_, _ = w.Write(content)
			}
		}
	})
	w.Send("c1", "app.install", p)
	w.checkIn()
	require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome, "its first bytes are the ordered file")
	p.Size, p.SHA256 = p.Size-1, p.SHA256[1:]+p.SHA256[:1]
	w.Send("c2", "app.install", p)
	w.checkIn()
	require.Equal(t, "failed", w.outcome("c2", 1).Outcome)
	require.Equal(t, 1, w.phone.times("install"))
}

func TestSizeOutOfBoundsIsRefusedBeforeItIsFetched(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	for i, size := range []int64{0, -1, 1 << 32} {
		p := w.offer("tiny.apk")
		p.Size = size
		w.Send(strconv.Itoa(i), "app.install", p)
	}
	w.checkIn()
	require.Len(t, w.Ended, 3)
	require.Empty(t, w.Ranges)
}

func TestServerWithoutRangesIsReadFromTheStart(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	p, content := order(t, "tiny.apk")
	calls := 0
	w.With(func(s *script.Server) {
		s.File = func(w http.ResponseWriter, r *http.Request) {
			if calls++; calls == 1 {
				piece(content, 3000)(w, r)
			}
			_, _ = w.Write(content)
		}
	})
	w.Send("c1", "app.install", p)
	w.checkIn()
	require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome)
	require.Equal(t, []string{"", "bytes=3000-"}, w.Ranges)
}

func TestAnotherPartThanAskedForIsNotUsed(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	p, content := order(t, "tiny.apk")
	part := filepath.Join(w.dir, "state", "downloads", p.SHA256+".part")
	require.NoError(t, os.MkdirAll(filepath.Dir(part), 0o700))
	require.NoError(t, os.WriteFile(part, content[:5000], 0o600))
	w.With(func(s *script.Server) {
		s.File = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 4999-%d/%d", len(content)-1, len(content)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(content[4999:])
		}
	})
	w.Send("c1", "app.install", p)
	w.checkIn()
	require.Equal(t, "failed", w.outcome("c1", 1).Outcome)
	require.Zero(t, w.phone.times("install"))
	require.Empty(t, w.leftovers(), "the next attempt begins at the start")
}

func TestDownloadThatNeverStartsIsGivenUp(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	p := w.offer("tiny.apk")
	w.With(func(s *script.Server) {
		s.File = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	})
	w.Send("c1", "app.install", p)
	w.checkIn()
	require.Equal(t, "failed", w.outcome("c1", 1).Outcome)
	require.Len(t, w.Ranges, 8)
	require.Len(t, w.clock.slept, 7)
	for i := range w.clock.slept[1:] {
		require.LessOrEqual(t, w.clock.slept[i], w.clock.slept[i+1]*2, "each delay is about twice the one before")
	}
}

func TestPackageThatIsGoneFailsAtOnce(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	p, _ := order(t, "tiny.apk")
	w.Send("c1", "app.install", p)
	w.checkIn()
	require.Equal(t, "failed", w.outcome("c1", 1).Outcome)
	require.Len(t, w.Ranges, 1)
}

func TestUsedCounterOfADownloadIsJumpedOver(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.Send("c1", "app.install", w.offer("tiny.apk"))
	w.fail(deviceproto.PathAPK, script.Forgotten)
	w.checkIn()
	require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome)
	require.Len(t, w.Ranges, 1)
}

func TestGivenUpDownloadsDoNotPileUp(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	dir := filepath.Join(w.dir, "state", "downloads")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "old.part"), []byte("x"), 0o600))
	w.Send("c1", "app.install", w.offer("tiny.apk"))
	w.checkIn()
	require.Empty(t, w.leftovers())
}

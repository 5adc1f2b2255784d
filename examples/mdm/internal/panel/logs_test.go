package panel_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// torn is an answer whose first bytes get through by half.
type torn struct {
	http.ResponseWriter
	broken bool
}

// Write implements http.ResponseWriter.
func (w *torn) Write(b []byte) (int, error) {
	if w.broken {
		return w.ResponseWriter.Write(b)
	}
	w.broken = true
	n, err := w.ResponseWriter.Write(b[:len(b)/2])
	err = errors.Join(err, http.NewResponseController(w.ResponseWriter).Flush())
	return n, errors.Join(err, errors.New("the line broke"))
}

func TestAnExportThatBreaksOffIsABrokenDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "admin")
	whole := w.Config.Handler
	half := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		whole.ServeHTTP(&torn{ResponseWriter: out}, r)
	}))
	t.Cleanup(half.Close)
	resp, err := b.c.Get(half.URL + "/audit/export") // another port, the same cookies
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "application/jsonl", resp.Header.Get("Content-Type"))
	got, err := io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, all := b.get("/audit/export")
	require.Equal(t, all[:len(got)], string(got), "nothing is put behind what got through")
}

func TestAnExportThatIsRefusedIsAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/audit/export", nil)
	require.NoError(t, err)
	status, body, head := w.as(t, "north").do(req)
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, body, "Your role does not allow this.")
	require.Empty(t, head.Get("Content-Disposition"))
	require.Equal(t, "text/html; charset=utf-8", head.Get("Content-Type"))
}

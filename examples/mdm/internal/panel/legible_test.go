package panel_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/examples/mdm/internal/panel"
)

// parts makes a request one with a form of several parts.
func parts(t *testing.T, fill func(*multipart.Writer)) func(*http.Request) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	fill(form)
	require.NoError(t, form.Close())
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
		r.Header.Set("Content-Type", form.FormDataContentType())
	}
}

func TestWhatIsNoTextIsNotReadAnyFurther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "north")
	seen := events(t, w)
	for _, path := range []string{"/devices/%00", "/devices?q=%00", "/devices?%00=q", "/devices?q=%ff", "/devices?q=%zz", "/%ff", "/assets/%00"} {
		status, body := b.get(path)
		require.Equal(t, http.StatusBadRequest, status, path)
		require.Contains(t, body, "This request can&#39;t be read.")
	}
	for _, name := range []string{"nor\x00th", "\x00", "\xff"} {
		in := url.Values{"username": {name}, "password": {secretWord}}
		status, _, _ := b.post("/sign-in", in)
		require.Equal(t, http.StatusBadRequest, status, "%q", name)
		status, _, _ = b.post("/sign-in", nil, parts(t, func(form *multipart.Writer) {
			require.NoError(t, form.WriteField("username", name))
		}))
		require.Equal(t, http.StatusBadRequest, status, "%q", name)
		status, _, _ = b.post("/devices/"+string(w.device)+"/name", url.Values{"name": {name}}, asHTMX)
		require.Equal(t, http.StatusBadRequest, status, "%q", name)
	}
	status, _, _ := b.post("/sign-in?x=%00", asNorth())
	require.Equal(t, http.StatusBadRequest, status)
	status, _, _ = b.post("/packages?x=%00", nil)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, seen, events(t, w), "no use case was called")
}

// events counts the security events, of which every sign-in makes one.
func events(t *testing.T, w *world) int {
	t.Helper()
	all, err := w.svc.SecurityEvents(t.Context(), w.admin, atlas.Page{Limit: 100})
	require.NoError(t, err)
	return len(all)
}

func TestAFormOverItsBoundIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, body, _ := w.browser(t).post("/sign-in", url.Values{"username": {strings.Repeat("x", 1<<20)}})
	require.Equal(t, http.StatusRequestEntityTooLarge, status)
	require.Contains(t, body, "larger than the server accepts")
}

func TestWhatIsAroundAnUploadIsBoundedToo(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, panel.Options{MaxUpload: 1000}, fleet.Options{})
	b := w.as(t, "north")
	padding := strings.Repeat("padding\n", (1<<20+1000)/8)
	for name, form := range map[string]func(*http.Request){
		"between parts": parts(t, func(form *multipart.Writer) {
			require.NoError(t, form.WriteField("padding", padding))
			_, err := form.CreateFormFile("file", "some.apk")
			require.NoError(t, err)
		}),
		"before the first part": func(r *http.Request) {
			body := padding + "\r\n--x\r\nContent-Disposition: form-data; name=file; filename=a.apk\r\n\r\nPK\r\n--x--\r\n"
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		},
		"in the file": parts(t, func(form *multipart.Writer) {
			part, err := form.CreateFormFile("file", "some.apk")
			require.NoError(t, err)
			_, err = io.WriteString(part, padding)
			require.NoError(t, err)
		}),
	} {
		status, body, _ := b.post("/packages", nil, asHTMX, form)
		require.Equal(t, http.StatusRequestEntityTooLarge, status, name)
		require.Contains(t, body, "larger than the server accepts", name)
	}
}

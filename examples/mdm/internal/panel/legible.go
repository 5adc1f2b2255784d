package panel

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/atlas-mdm/atlas-go/atlas"
)

const (
	// maxForm is the most bytes of a form that is not an upload.
	maxForm = 1 << 20
	// uploadForm is the most bytes that the form of an upload has around the
	// file.
	uploadForm = 1 << 20
)

// legible bounds the body of every request and reads its form, but for that
// of an upload. What is no text, or has U+0000, which databases refuse, is
// answered here with status 400 and goes no further.
func (p *Panel) legible(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		if isUpload(r) {
			r.Body = http.MaxBytesReader(w, r.Body, p.maxUpload+uploadForm)
			_, err = url.ParseQuery(r.URL.RawQuery)
		} else {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			err = readForm(r)
		}
		if err != nil || !isText(r.URL.Path) || !areTexts(r.URL.Query()) || !areTexts(r.PostForm) {
			p.fail(w, r, nil, illegible(err))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isUpload(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == "/packages" }

// readForm reads the form of a request, of either encoding.
func readForm(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		return r.ParseMultipartForm(maxForm)
	}
	return r.ParseForm()
}

// isText reports whether a database takes s for text.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func areTexts(form url.Values) bool {
	for name, values := range form {
		if !isText(name) || !isText(strings.Join(values, " ")) {
			return false
		}
	}
	return true
}

// illegible is the answer to a request that is not read any further.
func illegible(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return atlas.ErrTooLarge
	}
	return &problem{http.StatusBadRequest, "This request can't be read.", err}
}

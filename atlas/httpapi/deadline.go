package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// How long the other side may take: for a whole JSON body, and for each part
// of a file.
const (
	bodyTime = 30 * time.Second
	partTime = 60 * time.Second
)

// never takes a deadline away.
var never time.Time

// soon is a deadline. Connections keep the machine's time, whatever clock the
// service has.
func soon(d time.Duration) time.Time { return atlas.SystemClock().Add(d) }

// incoming is the body of an upload: bounded, with a deadline that moves on
// while bytes come, and with errors that say whose fault they are.
type incoming struct {
	body io.Reader
	rc   *http.ResponseController
}

// receive returns the body of r as a file of at most limit bytes. A length
// that says more fails before anything is read. The second result takes the
// deadlines away.
func receive(w http.ResponseWriter, r *http.Request, limit int64) (io.Reader, func()) {
	rc := http.NewResponseController(w)
	in := &incoming{body: http.MaxBytesReader(w, r.Body, limit), rc: rc}
	if r.ContentLength > limit {
		in.body = tooLarge{}
	}
	return in, func() {
		_ = rc.SetReadDeadline(never)
		_ = rc.SetWriteDeadline(never) // a server's own may be over by now
	}
}

func (in *incoming) Read(p []byte) (int, error) {
	_ = in.rc.SetReadDeadline(soon(partTime))
	n, err := in.body.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // readers return io.EOF itself
		err = bodyError(err)
	}
	return n, err
}

type tooLarge struct{}

func (tooLarge) Read([]byte) (int, error) {
	return 0, fmt.Errorf("httpapi: declared length: %w", &http.MaxBytesError{})
}

// outgoing gives each part of a large answer its own deadline.
type outgoing struct {
	http.ResponseWriter
	rc *http.ResponseController
}

func sending(w http.ResponseWriter) *outgoing {
	return &outgoing{ResponseWriter: w, rc: http.NewResponseController(w)}
}

func (w *outgoing) Write(p []byte) (int, error) {
	_ = w.rc.SetWriteDeadline(soon(partTime))
	return w.ResponseWriter.Write(p)
}

// done takes the deadline away.
func (w *outgoing) done() { _ = w.rc.SetWriteDeadline(never) }

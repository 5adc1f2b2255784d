package httpapi

import (
	"fmt"
	"net/http"
	"path"
	"runtime/debug"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// shell is what all routes have around them: the fields every answer has,
// problems instead of the plain texts of net/http, and the end of panics.
func (a *API) shell(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, start := &answer{ResponseWriter: w}, a.svc.Now()
		if a.opt.Observe != nil {
			defer func() { a.opt.Observe(r.Pattern, out.status, a.svc.Now().Sub(start)) }()
		}
		defer a.recovered(out, r)
		out.Header().Set("Cache-Control", "no-store")
		out.Header().Set("X-Content-Type-Options", "nosniff")
		h, pattern := mux.Handler(r)
		switch {
		case path.Clean(r.URL.Path) != r.URL.Path: // net/http would redirect, which no signature survives
			a.refuse(out, r, errNoRoute)
		case pattern == "":
			a.nowhere(out, r, h)
		default:
			mux.ServeHTTP(out, r)
		}
	})
}

// nowhere answers a request that has no route, as h of net/http would, which
// knows whether it is the method alone.
func (a *API) nowhere(w http.ResponseWriter, r *http.Request, h http.Handler) {
	plain := &discard{header: http.Header{}}
	h.ServeHTTP(plain, r)
	if plain.status != http.StatusMethodNotAllowed {
		a.refuse(w, r, errNoRoute)
		return
	}
	w.Header()["Allow"] = plain.header["Allow"]
	p := problem(http.StatusMethodNotAllowed, "method-not-allowed", "Method not allowed", "")
	writeJSON(w, p.Status, problemType, p)
}

// recovered ends a panic: with a problem if nothing was sent yet, else by
// cutting the connection so that no half answer passes for a whole one.
func (a *API) recovered(w *answer, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so too
		panic(v)
	}
	a.opt.Logger.ErrorContext(r.Context(), "panic", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	a.refuse(w, r, fmt.Errorf("httpapi: panic in %s", atlas.CleanText(r.Pattern, 100)))
}

// answer remembers the status of an answer.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the first final status.
func (w *answer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *answer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// discard is an answer of which only status and fields are wanted.
type discard struct {
	header http.Header
	status int
}

// Header returns the fields.
func (d *discard) Header() http.Header { return d.header }

func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader remembers the status.
func (d *discard) WriteHeader(status int) { d.status = status }

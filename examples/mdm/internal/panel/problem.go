package panel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/ledger"
)

// problem is an error with the words that people are shown.
type problem struct {
	Status int
	Text   string
	err    error
}

// Error is for the log.
func (p *problem) Error() string { return fmt.Sprintf("%s: %v", p.Text, p.err) }

// Unwrap returns the error behind it.
func (p *problem) Unwrap() error { return p.err }

// known are the errors with words of their own, the more specific first, and
// after them the kinds.
var known = []struct {
	err    error
	status int
	text   string
}{
	{ledger.ErrInsufficient, http.StatusConflict, "There are not enough credits for this."},
	{intake.ErrNotClean, http.StatusConflict, "Only a package that every scanner found clean can be used."},
	{intake.ErrUnassigned, http.StatusConflict, "The package is not assigned there yet. Assign it first."},
	{fleet.ErrNotAPK, http.StatusUnprocessableEntity, "This file is not an APK that can be read."},
	{fleet.ErrNotSealed, http.StatusConflict, "This event gets its place in the log within a few seconds."},
	{activation.ErrUsed, http.StatusConflict, "This code is used up."},
	{atlas.ErrTooLarge, http.StatusRequestEntityTooLarge, "This is larger than the server accepts."},
	{atlas.ErrMismatch, http.StatusConflict, "This form was sent before with other content. Load the page again."},
	{atlas.ErrTransition, http.StatusConflict, "It is in a state that does not allow this."},
	{atlas.ErrSuspended, http.StatusForbidden, "Your account is not active."},

	{atlas.ErrUnauthenticated, http.StatusUnauthorized, "Please sign in again."},
	{atlas.ErrNotFound, http.StatusNotFound, "This does not exist, or it is not yours."},
	{atlas.ErrDenied, http.StatusForbidden, "Your role does not allow this."},
	{atlas.ErrExists, http.StatusConflict, "This name is taken already."},
	{atlas.ErrStale, http.StatusConflict, "Somebody changed it in the meantime. Load the page and try again."},
	{atlas.ErrInvalid, http.StatusUnprocessableEntity, "Something in this form can't be used."},
	{atlas.ErrRefused, http.StatusConflict, "This is not possible as things stand."},
	{atlas.ErrLimited, http.StatusTooManyRequests, "That is too much at once. Try again later."},
}

// explain returns what to tell people about an error. What it does not know
// is no one's mistake but the server's.
func explain(err error) *problem {
	var p *problem
	var f *atlas.FieldError
	var place *atlas.PlaceError
	var wait *identity.ThrottleError
	var size *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &f):
		return &problem{http.StatusUnprocessableEntity, capital(humanField(f.Field)) + " " + f.Problem + ".", err}
	case errors.As(err, &place):
		return &problem{http.StatusConflict, "An account of this role can't be there in the tree.", err}
	case errors.As(err, &wait):
		return &problem{http.StatusTooManyRequests, "Too many failed attempts. Try again " + waiting(wait.RetryAfter) + ".", err}
	case errors.As(err, &size):
		return explain(atlas.ErrTooLarge)
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			return &problem{k.status, k.text, err}
		}
	}
	return &problem{http.StatusInternalServerError, "Something went wrong on the server. It was written to its log.", err}
}

func waiting(d time.Duration) string {
	if d <= time.Minute {
		return "in a minute"
	}
	return fmt.Sprintf("in %d minutes", int(d.Minutes())+1)
}

// fail shows an error as a page, or as a notice where a page is there already.
func (p *Panel) fail(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // nobody is there any more
	}
	e := explain(err)
	p.note(r, e)
	if errors.Is(err, atlas.ErrUnauthenticated) {
		redirect(w, r, "/sign-in")
		return
	}
	if isHTMX(r) {
		w.Header().Set("HX-Retarget", "#notice")
		w.Header().Set("HX-Reswap", "innerHTML")
		p.fragment(w, r, e.Status, "error", "notice-error", e.Text)
		return
	}
	p.show(w, r, e.Status, "error", sheet{Title: http.StatusText(e.Status), Visit: v, Body: e})
}

func (p *Panel) note(r *http.Request, e *problem) {
	if e.Status >= http.StatusInternalServerError {
		p.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", e.err)
	}
}

// refuse shows a form again with what is wrong in it.
func (p *Panel) refuse(w http.ResponseWriter, r *http.Request, v *visit, f form, err error) {
	e := explain(err)
	p.note(r, e)
	f = f.filled(r).failed(err, e.Text)
	if isHTMX(r) {
		p.fragment(w, r, e.Status, "error", "form", f)
		return
	}
	p.show(w, r, e.Status, "form", sheet{Title: f.Title, Visit: v, Body: f})
}

func (p *Panel) nowhere(http.ResponseWriter, *http.Request, *visit) error { return atlas.ErrNotFound }

// onField puts an ErrExists beside the field whose content is taken.
func onField(err error, name string) error {
	if errors.Is(err, atlas.ErrExists) {
		return atlas.Invalid(name, "is taken already")
	}
	return err
}

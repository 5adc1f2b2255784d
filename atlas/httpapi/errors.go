package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/ledger"
)

// problemURN is what every problem type begins with.
const problemURN = "urn:atlas:problem:"

// problemType is the content type of errors (RFC 9457, section 6.1).
const problemType = "application/problem+json"

// Problem is the body of every error answer (RFC 9457). The package's
// documentation lists the types.
type Problem struct {
	Type   string `json:"type" format:"uri" doc:"A URN that programs may act on"`
	Title  string `json:"title" doc:"The same for every problem of the type"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty" doc:"For people"`
	// Instance names the entry in the server's log, for status 500.
	Instance string `json:"instance,omitempty" format:"uri" doc:"Names the entry in the server's log, for status 500"`
	// Errors say which parts of the request are wrong.
	Errors []ProblemField `json:"errors,omitempty" nullable:"false" doc:"Which parts of the request are wrong"`
	// Counter and ServerTime are for devices; see package deviceproto.
	Counter    uint64     `json:"counter,omitempty" doc:"For replay: the next request must have a higher counter"`
	ServerTime *time.Time `json:"server_time,omitempty" doc:"For clock"`

	header http.Header
}

// ProblemField is one wrong part of a request.
type ProblemField struct {
	Location string `json:"location" doc:"Such as body.target.device_ids, query.limit or header.Atlas-Purpose"`
	Message  string `json:"message"`
}

// Error returns the title and the detail.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns the fields that belong to the answer, such as
// Retry-After.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType returns the content type of problems in place of JSON's.
func (p *Problem) ContentType(string) string { return problemType }

func (p *Problem) with(field, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(field, value)
	return p
}

// Errors of requests that never reach a use case.
var (
	errMalformed = fmt.Errorf("httpapi: malformed request (%w)", atlas.ErrInvalid)
	errMedia     = fmt.Errorf("httpapi: content type is not read here (%w)", atlas.ErrInvalid)
	errSlow      = fmt.Errorf("httpapi: body came too slowly (%w)", atlas.ErrInvalid)
	errNoRoute   = fmt.Errorf("httpapi: no such route (%w)", atlas.ErrNotFound)
)

// fieldErrors is an ErrInvalid about several parts of a request.
type fieldErrors []ProblemField

func (fieldErrors) Error() string { return "httpapi: request breaks rules of form" }

// Is reports whether target is atlas.ErrInvalid.
func (fieldErrors) Is(target error) bool { return target == atlas.ErrInvalid }

func problem(status int, slug, title, detail string) *Problem {
	return &Problem{Type: problemURN + slug, Title: title, Status: status, Detail: detail}
}

// problemOf is the one place where errors become statuses. What is not among
// the kinds is our own fault: status 500, and not a word of it.
func problemOf(err error) *Problem {
	var (
		replay *fleet.ReplayError
		skew   *httpsig.SkewError
		wait   *identity.ThrottleError
	)
	switch {
	case errors.As(err, &replay):
		p := problem(http.StatusUnauthorized, "replay", "Counter was used", "The next request must have a higher counter.")
		p.Counter = replay.Ceiling
		return p
	case errors.As(err, &skew):
		p := problem(http.StatusUnauthorized, "clock", "Clock is off", "The signature was made too long before or after the server's time.")
		p.ServerTime = &skew.Now
		return p
	case errors.Is(err, fleet.ErrUnknownDevice):
		return problem(http.StatusUnauthorized, "unknown-device", "Unknown device", "No device has this key.")
	case errors.Is(err, atlas.ErrUnauthenticated):
		return problem(http.StatusUnauthorized, "unauthenticated", "Not authenticated", "No credential that counts was shown.").
			with("WWW-Authenticate", "Bearer")
	case errors.Is(err, atlas.ErrSuspended):
		return problem(http.StatusForbidden, "suspended", "Account is not active", "The account, or one above it, is not active.")
	case errors.Is(err, atlas.ErrDenied):
		return problem(http.StatusForbidden, "denied", "Not allowed", "This account may not do this.")
	case errors.Is(err, atlas.ErrNotFound):
		return problem(http.StatusNotFound, "not-found", "Not found", "There is no such thing, or it is not yours.")
	case errors.Is(err, errMalformed), errors.Is(err, httpsig.ErrMalformed):
		return problem(http.StatusBadRequest, "malformed", "Malformed request", told(err))
	case errors.Is(err, errMedia):
		return problem(http.StatusUnsupportedMediaType, "media-type", "Unsupported content type", told(err))
	case errors.Is(err, errSlow):
		return problem(http.StatusRequestTimeout, "timeout", "Request came too slowly", "")
	case errors.Is(err, fleet.ErrNotAPK):
		return problem(http.StatusUnprocessableEntity, "not-apk", "Not an APK", told(err))
	case errors.Is(err, atlas.ErrInvalid):
		p := problem(http.StatusUnprocessableEntity, "invalid", "Invalid request", "The request breaks rules of form.")
		p.Errors = fieldsOf(err)
		if len(p.Errors) == 1 {
			one := p.Errors[0]
			p.Detail = strings.TrimPrefix(strings.TrimPrefix(one.Location, "body"), ".") + " " + one.Message
			p.Detail = strings.TrimSpace(p.Detail)
		}
		return p
	case errors.Is(err, atlas.ErrExists):
		return problem(http.StatusConflict, "exists", "Already there", "The name or key is taken.")
	case errors.Is(err, atlas.ErrStale):
		return problem(http.StatusConflict, "stale", "Changed meanwhile", "Somebody else changed it; try again.")
	case errors.Is(err, atlas.ErrMismatch):
		return problem(http.StatusUnprocessableEntity, "idempotency-mismatch", "Idempotency key was used", "The key was used with another request.")
	case errors.Is(err, atlas.ErrRefused):
		return refusalOf(err)
	case errors.Is(err, atlas.ErrTooLarge):
		return problem(http.StatusRequestEntityTooLarge, "too-large", "Too large", "The request, or a part of it, is over its bound.")
	case errors.As(err, &wait):
		return limited(wait.RetryAfter)
	case errors.Is(err, atlas.ErrLimited):
		return limited(time.Second)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusServiceUnavailable, "unavailable", "Not available now", "").with("Retry-After", "1")
	}
	return problem(http.StatusInternalServerError, "internal", "Internal error", "Something went wrong on our side.")
}

func limited(wait time.Duration) *Problem {
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	return problem(http.StatusTooManyRequests, "limited", "Too many attempts", "Wait before trying again.").
		with("Retry-After", strconv.Itoa(seconds))
}

// refusalOf tells the rules apart that programs act on.
func refusalOf(err error) *Problem {
	for _, r := range []struct {
		kind         error
		slug, detail string
	}{
		{ledger.ErrInsufficient, "insufficient-credits", "There are too few credits."},
		{ledger.ErrHold, "hold", "The hold is closed, or has less left."},
		{ledger.ErrRefund, "refund", "The refunds would exceed the posting."},
		{activation.ErrUsed, "code-used", "The code is used up."},
		{activation.ErrExpired, "code-expired", "The code's time is over."},
		{activation.ErrSuspended, "code-suspended", "The code is suspended."},
		{activation.ErrRevoked, "code-revoked", "The code was withdrawn."},
		{intake.ErrNotClean, "not-clean", "The package is not clean."},
		{intake.ErrUnassigned, "not-assigned", "The package is not assigned there."},
		{fleet.ErrNotSealed, "not-sealed", "The event has no place in the log yet."},
		{atlas.ErrTransition, "state", "Its state does not allow this."},
	} {
		if errors.Is(err, r.kind) {
			return problem(http.StatusConflict, r.slug, "Refused", r.detail)
		}
	}
	return problem(http.StatusConflict, "refused", "Refused", told(err))
}

// fieldsOf returns which parts of the request an ErrInvalid is about.
func fieldsOf(err error) []ProblemField {
	var many fieldErrors
	if errors.As(err, &many) {
		return many
	}
	var one *atlas.FieldError
	if errors.As(err, &one) {
		return []ProblemField{{Location: location(one.Field), Message: one.Problem}}
	}
	return []ProblemField{{Location: "body", Message: told(err)}}
}

// location says where a field is. Use cases name fields of bodies alone.
func location(field string) string {
	for _, part := range []string{"query.", "header.", "path."} {
		if strings.HasPrefix(field, part) {
			return field
		}
	}
	if field == headerKey {
		return "header." + field
	}
	return "body." + field
}

// told is what a client is told of an error that tells of its own request:
// without the names of packages and actions before it, and without its kind.
func told(err error) string {
	text := kindWords.Replace(err.Error())
	for {
		head, rest, more := strings.Cut(text, ": ")
		if !more || strings.Contains(head, " ") {
			return atlas.CleanText(text, 300)
		}
		text = rest
	}
}

var kindWords = strings.NewReplacer(" (invalid)", "", " (refused)", "", " (limit reached)", "", ": refused", "", ": invalid", "")

// refuse answers with the problem of err.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := a.blame(r.Context(), err)
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// blame is problemOf that writes what is our own fault into the log, under a
// reference that the client gets instead.
func (a *API) blame(ctx context.Context, err error) *Problem {
	p := problemOf(err)
	if p.Status == http.StatusInternalServerError {
		ref := atlas.NewID(a.svc.Now())
		p.Instance = "urn:uuid:" + ref
		a.opt.Logger.ErrorContext(ctx, "request failed", "reference", ref, "error", err)
	}
	return p
}

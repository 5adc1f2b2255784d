package atlas

import (
	"errors"
	"fmt"
)

// The kinds of error. Every error that leaves a package of this module wraps
// one of them; errors.Is is the test, and atlas/httpapi maps each to one HTTP
// status in one place.
var (
	// ErrInvalid says that the input can't be understood or breaks a stated
	// limit of form; the same input will never be accepted.
	ErrInvalid = errors.New("invalid")
	// ErrUnauthenticated says that nobody, or nobody known, is asking.
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrDenied says that the actor sees the thing but may not do this to it.
	ErrDenied = errors.New("denied")
	// ErrNotFound says that there is no such thing, or that it is not the
	// actor's to know of. The two are never told apart.
	ErrNotFound = errors.New("not found")
	// ErrExists says that an identifier or unique name is taken.
	ErrExists = errors.New("already exists")
	// ErrStale says that a record changed since it was read.
	ErrStale = errors.New("stale write")
	// ErrRefused says that a rule of the domain forbids it as things stand:
	// too few credits, a used code, a state that does not allow it.
	ErrRefused = errors.New("refused")
	// ErrLimited says that there is too much of it: too fast, too large, too
	// many. It may be accepted later, or in smaller parts.
	ErrLimited = errors.New("limit reached")
)

// ErrTooLarge is the ErrLimited of bytes: a body or file over its bound.
var ErrTooLarge = fmt.Errorf("too large (%w)", ErrLimited)

// ErrSuspended is the ErrDenied of an account that is not active, or has an
// ancestor that is not.
var ErrSuspended = fmt.Errorf("account is not active (%w)", ErrDenied)

// ErrMismatch is the ErrRefused of a repeated idempotency key whose input is
// not the first one's.
var ErrMismatch = fmt.Errorf("idempotency key was used with another input (%w)", ErrRefused)

// Errors of the storage contract. They mean a mistake in the calling program
// and never reach a user.
var (
	// ErrReadOnly is returned by every write inside store.Store.View.
	ErrReadOnly = errors.New("read-only transaction")
	// ErrNestedTx is returned by a transaction begun inside another one.
	ErrNestedTx = errors.New("transaction inside a transaction")
)

// Invalid returns an ErrInvalid about one field of an input.
func Invalid(field, format string, args ...any) error {
	return &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// FieldError is an ErrInvalid that names the field, so that a form or an API
// can show the message beside it.
type FieldError struct {
	// Field is the name on the wire, such as "parent_id".
	Field string
	// Problem is a phrase for people, without the field's name.
	Problem string
}

// Error returns "field: problem".
func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// Is reports whether target is ErrInvalid.
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

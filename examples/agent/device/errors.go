package device

import (
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

var (
	// ErrNotEnrolled is the ErrRefused of everything but Enroll on a device
	// that has no identity yet.
	ErrNotEnrolled = fmt.Errorf("device: not enrolled (%w)", atlas.ErrRefused)
	// ErrUnknownDevice is the ErrUnauthenticated of a server that has no such
	// device any more. Nothing helps but another enrolment with a new state
	// folder, so [Agent.Run] ends with it.
	ErrUnknownDevice = fmt.Errorf("device: the server does not know this device (%w)", atlas.ErrUnauthenticated)
	// ErrAnswer is the ErrUnauthenticated of an answer that the server's keys
	// don't vouch for. Nothing of it was used.
	ErrAnswer = fmt.Errorf("device: answer is not the server's (%w)", atlas.ErrUnauthenticated)
	// ErrState is the ErrInvalid of a state folder that can't be used: in use
	// by another process, damaged, or of another version.
	ErrState = fmt.Errorf("device: state folder (%w)", atlas.ErrInvalid)
	// ErrUnsupported is what an [Executor] returns for what the platform has
	// no way to do. The command ends as unsupported and is not tried again.
	ErrUnsupported = errors.New("not supported on this device")
	// ErrFile is the ErrInvalid of a package that is not the ordered one, or
	// that the device must not install. Errors of this kind say why.
	ErrFile = fmt.Errorf("device: package (%w)", atlas.ErrInvalid)
)

// ProblemError is a server's refusal.
type ProblemError struct {
	Problem deviceproto.Problem
	// RetryAfter is how long the server asks to wait; 0 if it does not say.
	RetryAfter time.Duration
}

// Error gives status, title and detail.
func (e *ProblemError) Error() string {
	text := fmt.Sprintf("device: server refused: %d %s", e.Problem.Status, e.Problem.Title)
	if e.Problem.Detail != "" {
		text += ": " + e.Problem.Detail
	}
	return atlas.CleanText(text, 500)
}

// Temporary reports whether the same request may succeed later.
func (e *ProblemError) Temporary() bool {
	return e.Problem.Status == 408 || e.Problem.Status == 429 || e.Problem.Status >= 500
}

// Package security records what went wrong or looks wrong: refusals, failed
// sign-ins, replayed requests, suspicious uploads. Every refusal of a use case
// leaves exactly one event, written in a transaction of its own, so that no
// rollback takes it along.
package security

import (
	"context"
	"errors"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Class says what kind of event it is (M-061 to M-065).
type Class string

// The classes.
const (
	ClassDenial  Class = "access_denied"     // somebody known was refused
	ClassLogin   Class = "login"             // an attempt to sign in
	ClassDevice  Class = "device_rejected"   // a device's request or code was refused
	ClassReplay  Class = "replay"            // a request came twice or out of its time
	ClassUpload  Class = "suspicious_upload" // a package did not pass
	ClassLimited Class = "throttled"         // too many attempts
	ClassRefused Class = "operation_refused" // a rule of the domain said no
)

// Severity is how much attention an event deserves.
type Severity string

// The severities, as in OCSF: informational, low, medium, high.
const (
	Info   Severity = "informational"
	Low    Severity = "low"
	Medium Severity = "medium"
	High   Severity = "high"
)

// Event is one security event.
type Event struct {
	ID       string          `data:"security"`
	At       time.Time       `data:"security"`
	Class    Class           `data:"security"`
	Severity Severity        `data:"security"`
	ActorID  atlas.AccountID `data:"account.ref"`
	DeviceID atlas.DeviceID  `data:"device.ref"`
	Origin   string          `data:"network"`
	Action   string          `data:"security"`
	TargetID string          `data:"security"`
	Path     atlas.Path      `data:"account.role"` // who may see it; empty: Admin only
	Tenant   atlas.AccountID `data:"account.ref"`
	Reason   string          `data:"security"`
}

// Log is what this package needs of storage, inside one transaction.
type Log interface {
	// Insert adds e. It returns ErrExists if the ID is taken.
	Insert(ctx context.Context, e Event) error
}

// Refusal reports whether err is a refusal, which leaves a security event,
// and of which class and severity. Input that is malformed, and lost races,
// are none.
func Refusal(err error) (Class, Severity, bool) {
	switch {
	case err == nil:
		return "", "", false
	case errors.Is(err, atlas.ErrUnauthenticated):
		return ClassDenial, Medium, true
	case errors.Is(err, atlas.ErrDenied):
		return ClassDenial, Medium, true
	case errors.Is(err, atlas.ErrNotFound):
		return ClassDenial, Low, true
	case errors.Is(err, atlas.ErrLimited):
		return ClassLimited, Medium, true
	case errors.Is(err, atlas.ErrRefused):
		return ClassRefused, Low, true
	}
	return "", "", false
}

// Reason returns the text that the event keeps of err: the reason of a
// *atlas.Refusal, which no client is told, or the error's own words.
func Reason(err error) string {
	var r *atlas.Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return atlas.CleanText(err.Error(), 300)
}

// Package lease makes and checks the signed daily lease: the server's word
// that a device may work until a stated time. A device checks in every day,
// gets a lease, and can show and check it without a network; what the lease
// says can't be stretched by the device, its clock included.
//
// A lease is a JSON Web Signature in compact form (RFC 7515) with EdDSA over
// Ed25519 (RFC 8037), whose header and claims have exactly one encoding:
//
//	{"alg":"EdDSA","kid":"…","typ":"atlas-lease+jwt"}
//	{"iss":"…","sub":"device","jti":"…","plan":"…","state":"…","iat":1,"next_check":2,"exp":3,"grace_until":4}
//
// All times are Unix seconds. kid is the key's thumbprint (RFC 7638). A lease
// in any other form is refused, unknown claims too: a new claim needs a new
// typ. The keys are published as a [JWKS].
package lease

import (
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

var (
	// ErrMalformed is the ErrInvalid of a token, key set or lease that is not
	// in the accepted form.
	ErrMalformed = fmt.Errorf("lease: malformed (%w)", atlas.ErrInvalid)
	// ErrUnknownKey is the ErrUnauthenticated of a lease signed by a key that
	// is not in the set. A device fetches the set again, once.
	ErrUnknownKey = fmt.Errorf("lease: unknown key (%w)", atlas.ErrUnauthenticated)
	// ErrSignature is the ErrUnauthenticated of a signature that is not the
	// named key's.
	ErrSignature = fmt.Errorf("lease: signature does not match (%w)", atlas.ErrUnauthenticated)
	// ErrDevice is the ErrDenied of another device's lease.
	ErrDevice = fmt.Errorf("lease: made for another device (%w)", atlas.ErrDenied)
	// ErrExpired is the ErrRefused of a lease whose grace is over.
	ErrExpired = fmt.Errorf("lease: expired (%w)", atlas.ErrRefused)
)

// Lease is what the server says of one device at one check-in. Its texts have
// 1 to 200 printable ASCII characters without spaces, quotes, backslashes or
// any of < > &. Its times count in whole seconds; fractions are cut off.
type Lease struct {
	ID     string         // of this lease (jti)
	Device atlas.DeviceID // the device it is for (sub)
	Issuer string         // the server, as a URL (iss)
	Plan   string         // id of the plan the device runs on
	// State is the state of the activation. Only under "active" does a device
	// work; it must stop under every other one, those it does not know too.
	State      string
	IssuedAt   time.Time // the server's time when it was made (iat)
	NextCheck  time.Time // when the device should check in next
	Expires    time.Time // from here on the device is in grace (exp)
	GraceUntil time.Time // the last second it counts at all
}

// Status is how far a lease counts.
type Status string

// The statuses of a lease that counts.
const (
	// Valid is the status before Expires.
	Valid Status = "valid"
	// Grace is the status from Expires to GraceUntil: the device works, says
	// so to its user, and tries to reach the server.
	Grace Status = "grace"
)

// At returns the status of the lease at now, or ErrExpired after its grace.
// floor is the latest time of the server that the device ever saw; the time
// that counts is the latest of now, floor and IssuedAt, so that a clock set
// back gains nothing (M-037).
func (l Lease) At(now, floor time.Time) (Status, error) {
	for _, t := range []time.Time{floor, l.IssuedAt} {
		if t.After(now) {
			now = t
		}
	}
	switch {
	case now.Before(l.Expires):
		return Valid, nil
	case !now.After(l.GraceUntil):
		return Grace, nil
	}
	return "", fmt.Errorf("%w: grace ended %s", ErrExpired, l.GraceUntil.UTC().Format(time.RFC3339))
}

// latest bounds the times of a lease: eleven digits of seconds.
const latest = 99_999_999_999

func (c claims) check() error {
	for name, s := range map[string]string{"iss": c.Issuer, "sub": c.Device, "jti": c.ID, "plan": c.Plan, "state": c.State} {
		if !isText(s) {
			return fmt.Errorf("%w: claim %s", ErrMalformed, name)
		}
	}
	ordered := 0 < c.IssuedAt && c.IssuedAt <= c.NextCheck && c.NextCheck <= c.Expires && c.Expires <= c.GraceUntil
	if !ordered || c.IssuedAt == c.Expires || c.GraceUntil > latest {
		return fmt.Errorf("%w: times are not in order", ErrMalformed)
	}
	return nil
}

// isText reports whether s is the same text in JSON as it is outside.
func isText(s string) bool {
	if s == "" || len(s) > 200 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x7f, c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

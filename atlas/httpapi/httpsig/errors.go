package httpsig

import (
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

var (
	// ErrMissing is the ErrUnauthenticated of a message without a signature.
	ErrMissing = fmt.Errorf("httpsig: message is not signed (%w)", atlas.ErrUnauthenticated)
	// ErrMalformed is the ErrInvalid of a field that is not in the one
	// accepted form, or of a value that can't be put into it.
	ErrMalformed = fmt.Errorf("httpsig: malformed (%w)", atlas.ErrInvalid)
	// ErrDigest is the ErrUnauthenticated of a body that is not the one that
	// was signed.
	ErrDigest = fmt.Errorf("httpsig: content digest does not match (%w)", atlas.ErrUnauthenticated)
	// ErrSignature is the ErrUnauthenticated of a signature that is not the
	// key's over this message.
	ErrSignature = fmt.Errorf("httpsig: signature does not match (%w)", atlas.ErrUnauthenticated)
	// ErrKey is the ErrInvalid of a key that is neither Ed25519 nor P-256.
	ErrKey = fmt.Errorf("httpsig: unusable key (%w)", atlas.ErrInvalid)
	// ErrSkew is the ErrUnauthenticated of a message made too long before or
	// after the server's time. Errors of this kind are a [*SkewError].
	ErrSkew = fmt.Errorf("httpsig: created outside the accepted time (%w)", atlas.ErrUnauthenticated)
)

// DefaultSkew is how far a device's clock may be from the server's.
const DefaultSkew = 120 * time.Second

// Fresh returns a [*SkewError] unless created is at most skew before or after
// now, the server's time. A skew below zero accepts nothing.
func Fresh(created, now time.Time, skew time.Duration) error {
	if d := now.Sub(created); d > skew || d < -skew {
		return &SkewError{Created: created, Now: now, Allowed: skew}
	}
	return nil
}

// SkewError is the ErrSkew of one message. It carries the server's time, so
// that the answer can tell the device how far its clock is off.
type SkewError struct {
	Created time.Time     // the message's time
	Now     time.Time     // the server's time
	Allowed time.Duration // the greatest distance that would have been accepted
}

// Error says how far the message's time is from the server's.
func (e *SkewError) Error() string {
	return fmt.Sprintf("%v: off by %s, allowed is %s", ErrSkew, e.Off(), e.Allowed)
}

// Off returns how far the message's clock is ahead of the server's; it is
// negative where it is behind.
func (e *SkewError) Off() time.Duration { return e.Created.Sub(e.Now) }

// Unwrap returns ErrSkew.
func (e *SkewError) Unwrap() error { return ErrSkew }

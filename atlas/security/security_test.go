package security_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/security"
)

func TestEveryKindOfErrorIsARefusalOrNone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err      error
		class    security.Class
		severity security.Severity
	}{
		{atlas.ErrUnauthenticated, security.ClassDenial, security.Medium},
		{atlas.ErrDenied, security.ClassDenial, security.Medium},
		{atlas.ErrSuspended, security.ClassDenial, security.Medium},
		{atlas.ErrNotFound, security.ClassDenial, security.Low},
		{atlas.ErrLimited, security.ClassLimited, security.Medium},
		{atlas.ErrTooLarge, security.ClassLimited, security.Medium},
		{atlas.ErrRefused, security.ClassRefused, security.Low},
		{atlas.ErrMismatch, security.ClassRefused, security.Low},
		{atlas.ErrTransition, security.ClassRefused, security.Low},
		{nil, "", ""},
		{atlas.ErrInvalid, "", ""},
		{atlas.ErrExists, "", ""},
		{atlas.ErrStale, "", ""},
		{context.Canceled, "", ""},
		{errors.New("disk full"), "", ""},
	} {
		for _, err := range []error{c.err, wrapped(c.err)} {
			class, severity, refused := security.Refusal(err)
			require.Equal(t, c.class, class, "%v", err)
			require.Equal(t, c.severity, severity, "%v", err)
			require.Equal(t, c.class != "", refused, "%v", err)
		}
	}
}

func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("fleet: transfer d1: %w", err)
}

func TestTheReasonIsTheRefusalsOwnOrTheErrorsWordsCleaned(t *testing.T) {
	t.Parallel()
	err := atlas.DefaultPolicy().Authorize(atlas.Subject{}, atlas.DeviceRead, atlas.Resource{})
	require.Equal(t, "no actor", security.Reason(wrapped(err)))
	require.NotContains(t, err.Error(), "no actor", "no client is told")
	require.Equal(t, "bad name", security.Reason(errors.New("bad\x00 na\u202eme\n")))
	require.Len(t, security.Reason(errors.New(string(make([]byte, 1000))+fmt.Sprintf("%01000d", 0))), 300)
}

func Example() {
	err := fmt.Errorf("fleet: redeem: %w", atlas.ErrLimited)
	class, severity, refused := security.Refusal(err)
	fmt.Println(class, severity, refused)
	fmt.Println(security.Reason(err))
	// Output:
	// throttled medium true
	// fleet: redeem: limit reached
}

package atlastest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store"
)

// RequireAudit fails the test unless the audit log has an event of that
// action on that target, and returns the newest one.
func RequireAudit(t testing.TB, st store.Store, action, target string) audit.Event {
	t.Helper()
	events := AuditEvents(t, st)
	slices.Reverse(events)
	i := slices.IndexFunc(events, func(e audit.Event) bool { return e.Action == action && e.TargetID == target })
	require.GreaterOrEqual(t, i, 0, "the audit log has no %s of %s", action, target)
	return events[i]
}

// RequireSecurityEvent fails the test unless there is a security event of
// that class about that action, and returns the newest one.
func RequireSecurityEvent(t testing.TB, st store.Store, class security.Class, action string) security.Event {
	t.Helper()
	events := SecurityEvents(t, st)
	slices.Reverse(events)
	i := slices.IndexFunc(events, func(e security.Event) bool { return e.Class == class && e.Action == action })
	require.GreaterOrEqual(t, i, 0, "there is no security event %s of %s", class, action)
	return events[i]
}

// Reconciler recomputes all balances, as *fleet.Service does.
type Reconciler interface {
	Reconcile(ctx context.Context) error
}

// RequireNoCreditLost fails the test unless every balance is the sum of its
// postings, and all of them together are zero.
func RequireNoCreditLost(t testing.TB, s Reconciler) {
	t.Helper()
	require.NoError(t, s.Reconcile(context.Background()))
}

func isNotFound(err error) bool { return errors.Is(err, atlas.ErrNotFound) }

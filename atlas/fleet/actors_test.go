package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/atlas-mdm/atlas-go/store/memory"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/store"
)

// callAs calls a method with the actor and otherwise empty arguments.
func callAs(s *fleet.Service, name string, a atlas.Actor) error {
	m := reflect.ValueOf(s).MethodByName(name)
	in := []reflect.Value{reflect.ValueOf(context.Background()), reflect.ValueOf(a)}
	for i := 2; i < m.Type().NumIn(); i++ {
		in = append(in, reflect.Zero(m.Type().In(i)))
	}
	out := m.Call(in)
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

func TestNobodyMayDoAnything(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	for name, actor := range methods() {
		if !actor {
			continue
		}
		sc.Clock.Advance(time.Minute) // in one minute not every stranger is recorded
		for what, a := range map[string]atlas.Actor{"zero": {}, "unknown": {Account: "nobody", Purpose: atlas.PurposeSupport}} {
			err := sc.try(t, name, func() error { return callAs(sc.Service, name, a) })
			require.ErrorIs(t, err, atlas.ErrUnauthenticated, "%s of the %s actor", name, what)
		}
	}
}

func TestStrangersCantFillTheStoreWithEvents(t *testing.T) {
	t.Parallel()
	w := world(t)
	knock := func(origin string, times int) {
		for range times {
			_, err := w.Authenticate(t.Context(), "no token", origin)
			require.ErrorIs(t, err, atlas.ErrUnauthenticated)
		}
	}
	knock("192.0.2.1", 100)
	require.Len(t, atlastest.SecurityEvents(t, w.Store), 60)
	knock("198.51.100.1", 1)
	events := atlastest.SecurityEvents(t, w.Store)
	require.Len(t, events, 61, "another network is still heard")
	require.Contains(t, events[60].Reason, "40 further events")
	_, err := w.Accounts(t.Context(), atlas.Actor{Account: w.ID("north/1"), Only: []atlas.Action{}}, store.AccountFilter{}, newest)
	require.ErrorIs(t, err, atlas.ErrDenied)
	require.Len(t, atlastest.SecurityEvents(t, w.Store), 62, "whoever is known is always recorded")
	w.Clock.Advance(time.Minute)
	knock("192.0.2.1", 1)
	require.Len(t, atlastest.SecurityEvents(t, w.Store), 63)
}

func TestNoDeviceMayDoAnything(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	for name, call := range map[string]func(ctx context.Context) error{
		"CheckIn": func(ctx context.Context) error {
			_, err := sc.CheckIn(ctx, fleet.Device{}, fleet.CheckIn{})
			return err
		},
		"Wait":               func(ctx context.Context) error { _, err := sc.Wait(ctx, fleet.Device{}, 1); return err },
		"Download":           func(ctx context.Context) error { _, err := sc.Download(ctx, fleet.Device{}, ""); return err },
		"Enrol":              func(ctx context.Context) error { _, err := sc.Enrol(ctx, fleet.Enrolment{}); return err },
		"AuthenticateDevice": func(ctx context.Context) error { _, err := sc.AuthenticateDevice(ctx, fleet.Proof{}); return err },
	} {
		require.ErrorIs(t, sc.try(t, name, func() error { return call(t.Context()) }), atlas.ErrUnauthenticated, name)
	}
}

func TestASuspensionHoldsForTheWholeSubtreeFromTheNextCallOn(t *testing.T) {
	t.Parallel()
	for _, suspended := range []string{"north/a", "north"} {
		sc := newScene(t)
		_, err := sc.SuspendAccount(t.Context(), sc.Actor("admin"), sc.ID(suspended))
		require.NoError(t, err)
		sc.freeze(t)
		for name, actor := range methods() {
			if actor {
				err := sc.try(t, name, func() error { return callAs(sc.Service, name, sc.Actor("north/a")) })
				require.ErrorIs(t, err, atlas.ErrSuspended, "%s while %s is suspended", name, suspended)
			}
		}
		_, err = sc.ResumeAccount(t.Context(), sc.Actor("admin"), sc.ID(suspended))
		require.NoError(t, err)
		_, err = sc.Me(t.Context(), sc.Actor("north/a"))
		require.NoError(t, err)
	}
}

func TestAnAdminReadsPersonalDataForAPurposeAndItIsRecorded(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	check := func(name string, personal bool, call func(x target) error) {
		x := sc.aim(t.Context(), "admin", atlas.Admin, "north/a")
		x.actor.Purpose = ""
		err := sc.try(t, name, func() error { return call(x) })
		require.Equal(t, personal, errors.Is(err, atlas.ErrDenied), "%s without a purpose: %v", name, err)
		x.actor.Purpose = atlas.PurposeOperate
		err = sc.try(t, name, func() error { return call(x) })
		require.Equal(t, personal, errors.Is(err, atlas.ErrDenied), "%s for no purpose of disclosure: %v", name, err)

		sc.store.Restore(sc.snapshot)
		sc.Clock.Advance(3600e9) // the same disclosure is written once an hour
		x.actor.Purpose = atlas.PurposeBilling
		before := disclosures(t, sc)
		require.NoError(t, call(x), name)
		require.NoError(t, call(x), name)
		want := 0
		if personal {
			want = 1
		}
		require.Equal(t, want, disclosures(t, sc)-before, "disclosures that %s records", name)
	}
	for name, r := range rows {
		if r.personal || name == "DownloadAPK" {
			check(name, r.personal, r.call)
		}
	}
	for name, l := range lists {
		check(name, l.personal, func(x target) error { _, err := l.owners(x); return err })
	}
}

func disclosures(t *testing.T, sc *scene) (n int) {
	t.Helper()
	for _, e := range atlastest.AuditEvents(t, sc.store) {
		if e.Action == "disclosure" {
			n++
		}
	}
	return n
}

func TestEventsOfStrangersAreBoundedAndCounted(t *testing.T) {
	t.Parallel()
	w := atlastest.New(t, memory.New(memory.Options{}))
	before := len(atlastest.SecurityEvents(t, w.Store))
	for range 100 {
		_, err := w.Authenticate(t.Context(), "no token", "203.0.113.7")
		require.ErrorIs(t, err, atlas.ErrUnauthenticated)
	}
	require.Len(t, atlastest.SecurityEvents(t, w.Store), before+60)

	w.Clock.Advance(time.Minute)
	_, err := w.Authenticate(t.Context(), "no token", "203.0.113.7")
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
	events := atlastest.SecurityEvents(t, w.Store)
	require.Len(t, events, before+61)
	require.Contains(t, fmt.Sprint(events), "40 further events")
}

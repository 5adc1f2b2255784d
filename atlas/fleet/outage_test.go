package fleet_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

var errOutage = errors.New("connection refused")

// outage makes the named operations of a store fail until it is undone.
func outage(st *memory.Store, ops ...string) (undo func()) {
	st.SetFault(func(op string) memory.Fault {
		if slices.Contains(ops, op) {
			return memory.Fault{Err: errOutage}
		}
		return memory.Fault{}
	})
	return func() { st.SetFault(nil) }
}

func TestAnOutageOfTheStoreIsNotABadToken(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	w := atlastest.New(t, st)
	in, err := w.SignIn(t.Context(), login("north", atlastest.Password))
	require.NoError(t, err)
	key, err := w.CreateAPIKey(t.Context(), w.Actor("north"), "", fleet.NewAPIKey{Name: "K", Scopes: []string{string(atlas.DeviceRead)}})
	require.NoError(t, err)
	before := len(atlastest.SecurityEvents(t, st))
	undo := outage(st, "identity.Session", "identity.APIKey")
	for _, token := range []string{in.Token, key.Token} {
		_, err = w.Authenticate(t.Context(), token, "192.0.2.1")
		require.ErrorIs(t, err, errOutage)
		require.NotErrorIs(t, err, atlas.ErrUnauthenticated)
	}
	undo()
	require.Len(t, atlastest.SecurityEvents(t, st), before)
	for _, token := range []string{in.Token, key.Token} {
		_, err = w.Authenticate(t.Context(), token, "192.0.2.1")
		require.NoError(t, err)
	}
}

func TestAnOutageOfTheStoreIsNotAnUnknownDevice(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	w := atlastest.New(t, st)
	p := w.Enrolled("north")
	before := len(atlastest.SecurityEvents(t, st))
	for _, op := range []string{"devices.ByKey", "devices.Get", "devices.Reserve"} {
		undo := outage(st, op)
		_, err := p.Request(t.Context(), p.Counter+1)
		undo()
		require.ErrorIs(t, err, errOutage, op)
		require.NotErrorIs(t, err, atlas.ErrUnauthenticated, op)
	}
	require.Len(t, atlastest.SecurityEvents(t, st), before)
	_, err := p.Authenticate(t.Context())
	require.NoError(t, err)
}

func TestAnOutageOfTheStoreIsNotAWrongPassword(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	w := atlastest.New(t, st)
	for range 10 { // more than what is free of delay
		undo := outage(st, "identity.Credential")
		_, err := w.SignIn(t.Context(), login("north", atlastest.Password))
		undo()
		require.ErrorIs(t, err, errOutage)
		require.NotErrorIs(t, err, atlas.ErrUnauthenticated)
	}
	_, err := w.SignIn(t.Context(), login("north", atlastest.Password))
	require.NoError(t, err, "nobody waits for it")
}

func TestSettingSupportOnAStaleReadIsTriedAgainAndNotRefused(t *testing.T) {
	t.Parallel()
	for _, nth := range []int{1, 2} { // the account, and its parent
		st := memory.New(memory.Options{})
		w := atlastest.New(t, st)
		want := atlas.OpenTicket
		n := 0
		st.SetFault(func(op string) memory.Fault {
			if op == "accounts.Get" {
				if n++; n == nth {
					return memory.Fault{Err: atlas.ErrStale}
				}
			}
			return memory.Fault{}
		})
		got, err := w.SetSupport(t.Context(), w.Actor("admin"), w.ID("north"), want)
		st.SetFault(nil)
		require.NoError(t, err)
		require.Greater(t, n, nth, "it was tried again")
		require.Equal(t, want, got.Support)
		require.Equal(t, want, w.AccountOf("north").Support)
	}
}

func TestABadSignatureInTheNameOfAKnownKeyIsBoundedAndNotBlamedOnTheDevice(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north")
	forger := w.Unboxed()
	forger.KeyID = p.KeyID
	before := len(atlastest.SecurityEvents(t, w.Store))
	for range 500 {
		_, err := forger.Request(t.Context(), 1<<40)
		require.ErrorIs(t, err, atlas.ErrUnauthenticated)
		require.NotErrorIs(t, err, fleet.ErrReplay, "counters are told to nobody without the key")
	}
	events := atlastest.SecurityEvents(t, w.Store)[before:]
	require.Len(t, events, 60)
	for _, e := range events {
		require.Empty(t, e.DeviceID)
		require.Empty(t, e.Path)
		require.Empty(t, e.Tenant)
		require.Equal(t, security.ClassDevice, e.Class)
	}
	_, err := p.Request(t.Context(), 1)
	require.NoError(t, err, "the device goes on")
}

func TestAReplayedRequestIsTheDevices(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north")
	_, err := p.Request(t.Context(), 1)
	require.NoError(t, err)
	_, err = p.Request(t.Context(), 1)
	require.ErrorIs(t, err, fleet.ErrReplay)
	e := atlastest.RequireSecurityEvent(t, w.Store, security.ClassReplay, "device.authenticate")
	require.Equal(t, p.ID, e.DeviceID)
	require.Equal(t, w.AccountOf("north").Path, e.Path)
}

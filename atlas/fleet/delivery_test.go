package fleet_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// later queues so many commands to a phone that are due in days only, all of
// them more urgent than others.
func later(t *testing.T, w *atlastest.World, p *atlastest.Phone, n int) {
	t.Helper()
	for range n {
		_, err := w.SendCommand(t.Context(), w.Actor("north"), "", fleet.NewCommand{
			Kind: commands.DeviceSync, Target: devices(p), Priority: 5, NotBefore: w.Now().Add(6 * 24 * time.Hour),
		})
		require.NoError(t, err)
	}
}

func TestADueCommandIsHandedOutThoughManyOthersWait(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		p := w.Enrolled("north")
		require.NoError(t, p.Sync(t.Context()))
		later(t, w, p, 127) // with the next one as many as a device may have
		id := send(t, w, "north", commands.DeviceReboot, "", p)
		woken, err := w.Wait(t.Context(), mustDevice(t, p), time.Nanosecond)
		require.NoError(t, err)
		require.True(t, woken)
		out, err := p.CheckIn(t.Context())
		require.NoError(t, err)
		require.Len(t, out.Commands, 1)
		require.Equal(t, id, out.Commands[0].ID)
	})
}

func TestADeviceHasNoMoreUnfinishedCommandsThanAreLookedAt(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north")
	require.NoError(t, p.Sync(t.Context()))
	later(t, w, p, 127)
	id := send(t, w, "north", commands.DeviceReboot, "", p)
	in := fleet.NewCommand{Kind: commands.DeviceReboot, Target: devices(p)}
	_, err := w.SendCommand(t.Context(), w.Actor("north"), "", in)
	require.ErrorIs(t, err, atlas.ErrLimited)
	require.NoError(t, p.Sync(t.Context()))
	require.Equal(t, commands.Succeeded, stateOf(t, w, id))
	_, err = w.SendCommand(t.Context(), w.Actor("north"), "", in)
	require.NoError(t, err, "one that is finished makes room")
}

func TestWhatOnlyWaitsForItsTimeDoesNotWakeADevice(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north")
	require.NoError(t, p.Sync(t.Context()))
	later(t, w, p, 16)
	woken, err := w.Wait(t.Context(), mustDevice(t, p), time.Nanosecond)
	require.NoError(t, err)
	require.False(t, woken)
}

func TestADeviceWhoseActivationDoesNotCountCantDownload(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *atlastest.World, code string) error{
		"revoked code": func(w *atlastest.World, code string) error {
			_, err := w.RevokeCode(t.Context(), w.Actor("north"), code)
			return err
		},
		"suspended code": func(w *atlastest.World, code string) error {
			_, err := w.SuspendCode(t.Context(), w.Actor("north"), code)
			return err
		},
		"suspended owner": func(w *atlastest.World, _ string) error {
			_, err := w.SuspendAccount(t.Context(), w.Actor("north"), w.ID("north/1"))
			return err
		},
		"suspended reseller": func(w *atlastest.World, _ string) error {
			_, err := w.SuspendAccount(t.Context(), w.Actor("admin"), w.ID("north"))
			return err
		},
		"expired activation": func(w *atlastest.World, _ string) error {
			w.Clock.Advance(30 * 24 * time.Hour)
			return nil
		},
	} {
		w := world(t)
		app := assigned(t, w, "north", "tiny.apk")
		code := w.Code("north/1", w.Plan(activation.Plan{}))
		p := w.Phone(code.Text)
		f, err := w.Download(t.Context(), mustDevice(t, p), app.SHA256)
		require.NoError(t, err, name)
		require.NoError(t, f.Close())
		require.NoError(t, end(w, code.ID), name)
		_, err = w.Download(t.Context(), mustDevice(t, p), app.SHA256)
		require.ErrorIs(t, err, atlas.ErrNotFound, name)
	}
}

func TestADeviceDownloadsAgainWhenItsOwnerIsResumed(t *testing.T) {
	t.Parallel()
	w := world(t)
	app, p := assigned(t, w, "north", "tiny.apk"), w.Enrolled("north/1")
	_, err := w.SuspendAccount(t.Context(), w.Actor("admin"), w.ID("north"))
	require.NoError(t, err)
	_, err = w.Download(t.Context(), mustDevice(t, p), app.SHA256)
	require.ErrorIs(t, err, atlas.ErrNotFound)
	_, err = w.ResumeAccount(t.Context(), w.Actor("admin"), w.ID("north"))
	require.NoError(t, err)
	f, err := w.Download(t.Context(), mustDevice(t, p), app.SHA256)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestAPartUsedCodePastItsTimeSaysExpiredBeforeAndAfterTheSweep(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		w.Grant("north", 100)
		code := w.Code("north", w.Plan(activation.Plan{Price: 10, Devices: 10, Charge: activation.ChargeOnRedeem, RedeemDays: 1}))
		w.Phone(code.Text)
		w.Clock.Advance(24 * time.Hour)
		require.ErrorIs(t, w.Unboxed().Enrol(t.Context(), code.Text), activation.ErrExpired)
		_, err := w.Sweep(t.Context())
		require.NoError(t, err)
		require.ErrorIs(t, w.Unboxed().Enrol(t.Context(), code.Text), activation.ErrExpired)
		b, err := w.Credits(t.Context(), w.Actor("north"), w.ID("north"))
		require.NoError(t, err)
		require.EqualValues(t, 90, b.Available())
		require.Zero(t, b.Held)
	})
}

func TestAPartUsedCodeLapsesWhileItIsPaused(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Grant("north", 100)
	code := w.Code("north", w.Plan(activation.Plan{Price: 10, Devices: 10, Charge: activation.ChargeOnRedeem, RedeemDays: 1}))
	p := w.Phone(code.Text)
	_, err := w.SuspendCode(t.Context(), w.Actor("north"), code.ID)
	require.NoError(t, err)
	w.Clock.Advance(24 * time.Hour)
	_, err = w.Sweep(t.Context())
	require.NoError(t, err)
	b, err := w.Credits(t.Context(), w.Actor("north"), w.ID("north"))
	require.NoError(t, err)
	require.EqualValues(t, 90, b.Available(), "what nobody can use any more is not set aside")
	_, err = w.ResumeCode(t.Context(), w.Actor("north"), code.ID)
	require.NoError(t, err)
	out, err := p.CheckIn(t.Context())
	require.NoError(t, err)
	require.Equal(t, activation.Active, out.Activation, "its device goes on")
	require.ErrorIs(t, w.Unboxed().Enrol(t.Context(), code.Text), activation.ErrExpired)
}

package fleet_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

func TestADeviceIsOnlineForTheWindowAfterItsLastContact(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	online := func() bool {
		t.Helper()
		d, err := w.Device(t.Context(), w.Actor("north"), p.ID)
		require.NoError(t, err)
		for _, on := range []bool{true, false} {
			n, err := w.CountDevices(t.Context(), w.Actor("north"), w.OnlineFilter(store.DeviceFilter{}, on))
			require.NoError(t, err)
			require.Equal(t, on == w.Online(d), n == 1, "the filter says what the device says")
		}
		return w.Online(d)
	}
	w.Clock.Advance(atlas.OnlineWindow)
	require.True(t, online())
	w.Clock.Advance(time.Microsecond)
	require.False(t, online())
	_, err := p.CheckIn(t.Context())
	require.NoError(t, err)
	require.True(t, online())
	w.Clock.Advance(-time.Hour)
	_, err = p.CheckIn(t.Context())
	require.NoError(t, err)
	w.Clock.Advance(time.Hour + atlas.OnlineWindow)
	require.True(t, online(), "the last contact never moves back")
}

func TestAnIdleCheckInWritesNothing(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	require.NoError(t, p.Sync(t.Context()))
	before := atlastest.Contents(t, w.Store)
	w.Clock.Advance(29 * time.Second)
	out, err := p.CheckIn(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, out.Lease)
	require.True(t, before == atlastest.Contents(t, w.Store))
}

func TestADisabledAgentGetsOnlyWhatEnablesItAndCleansUp(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	require.NoError(t, p.Sync(t.Context()))
	before := send(t, w, "north", commands.DeviceReboot, "", p)
	off := send(t, w, "north", commands.AgentDisable, `{"reason":"lost"}`, p)
	d, err := w.Device(t.Context(), w.Actor("north"), p.ID)
	require.NoError(t, err)
	require.False(t, d.AgentEnabled)
	require.Equal(t, w.ID("north"), d.AgentChangedBy)
	require.Equal(t, "lost", d.AgentReason)
	require.Equal(t, w.Now(), d.AgentChangedAt)

	for _, kind := range []commands.Kind{commands.DeviceReboot, commands.DeviceSync, commands.AgentDisable} {
		_, err = w.SendCommand(t.Context(), w.Actor("north"), "", fleet.NewCommand{Kind: kind, Target: devices(p)})
		require.ErrorIs(t, err, atlas.ErrRefused, kind)
	}
	clear := send(t, w, "north", commands.AppUninstall, `{"package":"org.example.app"}`, p)
	require.NoError(t, p.Sync(t.Context()))
	require.Equal(t, commands.Succeeded, stateOf(t, w, off), "the order to be disabled itself arrives")
	require.Equal(t, commands.Succeeded, stateOf(t, w, clear))
	require.Equal(t, commands.Queued, stateOf(t, w, before), "what was queued before waits")
	waiting, err := w.Wait(t.Context(), fleet.Device{ID: p.ID}, time.Millisecond)
	require.NoError(t, err)
	require.False(t, waiting, "what can't be delivered does not wake the device")

	on := send(t, w, "north", commands.AgentEnable, "", p)
	require.NoError(t, p.Sync(t.Context()))
	require.Equal(t, commands.Succeeded, stateOf(t, w, on))
	require.Equal(t, commands.Succeeded, stateOf(t, w, before))
}

func TestADeviceGoesIntoAFolderOfItsOwnerOnly(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/a")
	theirs, err := w.CreateFolder(t.Context(), w.Actor("north"), "", fleet.NewFolder{OwnerID: w.ID("north/b"), Name: "Vans"})
	require.NoError(t, err)
	_, err = w.UpdateDevice(t.Context(), w.Actor("north"), p.ID, fleet.DeviceChange{FolderID: &theirs.ID})
	require.ErrorIs(t, err, atlas.ErrNotFound)
	_, err = w.CreateFolder(t.Context(), w.Actor("north"), "", fleet.NewFolder{OwnerID: w.ID("north/a"), ParentID: theirs.ID, Name: "Below"})
	require.ErrorIs(t, err, atlas.ErrNotFound)
	ours, err := w.CreateFolder(t.Context(), w.Actor("north"), "", fleet.NewFolder{OwnerID: w.ID("north/a"), Name: "Vans"})
	require.NoError(t, err)
	d, err := w.UpdateDevice(t.Context(), w.Actor("north"), p.ID, fleet.DeviceChange{FolderID: &ours.ID})
	require.NoError(t, err)
	require.Equal(t, ours.ID, d.FolderID)
	d, err = w.TransferDevice(t.Context(), w.Actor("north"), p.ID, w.ID("north/b"))
	require.NoError(t, err)
	require.Empty(t, d.FolderID, "a device that moves leaves its folder")
}

func TestAWaitingCommandOfADeviceThatMovedAwayIsCancelledAtDelivery(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/a/1")
	require.NoError(t, p.Sync(t.Context()))
	old := send(t, w, "north/a", commands.DeviceReboot, "", p)
	above := send(t, w, "north", commands.DeviceReboot, "", p)
	_, err := w.TransferDevice(t.Context(), w.Actor("north"), p.ID, w.ID("north/b"))
	require.NoError(t, err)
	require.NoError(t, p.Sync(t.Context()))
	require.Equal(t, commands.Cancelled, stateOf(t, w, old), "its sender may not any more")
	require.Zero(t, p.Runs[old])
	require.Equal(t, commands.Succeeded, stateOf(t, w, above), "its sender still may")
}

func TestNothingReachesADeviceWhileItsOwnerIsSuspended(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	require.NoError(t, p.Sync(t.Context()))
	id := send(t, w, "north", commands.DeviceReboot, "", p)
	_, err := w.SuspendAccount(t.Context(), w.Actor("admin"), w.ID("north"))
	require.NoError(t, err)
	require.NoError(t, p.Sync(t.Context()))
	require.Zero(t, p.Runs[id])
	require.Equal(t, commands.Queued, stateOf(t, w, id))
	_, err = w.ResumeAccount(t.Context(), w.Actor("admin"), w.ID("north"))
	require.NoError(t, err)
	require.NoError(t, p.Sync(t.Context()))
	require.Equal(t, commands.Succeeded, stateOf(t, w, id))
}

func TestADeviceOfARevokedCodeGetsOnlyWhatCleansUp(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	require.NoError(t, p.Sync(t.Context()))
	reboot := send(t, w, "north", commands.DeviceReboot, "", p)
	remove := send(t, w, "north", commands.AppUninstall, `{"package":"dev.example.app"}`, p)
	d, err := w.Device(t.Context(), w.Actor("north"), p.ID)
	require.NoError(t, err)
	_, err = w.RevokeCode(t.Context(), w.Actor("north"), d.CodeID)
	require.NoError(t, err)
	require.NoError(t, p.Sync(t.Context()))
	require.Equal(t, commands.Queued, stateOf(t, w, reboot))
	require.Equal(t, commands.Succeeded, stateOf(t, w, remove))
}

func TestAnInventoryIsBoundedAndCleaned(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	apps := make([]atlas.App, atlas.MaxApps+1)
	before := atlastest.Contents(t, w.Store)
	_, err := w.CheckIn(t.Context(), fleet.Device{ID: p.ID}, fleet.CheckIn{Apps: &apps})
	require.ErrorIs(t, err, atlas.ErrTooLarge)
	require.True(t, before == atlastest.Contents(t, w.Store))
	apps = apps[:atlas.MaxApps]
	apps[0] = atlas.App{Package: "org.example\u202e.app\x00", VersionName: strings.Repeat("9", 1000)}
	_, err = w.CheckIn(t.Context(), fleet.Device{ID: p.ID}, fleet.CheckIn{Apps: &apps})
	require.NoError(t, err)
	got, err := w.DeviceApps(t.Context(), w.Actor("north"), p.ID)
	require.NoError(t, err)
	require.Len(t, got.Apps, atlas.MaxApps)
	require.Equal(t, "org.example.app", got.Apps[0].Package)
	require.Len(t, got.Apps[0].VersionName, 128)
}

func TestAResultOfAnotherDevicesCommandIsNamedAndRecordedAndStopsNothing(t *testing.T) {
	t.Parallel()
	w := world(t)
	mine, other := w.Enrolled("north/1"), w.Enrolled("south/1")
	require.NoError(t, mine.Sync(t.Context()))
	id := send(t, w, "south", commands.DeviceReboot, "", other)
	own := send(t, w, "north", commands.DeviceReboot, "", mine)
	_, err := mine.CheckIn(t.Context())
	require.NoError(t, err)
	in := mine.Report()
	in.Results = append([]commands.Report{
		{CommandID: id, Attempt: 1, Outcome: commands.OutcomeSucceeded},
		{CommandID: "none", Attempt: 1, Outcome: commands.OutcomeFailed},
		{CommandID: own, Attempt: 1, Outcome: "splendid"},
	}, in.Results...)
	out, err := w.CheckIn(t.Context(), fleet.Device{ID: mine.ID}, in)
	require.NoError(t, err)
	require.Len(t, out.Rejected, 3)
	require.ErrorIs(t, out.Rejected[0].Err, atlas.ErrNotFound)
	require.ErrorIs(t, out.Rejected[1].Err, atlas.ErrNotFound)
	require.ErrorIs(t, out.Rejected[2].Err, atlas.ErrInvalid)
	require.NotEqual(t, commands.Succeeded, stateOf(t, w, id))
	require.Equal(t, commands.Succeeded, stateOf(t, w, own))
	require.Equal(t, mine.ID, atlastest.RequireSecurityEvent(t, w.Store, security.ClassDevice, "device.checkin").DeviceID)
}

func TestRequestsMayOvertakeEachOtherWithinTheWindow(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	for _, counter := range []uint64{100, 98, 99, 37} {
		_, err := p.Request(t.Context(), counter)
		require.NoError(t, err, counter)
	}
	for _, counter := range []uint64{100, 98, 37, 36, 0, 1 << 63} {
		_, err := p.Request(t.Context(), counter)
		require.ErrorIs(t, err, fleet.ErrReplay, counter)
	}
	atlastest.RequireSecurityEvent(t, w.Store, security.ClassReplay, "device.authenticate")
}

func TestCountersGoOnAboveWhatWasReservedAfterARestart(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	for range 3 {
		_, err := p.Authenticate(t.Context())
		require.NoError(t, err)
	}
	p.Service = w.Node(w.Store)
	var behind *fleet.ReplayError
	for _, counter := range []uint64{3, 4} { // used, and perhaps used
		_, err := p.Request(t.Context(), counter)
		require.ErrorAs(t, err, &behind)
	}
	_, err := p.Request(t.Context(), behind.Ceiling+1)
	require.NoError(t, err)
}

func TestABlockOfCountersEndsWithoutALoss(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	for range 2500 { // a few blocks
		_, err := p.Request(t.Context(), p.Counter+1)
		require.NoError(t, err)
	}
}

func TestARequestOfAnotherKeyIsNotTheDevices(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	forger := w.Unboxed()
	_, err := forger.Authenticate(t.Context())
	require.ErrorIs(t, err, fleet.ErrUnknownDevice)
	forger.KeyID = p.KeyID
	_, err = forger.Authenticate(t.Context())
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
	_, err = p.Request(t.Context(), 1)
	require.NoError(t, err, "a forged request uses no counter up")
}

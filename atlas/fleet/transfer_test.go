package fleet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

func TestUnfinishedCommandsFollowATransferredDevice(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		p := w.Enrolled("north")
		require.NoError(t, p.Sync(t.Context()))
		done := send(t, w, "north", commands.DeviceReboot, "", p)
		require.NoError(t, p.Sync(t.Context()))
		open := send(t, w, "admin", commands.DeviceReboot, "", p)
		_, err := w.TransferDevice(t.Context(), w.Actor("admin"), p.ID, w.ID("south"))
		require.NoError(t, err)

		_, err = w.Command(t.Context(), w.Actor("north"), open)
		require.ErrorIs(t, err, atlas.ErrNotFound)
		_, err = w.CancelCommand(t.Context(), w.Actor("north"), open)
		require.ErrorIs(t, err, atlas.ErrNotFound)
		_, err = w.Cancel(t.Context(), w.Actor("north"), open)
		require.ErrorIs(t, err, atlas.ErrNotFound)
		mine, err := w.Commands(t.Context(), w.Actor("north"), store.CommandFilter{DeviceID: p.ID}, newest)
		require.NoError(t, err)
		require.NotContains(t, commandIDs(mine), open)
		require.Contains(t, commandIDs(mine), done, "what is finished stays with whom it happened to")

		theirs, err := w.DeviceCommands(t.Context(), w.Actor("south"), p.ID, newest)
		require.NoError(t, err)
		require.Equal(t, []string{open}, commandIDs(theirs))
		c, err := w.CancelCommand(t.Context(), w.Actor("south"), open)
		require.NoError(t, err)
		require.Equal(t, commands.Cancelled, c.State)
	})
}

func commandIDs(cs []commands.Command) (out []string) {
	for _, c := range cs {
		out = append(out, c.ID)
	}
	return out
}

func TestACommandThatFollowedItsDeviceIsDeliveredWhenItsSenderStillMay(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north")
	require.NoError(t, p.Sync(t.Context()))
	id := send(t, w, "admin", commands.DeviceReboot, "", p)
	_, err := w.TransferDevice(t.Context(), w.Actor("admin"), p.ID, w.ID("south"))
	require.NoError(t, err)
	require.NoError(t, p.Sync(t.Context()))
	c, err := w.Command(t.Context(), w.Actor("south"), id)
	require.NoError(t, err)
	require.Equal(t, commands.Succeeded, c.State)
}

func TestAnAssignmentToOneDeviceOrFolderShowsThePackageToItsOwnerAlone(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		app := clean(t, w, "north", "tiny.apk")
		p := w.Enrolled("north/a")
		f, err := w.CreateFolder(t.Context(), w.Actor("north"), "", fleet.NewFolder{OwnerID: w.ID("north/b"), Name: "Vans"})
		require.NoError(t, err)
		for _, to := range []fleet.AssignTarget{{DeviceID: p.ID}, {FolderID: f.ID}} {
			_, err = w.AssignAPK(t.Context(), w.Actor("north"), "", app.ID, to)
			require.NoError(t, err)
		}
		for name, want := range map[string]bool{
			"north": true, "north/a": true, "north/b": true,
			"north/a/1": false, "north/b/2": false, "north/1": false, "south": false, "south/a/1": false,
		} {
			requireShown(t, w, name, app.ID, want)
		}
	})
}

// requireShown checks every way in which an account can see a package.
func requireShown(t *testing.T, w *atlastest.World, name, id string, want bool) {
	t.Helper()
	list, err := w.APKs(t.Context(), w.Actor(name), newest)
	require.NoError(t, err)
	require.Equal(t, want, len(list) == 1, "list of %s", name)
	_, err = w.APK(t.Context(), w.Actor(name), id)
	requireOpen(t, want, err, "reading as %s", name)
	_, f, err := w.DownloadAPK(t.Context(), w.Actor(name), id)
	requireOpen(t, want, err, "downloading as %s", name)
	if err == nil {
		require.NoError(t, f.Close())
	}
}

func requireOpen(t *testing.T, want bool, err error, what, name string) {
	t.Helper()
	if want {
		require.NoError(t, err, what, name)
		return
	}
	require.ErrorIs(t, err, atlas.ErrNotFound, what, name)
}

// leftBehind is a package of north that was assigned to its client north/1,
// which went to south with a phone since.
func leftBehind(t *testing.T, st store.Store) (*atlastest.World, intake.Package, *atlastest.Phone) {
	t.Helper()
	w := atlastest.New(t, st)
	app, p := clean(t, w, "north", "tiny.apk"), w.Enrolled("north/1")
	_, err := w.AssignAPK(t.Context(), w.Actor("north"), "", app.ID, fleet.AssignTarget{AccountID: w.ID("north/1")})
	require.NoError(t, err)
	requireShown(t, w, "north/1", app.ID, true)
	_, err = w.MoveAccount(t.Context(), w.Actor("admin"), w.ID("north/1"), w.ID("south"))
	require.NoError(t, err)
	return w, app, p
}

func TestAnAssignmentLeftBehindByAMoveToAnotherTenantGivesNothing(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w, app, p := leftBehind(t, st)
		_, err := w.APK(t.Context(), w.Actor("north/1"), app.ID)
		require.ErrorIs(t, err, atlas.ErrNotFound)
		_, _, err = w.DownloadAPK(t.Context(), w.Actor("north/1"), app.ID)
		require.ErrorIs(t, err, atlas.ErrNotFound)
		for _, phone := range []*atlastest.Phone{p, w.Enrolled("north/1")} {
			_, err = w.Download(t.Context(), mustDevice(t, phone), app.SHA256)
			require.ErrorIs(t, err, atlas.ErrNotFound)
			for _, sender := range []string{"north/1", "south"} {
				_, err = w.SendCommand(t.Context(), w.Actor(sender), "", fleet.NewCommand{
					Kind: commands.AppInstall, Target: devices(phone), Params: []byte(`{"apk_id":"` + app.ID + `"}`),
				})
				require.ErrorIs(t, err, atlas.ErrNotFound)
			}
		}
	})
}

func TestAnAssignmentMovesAlongWithTheTreeItIsIn(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		app := assigned(t, w, "north/a", "tiny.apk")
		p := w.Enrolled("north/a/1")
		_, err := w.MoveAccount(t.Context(), w.Actor("admin"), w.ID("north/a"), w.ID("south"))
		require.NoError(t, err)
		for name, want := range map[string]bool{"north/a": true, "north/a/1": true, "south": true, "north": false} {
			requireShown(t, w, name, app.ID, want)
		}
		f, err := w.Download(t.Context(), mustDevice(t, p), app.SHA256)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	})
}

func TestADeviceTransferredAwayLosesWhatWasAssignedToIt(t *testing.T) {
	t.Parallel()
	w := world(t)
	app, p := clean(t, w, "north", "tiny.apk"), w.Enrolled("north")
	_, err := w.AssignAPK(t.Context(), w.Actor("north"), "", app.ID, fleet.AssignTarget{DeviceID: p.ID})
	require.NoError(t, err)
	f, err := w.Download(t.Context(), mustDevice(t, p), app.SHA256)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = w.TransferDevice(t.Context(), w.Actor("admin"), p.ID, w.ID("south"))
	require.NoError(t, err)
	_, err = w.Download(t.Context(), mustDevice(t, p), app.SHA256)
	require.ErrorIs(t, err, atlas.ErrNotFound)
}

func TestAnAssignmentLeftBehindByAMoveIsNotListed(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w, app, _ := leftBehind(t, st)
		requireShown(t, w, "north/1", app.ID, false)
	})
}

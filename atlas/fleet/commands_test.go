package fleet_test

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/blob"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

func TestACampaignReachesTheDevicesOfItsScopeThatWereThere(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		in1, in2, out := w.Enrolled("north/a"), w.Enrolled("north/a/1"), w.Enrolled("north/b")
		w.Clock.Advance(time.Second)
		sent, err := w.SendCommand(t.Context(), w.Actor("north"), "", fleet.NewCommand{
			Kind: commands.DeviceReboot, Target: fleet.Target{AccountID: w.ID("north/a")},
		})
		require.NoError(t, err)
		require.Equal(t, sent.ID, sent.CampaignID)
		w.Clock.Advance(time.Second)
		late := w.Enrolled("north/a/2")
		for _, p := range []*atlastest.Phone{in1, in2, out, late} {
			require.NoError(t, p.Sync(t.Context()))
			require.NoError(t, p.Sync(t.Context()))
		}
		for p, want := range map[*atlastest.Phone]int{in1: 2, in2: 2, out: 1, late: 1} { // the first one is its own sync
			require.Len(t, p.Runs, want)
		}
		c, err := w.Campaign(t.Context(), w.Actor("north/a"), sent.ID)
		require.NoError(t, err)
		require.Equal(t, commands.Progress{commands.Succeeded: 2}, c.Progress)
		_, err = w.Campaign(t.Context(), w.Actor("north/a/1"), sent.ID)
		require.ErrorIs(t, err, atlas.ErrNotFound)
	})
}

func TestACampaignForAFolderReachesItsDevicesOnly(t *testing.T) {
	t.Parallel()
	w := world(t)
	f, err := w.CreateFolder(t.Context(), w.Actor("north"), "", fleet.NewFolder{OwnerID: w.ID("north"), Name: "Vans"})
	require.NoError(t, err)
	in, out := w.Enrolled("north"), w.Enrolled("north")
	_, err = w.UpdateDevice(t.Context(), w.Actor("north"), in.ID, fleet.DeviceChange{FolderID: &f.ID})
	require.NoError(t, err)
	_, err = w.SendCommand(t.Context(), w.Actor("north"), "", fleet.NewCommand{Kind: commands.AgentDisable, Target: fleet.Target{FolderID: f.ID}})
	require.NoError(t, err)
	require.NoError(t, in.Sync(t.Context()))
	require.NoError(t, out.Sync(t.Context()))
	require.Len(t, in.Runs, 1, "disabled before its first sync, it gets the order to be disabled")
	require.Len(t, out.Runs, 1)
	d, err := w.Device(t.Context(), w.Actor("north"), out.ID)
	require.NoError(t, err)
	require.True(t, d.AgentEnabled)
}

func TestACancelledCampaignReachesNobodyMore(t *testing.T) {
	t.Parallel()
	w := world(t)
	first, second := w.Enrolled("north/1"), w.Enrolled("north/2")
	require.NoError(t, first.Sync(t.Context()))
	require.NoError(t, second.Sync(t.Context()))
	sent, err := w.SendCommand(t.Context(), w.Actor("north"), "", fleet.NewCommand{Kind: commands.DeviceReboot, Target: fleet.Target{AccountID: w.ID("north")}})
	require.NoError(t, err)
	require.NoError(t, first.Sync(t.Context()))
	c, err := w.CancelCampaign(t.Context(), w.Actor("north"), sent.ID)
	require.NoError(t, err)
	require.True(t, c.Cancelled)
	require.NoError(t, second.Sync(t.Context()))
	require.Len(t, second.Runs, 1)
	require.Equal(t, commands.Progress{commands.Succeeded: 1}, c.Progress)
}

func TestACampaignWakesTheDevicesThatWait(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Options{})
	w := atlastest.NewWith(t, st, fleet.Options{Poll: time.Hour})
	p := w.Enrolled("north/1")
	require.NoError(t, p.Sync(t.Context()))
	d := mustDevice(t, p)
	looked, once := make(chan struct{}), sync.Once{}
	st.SetFault(func(op string) memory.Fault {
		if op == "commands.Waiting" { // it has joined those who wait, and found nothing
			once.Do(func() { close(looked) })
		}
		return memory.Fault{}
	})
	var g errgroup.Group
	g.Go(func() error {
		woken, err := w.Wait(t.Context(), d, 10*time.Second)
		if err == nil && !woken {
			err = errors.New("the phone was not woken")
		}
		return err
	})
	<-looked
	_, err := w.SendCommand(t.Context(), w.Actor("north"), "", fleet.NewCommand{Kind: commands.DeviceReboot, Target: fleet.Target{AccountID: w.ID("north")}})
	require.NoError(t, err)
	require.NoError(t, g.Wait())
}

// mustDevice is the device that the phone's next request is taken for.
func mustDevice(t *testing.T, p *atlastest.Phone) fleet.Device {
	t.Helper()
	d, err := p.Authenticate(t.Context())
	require.NoError(t, err)
	return d
}

func TestAFailedCommandIsTriedAgainLaterAndEndsFailed(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	require.NoError(t, p.Sync(t.Context()))
	p.Fails[commands.AppUninstall] = "no"
	id := send(t, w, "north", commands.AppUninstall, `{"package":"org.example.app"}`, p)
	require.NoError(t, p.Sync(t.Context()))
	require.Equal(t, commands.Queued, stateOf(t, w, id))
	require.Equal(t, 1, p.Runs[id])
	for range 5 {
		w.Clock.Advance(commands.MaxBackoff)
		require.NoError(t, p.Sync(t.Context()))
	}
	require.Equal(t, commands.Failed, stateOf(t, w, id))
	require.Equal(t, 3, p.Runs[id])
}

func TestACommandThatIsPastItsTimeExpires(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	require.NoError(t, p.Sync(t.Context()))
	id := send(t, w, "north", commands.DeviceReboot, "", p)
	w.Clock.Advance(commands.DefaultLife)
	n, err := w.Sweep(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, n, 1)
	require.Equal(t, commands.Expired, stateOf(t, w, id))
	atlastest.RequireAudit(t, w.Store, "command.expire", id)
	require.NoError(t, p.Sync(t.Context()))
	require.Zero(t, p.Runs[id])
}

func TestOneUnfinishedCommandOfADeviceHasADedupKey(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Enrolled("north/1")
	in := fleet.NewCommand{Kind: commands.DeviceReboot, Target: devices(p), DedupKey: "nightly"}
	_, err := w.SendCommand(t.Context(), w.Actor("north"), "", in)
	require.NoError(t, err)
	_, err = w.SendCommand(t.Context(), w.Actor("north"), "", in)
	require.ErrorIs(t, err, atlas.ErrExists)
	require.NoError(t, p.Sync(t.Context()))
	_, err = w.SendCommand(t.Context(), w.Actor("north"), "", in)
	require.NoError(t, err)
}

func TestADeviceIsSentOnlyWhatItsAgentCanRun(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Unboxed()
	p.Info.Capabilities = []string{string(commands.DeviceSync)}
	code := w.Code("north", w.Plan(activation.Plan{}))
	require.NoError(t, p.Enrol(t.Context(), code.Text))
	_, err := w.SendCommand(t.Context(), w.Actor("north"), "", fleet.NewCommand{Kind: commands.DeviceReboot, Target: devices(p)})
	require.ErrorIs(t, err, atlas.ErrRefused)
}

func TestAPackageBackInQuarantineStopsItsCommandsAndItsDownload(t *testing.T) {
	t.Parallel()
	w := world(t)
	app := assigned(t, w, "north", "tiny.apk")
	held, waiting := w.Enrolled("north/1"), w.Enrolled("north/2")
	require.NoError(t, held.Sync(t.Context()))
	require.NoError(t, waiting.Sync(t.Context()))
	params := fmt.Sprintf(`{"apk_id":%q}`, app.ID)
	a, b := send(t, w, "north", commands.AppInstall, params, held), send(t, w, "north", commands.AppInstall, params, waiting)
	out, err := w.CheckIn(t.Context(), fleet.Device{ID: held.ID}, fleet.CheckIn{})
	require.NoError(t, err)
	require.Len(t, out.Commands, 1, "one is on its way already")
	f, err := w.Download(t.Context(), fleet.Device{ID: held.ID}, app.SHA256)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	_, err = w.JudgeAPK(t.Context(), w.Actor("admin"), app.ID, intake.Quarantined, "new signatures")
	require.NoError(t, err)
	require.Equal(t, commands.Cancelled, stateOf(t, w, a))
	require.Equal(t, commands.Cancelled, stateOf(t, w, b))
	_, err = w.Download(t.Context(), fleet.Device{ID: held.ID}, app.SHA256)
	require.ErrorIs(t, err, atlas.ErrNotFound)
	_, _, err = w.DownloadAPK(t.Context(), w.Actor("north"), app.ID)
	require.ErrorIs(t, err, intake.ErrNotClean)
	_, err = w.SendCommand(t.Context(), w.Actor("north"), "", fleet.NewCommand{Kind: commands.AppInstall, Target: devices(held), Params: []byte(params)})
	require.ErrorIs(t, err, intake.ErrNotClean)
	require.NoError(t, waiting.Sync(t.Context()))
	require.Empty(t, waiting.Apps)
}

func TestADeviceDownloadsWhatIsAssignedToItOnly(t *testing.T) {
	t.Parallel()
	w := world(t)
	app := clean(t, w, "north", "tiny.apk")
	with, without, foreign := w.Enrolled("north/1"), w.Enrolled("north/2"), w.Enrolled("south/1")
	_, err := w.AssignAPK(t.Context(), w.Actor("north"), "", app.ID, fleet.AssignTarget{DeviceID: with.ID})
	require.NoError(t, err)
	f, err := w.Download(t.Context(), fleet.Device{ID: with.ID}, app.SHA256)
	require.NoError(t, err)
	require.Equal(t, app.Size, f.Size())
	require.NoError(t, f.Close())
	for _, p := range []*atlastest.Phone{without, foreign} {
		_, err = w.Download(t.Context(), fleet.Device{ID: p.ID}, app.SHA256)
		require.ErrorIs(t, err, atlas.ErrNotFound)
	}
}

func TestTheManifestDecidesWhatAPackageIsAndTheClaimIsKept(t *testing.T) {
	t.Parallel()
	w := world(t)
	p, err := w.UploadAPK(t.Context(), w.Actor("north"), fleet.Upload{FileName: "../../bank\x00.apk", Package: "com.bank.app"}, tiny(t, "tiny.apk"))
	require.NoError(t, err)
	require.Equal(t, tinyPackage, p.Package)
	require.Equal(t, "com.bank.app", p.Claimed)
	require.Equal(t, "../../bank.apk", p.FileName, "data, and no path")
}

func TestTheSameFileOfOneOwnerIsOnePackage(t *testing.T) {
	t.Parallel()
	w := world(t)
	one, again, other := upload(t, w, "north", "tiny.apk"), upload(t, w, "north", "tiny.apk"), upload(t, w, "south", "tiny.apk")
	require.Equal(t, one.ID, again.ID)
	require.NotEqual(t, one.ID, other.ID, "another tenant has its own and learns nothing")
}

func TestAnUploadThatIsNoAPKOrTooLargeLeavesNoFile(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int64]error{16: atlas.ErrTooLarge, 0: fleet.ErrNotAPK} {
		w := atlastest.NewWith(t, memory.New(memory.Options{}), fleet.Options{MaxUpload: limit})
		before := atlastest.Contents(t, w.Store)
		_, err := w.UploadAPK(t.Context(), w.Actor("north"), fleet.Upload{}, noAPK())
		require.ErrorIs(t, err, want)
		require.True(t, before == atlastest.Contents(t, w.Store))
		require.Len(t, atlastest.SecurityEvents(t, w.Store), 1)
		content, err := io.ReadAll(noAPK())
		require.NoError(t, err)
		_, err = w.Blobs.Stat(t.Context(), blob.Key(content))
		require.ErrorIs(t, err, atlas.ErrNotFound)
	}
}

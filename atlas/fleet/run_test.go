package fleet_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/apk/scan"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

func TestRunScansAndSealsByItselfAndEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := world(t)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		synctest.Wait()
		p := upload(t, w, "north", "tiny.apk")
		synctest.Wait()
		got, err := w.APK(ctx, w.Actor("north"), p.ID)
		require.NoError(t, err)
		require.Equal(t, intake.Clean, got.State, "an upload wakes the scanners")
		<-time.After(time.Second) // of the bubble
		synctest.Wait()
		proof, err := w.AuditProof(ctx, w.Actor("north"), atlastest.RequireAudit(t, w.Store, string(atlas.PackageUpload), p.ID).ID)
		require.NoError(t, err)
		require.NoError(t, proof.Verify(w.AuditVerifier()))
		stop()
		require.NoError(t, <-ended)
	})
}

// moody is a scanner that says what it is told to.
type moody struct {
	verdict scan.Verdict
	err     error
}

func (m *moody) Scan(context.Context, scan.Target) (scan.Result, error) {
	return scan.Result{Scanner: "moody", Engine: "1", Verdict: m.verdict}, m.err
}

func TestAPackageIsCleanOnlyWhenEveryScannerSaysSo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		moody
		want intake.State
	}{
		{moody{verdict: scan.Clean}, intake.Clean},
		{moody{verdict: scan.Suspicious}, intake.Suspicious},
		{moody{verdict: scan.Malicious}, intake.Rejected},
		{moody{err: errors.New("out of order")}, intake.Error},
		{moody{verdict: "splendid"}, intake.Error},
	} {
		second := &moody{verdict: c.verdict, err: c.err}
		w := atlastest.NewWith(t, memory.New(memory.Options{}), fleet.Options{Scanners: []scan.Scanner{scan.Static(scan.StaticOptions{}), second}})
		p := upload(t, w, "north", "tiny.apk")
		_, err := w.ScanPending(t.Context())
		require.NoError(t, err)
		got, err := w.APK(t.Context(), w.Actor("north"), p.ID)
		require.NoError(t, err)
		require.Equal(t, c.want, got.State, got.Reason)
		require.Len(t, got.Scans, 2)
		_, _, err = w.DownloadAPK(t.Context(), w.Actor("north"), p.ID)
		require.Equal(t, c.want == intake.Clean, err == nil)

		*second = moody{verdict: scan.Clean}
		w.Clock.Advance(time.Hour)
		_, err = w.ScanPending(t.Context())
		require.NoError(t, err)
		got, err = w.APK(t.Context(), w.Actor("north"), p.ID)
		require.NoError(t, err)
		if c.want == intake.Error {
			c.want = intake.Clean // a scanner that could not say is asked again
		}
		require.Equal(t, c.want, got.State)
	}
}

func TestAnUnsignedPackageIsNeverClean(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := upload(t, w, "north", "tiny-unsigned.apk")
	_, err := w.ScanPending(t.Context())
	require.NoError(t, err)
	got, err := w.APK(t.Context(), w.Actor("north"), p.ID)
	require.NoError(t, err)
	require.NotEqual(t, intake.Clean, got.State)
	_, err = w.JudgeAPK(t.Context(), w.Actor("admin"), p.ID, intake.Clean, "by hand")
	require.ErrorIs(t, err, atlas.ErrRefused)

	w = atlastest.NewWith(t, memory.New(memory.Options{}), fleet.Options{Scanners: []scan.Scanner{&moody{verdict: scan.Clean}}})
	p = upload(t, w, "north", "tiny-unsigned.apk")
	_, err = w.ScanPending(t.Context())
	require.NoError(t, err)
	got, err = w.APK(t.Context(), w.Actor("north"), p.ID)
	require.NoError(t, err)
	require.Equal(t, intake.Rejected, got.State, "whatever the scanners say")
}

func TestReconcileNamesABalanceThatItsPostingsDontExplain(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Grant("north", 10)
	require.NoError(t, w.Reconcile(t.Context()))
	require.NoError(t, w.Store.Update(t.Context(), func(ctx context.Context, tx store.Tx) error {
		b, err := tx.Ledger().Balance(ctx, w.ID("north"))
		b.Posted += ledger.Credits(1)
		return errors.Join(err, tx.Ledger().SaveBalance(ctx, b))
	}))
	require.ErrorContains(t, w.Reconcile(t.Context()), string(w.ID("north")))
}

func TestTheAuditLogNamesBothWhoActsAndWhoReallySitsThere(t *testing.T) {
	t.Parallel()
	w := world(t)
	a := w.Actor("north")
	a.Impersonator = w.ID("admin")
	f, err := w.CreateFolder(t.Context(), a, "", fleet.NewFolder{OwnerID: w.ID("north"), Name: "Vans"})
	require.NoError(t, err)
	e := atlastest.RequireAudit(t, w.Store, string(atlas.FolderCreate), string(f.ID))
	require.Equal(t, w.ID("north"), e.ActorID)
	require.Equal(t, w.ID("admin"), e.Impersonator)
}

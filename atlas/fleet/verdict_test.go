package fleet_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/apk/scan"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

// scanned is a world in memory with one scanner.
func scanned(t *testing.T, s scan.Scanner) *atlastest.World {
	t.Helper()
	return atlastest.NewWith(t, memory.New(memory.Options{}), fleet.Options{Scanners: []scan.Scanner{s}})
}

// busy is a scanner that says clean, after something happened meanwhile.
type busy struct {
	meanwhile func(ctx context.Context)
	asked     int
}

func (b *busy) Scan(ctx context.Context, _ scan.Target) (scan.Result, error) {
	b.asked++
	b.meanwhile(ctx)
	return scan.Result{Scanner: "busy", Verdict: scan.Clean}, nil
}

func TestAPersonCantMakeCleanWhatAnotherSignerSigned(t *testing.T) {
	t.Parallel()
	w := scanned(t, &moody{verdict: scan.Suspicious})
	first, second := upload(t, w, "north", "tiny.apk"), upload(t, w, "north/a", "tiny-othersigner.apk")
	elsewhere := upload(t, w, "south", "tiny-othersigner.apk")
	_, err := w.ScanPending(t.Context())
	require.NoError(t, err)
	_, err = w.JudgeAPK(t.Context(), w.Actor("admin"), first.ID, intake.Clean, "looked at")
	require.NoError(t, err)
	_, err = w.JudgeAPK(t.Context(), w.Actor("admin"), second.ID, intake.Clean, "looked at")
	require.ErrorIs(t, err, atlas.ErrRefused)
	require.ErrorContains(t, err, "another certificate")
	got, err := w.APK(t.Context(), w.Actor("north"), second.ID)
	require.NoError(t, err)
	require.Equal(t, intake.Suspicious, got.State)
	_, err = w.JudgeAPK(t.Context(), w.Actor("admin"), elsewhere.ID, intake.Clean, "looked at")
	require.NoError(t, err, "another tenant has its own signers")
}

func TestAPersonCantJudgeAPackageWhileItIsBeingScanned(t *testing.T) {
	t.Parallel()
	var w *atlastest.World
	var id string
	s := &busy{meanwhile: func(ctx context.Context) {
		for _, next := range intake.States() {
			_, err := w.JudgeAPK(ctx, w.Actor("admin"), id, next, "by hand")
			require.Error(t, err, next)
			require.ErrorIs(t, err, atlas.ErrRefused, next)
		}
	}}
	w = scanned(t, s)
	id = upload(t, w, "north", "tiny.apk").ID
	n, err := w.ScanPending(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, 1, s.asked)
	got, err := w.APK(t.Context(), w.Actor("north"), id)
	require.NoError(t, err)
	require.Equal(t, intake.Clean, got.State, "the scanners had the last word")
}

func TestScansThatTakeLongAreJudgedOnceThoughOtherNodesLook(t *testing.T) {
	t.Parallel()
	var w *atlastest.World
	s := &busy{}
	s.meanwhile = func(ctx context.Context) {
		if s.asked > 1 {
			return // the mistake this test is about, once is enough
		}
		for range 10 { // five minutes, as long as a round may take
			w.Clock.Advance(30 * time.Second)
			n, err := w.Node(w.Store).ScanPending(ctx)
			require.NoError(t, err)
			require.Zero(t, n, "another node took what is being scanned")
		}
	}
	w = scanned(t, s)
	p := upload(t, w, "north", "tiny.apk")
	n, err := w.ScanPending(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, 1, s.asked)
	got, err := w.APK(t.Context(), w.Actor("north"), p.ID)
	require.NoError(t, err)
	require.Equal(t, intake.Clean, got.State)
	require.Len(t, got.Scans, 1)
}

func TestAScanThatACrashCutShortIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	ctx, crash := context.WithCancel(t.Context())
	s := &busy{meanwhile: func(context.Context) { crash() }}
	w := scanned(t, s)
	p := upload(t, w, "north", "tiny.apk")
	_, err := w.ScanPending(ctx)
	require.ErrorIs(t, err, context.Canceled)
	s.meanwhile = func(context.Context) {}
	n, err := w.ScanPending(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "a node may still be at it")
	w.Clock.Advance(6 * time.Minute)
	n, err = w.ScanPending(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	got, err := w.APK(t.Context(), w.Actor("north"), p.ID)
	require.NoError(t, err)
	require.Equal(t, intake.Clean, got.State)
}

func TestAScannerThatAlwaysFailsIsAskedEverMoreRarelyAndLeavesOneEvent(t *testing.T) {
	t.Parallel()
	down := &moody{err: errors.New("down")}
	w := scanned(t, down)
	p := upload(t, w, "north", "tiny.apk")
	var asked []time.Time
	for range 12 * 120 { // half a day, a look each half minute
		n, err := w.ScanPending(t.Context())
		require.NoError(t, err)
		if n > 0 {
			asked = append(asked, w.Now())
		}
		w.Clock.Advance(30 * time.Second)
	}
	var gaps []time.Duration
	for i := range asked[1:] {
		gaps = append(gaps, asked[i+1].Sub(asked[i]))
	}
	require.IsNonDecreasing(t, gaps)
	require.Equal(t, 30*time.Second, gaps[0])
	require.Equal(t, time.Hour, gaps[len(gaps)-1])
	require.Less(t, len(asked), 25)
	require.Len(t, eventsOf(t, w, "apk.scan"), 1)
	require.Equal(t, p.ID, atlastest.RequireSecurityEvent(t, w.Store, security.ClassUpload, "apk.scan").TargetID)

	*down = moody{verdict: scan.Clean}
	w.Clock.Advance(time.Hour)
	n, err := w.ScanPending(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n, "it is asked again all the same")
	require.Len(t, eventsOf(t, w, "apk.scan"), 1)
}

func TestAnotherVerdictOfAPackageLeavesAnotherEvent(t *testing.T) {
	t.Parallel()
	s := &moody{err: errors.New("down")}
	w := scanned(t, s)
	upload(t, w, "north", "tiny.apk")
	for _, next := range []moody{{verdict: scan.Suspicious}, {}} {
		_, err := w.ScanPending(t.Context())
		require.NoError(t, err)
		*s = next
		w.Clock.Advance(time.Hour)
	}
	events := eventsOf(t, w, "apk.scan")
	require.Len(t, events, 2)
	require.Contains(t, events[0].Reason, "no answer")
	require.Contains(t, events[1].Reason, "suspicious")
}

// eventsOf returns the security events about an action.
func eventsOf(t *testing.T, w *atlastest.World, action string) (out []security.Event) {
	t.Helper()
	for _, e := range atlastest.SecurityEvents(t, w.Store) {
		if e.Action == action {
			out = append(out, e)
		}
	}
	return out
}

func TestABrokenPackageStandsInNoOtherOnesWay(t *testing.T) {
	t.Parallel()
	w := scanned(t, &moody{err: errors.New("down")})
	for _, name := range []string{"tiny.apk", "tiny-othersigner.apk"} {
		upload(t, w, "north", name)
		n, err := w.ScanPending(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n, "a new upload is looked at at once")
	}
}

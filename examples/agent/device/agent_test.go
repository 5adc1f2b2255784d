package device_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/examples/agent/device"
	"github.com/atlas-mdm/atlas-go/examples/agent/internal/script"
)

const tiny = "dev.atlasmdm.tiny"

func TestDeviceEnrolsInstallsAndReports(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.Send("c1", "app.install", w.offer("tiny.apk"))
	w.checkIn()
	require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome)
	require.Equal(t, 1, w.phone.times("install"))
	require.Len(t, w.Apps, 1)
	require.Equal(t, tiny, w.Apps[0].Package)
	require.Equal(t, "Till 3", w.Device.Name)
	require.Empty(t, w.leftovers())
	s := w.agent.Status()
	require.True(t, s.Active)
	require.Equal(t, "7K2M9QXR", s.SupportID)
	require.Equal(t, lease.Valid, s.LeaseStatus)
	require.Zero(t, s.Waiting+s.Unreported)
}

func TestCommandIsAcknowledgedBeforeItRuns(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.Send("c1", "app.install", w.offer("tiny.apk"))
	var heard []deviceproto.Report
	w.phone.before = func(context.Context) error {
		w.With(func(s *script.Server) { heard = slices.Clone(s.Reports) })
		return nil
	}
	w.checkIn()
	require.Equal(t, []deviceproto.Report{{CommandID: "c1", Attempt: 1, Outcome: "acknowledged"}}, heard)
}

func TestP256KeyEnrolsAndSigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.agent.Close())
	require.NoError(t, os.Remove(filepath.Join(w.dir, "state", "key.pem")))
	w.opt.P256 = true
	w.open()
	require.NoError(t, w.agent.Enroll(t.Context(), "CODE"))
	w.checkIn()
	w.restart()
	w.checkIn()
}

func TestEnrolmentWhoseAnswerIsLostMakesOneDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fail(deviceproto.PathEnrol, script.Lost, script.Refused, script.Lost)
	require.NoError(t, w.agent.Enroll(t.Context(), "CODE"))
	require.Equal(t, 1, w.Enrolled)
	require.Equal(t, 4, w.Asked[deviceproto.PathEnrol])
	require.NoError(t, w.agent.Enroll(t.Context(), "CODE"))
	require.Equal(t, 4, w.Asked[deviceproto.PathEnrol])
}

func TestEnrolmentGoesOnWithTheSameKeyAfterACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fail(deviceproto.PathEnrol, script.Lost, script.Lost, script.Lost, script.Lost, script.Lost)
	require.Error(t, w.agent.Enroll(t.Context(), "CODE"))
	w.restart()
	require.NoError(t, w.agent.Enroll(t.Context(), "CODE"))
	require.Equal(t, 1, w.Enrolled)
}

func TestWrongCodeIsToldAndNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var p *device.ProblemError
	require.ErrorAs(t, w.agent.Enroll(t.Context(), "OTHER"), &p)
	require.Equal(t, 409, p.Problem.Status)
	require.Equal(t, 1, w.Asked[deviceproto.PathEnrol])
	require.ErrorIs(t, w.agent.CheckIn(t.Context()), device.ErrNotEnrolled)
	require.ErrorIs(t, w.agent.Run(t.Context()), device.ErrNotEnrolled)
}

func TestLostAnswersLoseNoCommandAndNoReport(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.Send("c1", "app.install", w.offer("tiny.apk"))
	w.fail(deviceproto.PathCheckIn, script.Lost, script.None, script.Lost, script.Lost)
	for range 3 {
		_ = w.agent.CheckIn(t.Context())
	}
	w.checkIn()
	require.Equal(t, 1, w.phone.times("install"))
	require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome)
	require.Zero(t, w.agent.Status().Unreported)
}

func TestRepeatedAttemptIsReportedAgainAndNotRun(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.Send("c1", "device.reboot", struct{}{})
	w.With(func(s *script.Server) { s.Redeliver = true })
	w.checkIn()
	w.restart()
	w.checkIn()
	require.Equal(t, 1, w.phone.times("reboot"))
	reported := 0
	for _, r := range w.Reports {
		if r.Outcome == "succeeded" {
			reported++
		}
	}
	require.GreaterOrEqual(t, reported, 2)
}

func TestNextAttemptRunsAndAnOlderOneDoesNot(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.Send("c1", "device.reboot", struct{}{})
	w.With(func(s *script.Server) { s.Commands[0].Attempt = 2 })
	w.checkIn()
	require.Equal(t, 1, w.phone.times("reboot"))
	w.With(func(s *script.Server) { s.Commands[0].Attempt = 1 })
	w.checkIn()
	require.Equal(t, 1, w.phone.times("reboot"))
	w.With(func(s *script.Server) { s.Commands[0].Attempt = 3 })
	w.checkIn()
	require.Equal(t, 2, w.phone.times("reboot"))
}

func TestCommandsThatCannotRunAreReported(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.Send("kind", "camera.spy", struct{}{})
	w.Send("params", "app.uninstall", map[string]any{"package": 7})
	w.Send("name", "app.clear_data", deviceproto.Target{Package: "x; rm -rf ."})
	w.Send("path", "app.uninstall", deviceproto.Target{Package: "../../etc"})
	w.Send("digest", "app.install", deviceproto.Install{Package: tiny, Size: 1, SHA256: "../../../etc/passwd"})
	w.Send("absent", "app.clear_cache", deviceproto.Target{Package: tiny})
	w.Send("late", "device.reboot", struct{}{})
	w.With(func(s *script.Server) { s.Commands[6].ExpiresAt = noon.Add(-time.Second) })
	w.checkIn()
	require.Equal(t, "unsupported", w.outcome("kind", 1).Outcome)
	for _, id := range []string{"params", "name", "path", "digest", "absent", "late"} {
		require.Equal(t, "failed", w.outcome(id, 1).Outcome, id)
		require.NotEmpty(t, w.outcome(id, 1).Detail, id)
	}
	require.Empty(t, w.phone.done)
}

func TestKindThatTheAgentDoesNotOfferIsUnsupported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.opt.Capabilities = []string{"device.sync"}
	w.restart()
	require.NoError(t, w.agent.Enroll(t.Context(), "CODE"))
	w.Send("c1", "device.reboot", struct{}{})
	w.checkIn()
	require.Equal(t, "unsupported", w.outcome("c1", 1).Outcome)
	require.Zero(t, w.phone.times("reboot"))
}

func TestSyncSendsEverythingAgain(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.checkIn()
	w.With(func(s *script.Server) { s.Apps, s.Device = nil, deviceproto.Device{} })
	w.checkIn()
	require.Nil(t, w.Apps, "unchanged, so not sent")
	w.Send("c1", "device.sync", struct{}{})
	w.checkIn()
	require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome)
	require.NotNil(t, w.Apps)
	require.Equal(t, "Till 3", w.Device.Name)
}

func TestAnswersThatTheServerDidNotSignForThisRequestAreNotObeyed(t *testing.T) {
	t.Parallel()
	for _, fault := range []script.Fault{script.Unsigned, script.ForeignKey, script.OtherOne, script.BadProblem} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := enrolled(t)
			w.checkIn()
			w.Send("c1", "device.reboot", struct{}{})
			w.fail(deviceproto.PathCheckIn, fault)
			require.ErrorIs(t, w.agent.CheckIn(t.Context()), device.ErrAnswer)
			require.Zero(t, w.agent.Status().Waiting)
			require.Zero(t, w.phone.times("reboot"))
			w.checkIn()
			require.Equal(t, 1, w.phone.times("reboot"))
			require.Less(t, slices.Max(w.Counters), uint64(1000), "an unsigned problem moves no counter")
		})
	}
}

func TestUsedCounterIsJumpedOver(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.Forget(5000)
	w.checkIn()
	require.Equal(t, []uint64{1, 5001}, w.Counters)
	w.restart()
	w.checkIn()
	require.Greater(t, w.Counters[2], uint64(5001))
}

func TestServerThatAlwaysSaysReplayIsNotAskedForEver(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.With(func(s *script.Server) { s.Fault = func(string) script.Fault { return script.Forgotten } })
	var p *device.ProblemError
	require.ErrorAs(t, w.agent.CheckIn(t.Context()), &p)
	require.Equal(t, deviceproto.ProblemReplay, p.Problem.Type)
	require.Len(t, w.Counters, 2)
}

func TestCountersAreNeverReusedAcrossCrashes(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	for range 5 {
		for range 40 {
			w.checkIn()
		}
		w.restart()
	}
	require.True(t, slices.IsSortedFunc(w.Counters, func(a, b uint64) int {
		if a < b {
			return -1
		}
		return 1
	}))
	require.Less(t, slices.Max(w.Counters), uint64(math.MaxInt64))
}

func TestClockThatIsOffIsCorrected(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-7 * 24 * time.Hour, 400 * 24 * time.Hour} {
		w := enrolled(t)
		w.clock.set(noon.Add(off))
		w.Send("c1", "device.reboot", struct{}{})
		w.checkIn()
		require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome)
		require.True(t, w.agent.Status().Active)
		asked := w.Asked[deviceproto.PathCheckIn]
		w.checkIn()
		require.Equal(t, asked+1, w.Asked[deviceproto.PathCheckIn], "corrected once, not each time")
	}
}

func TestDeviceThatTheServerForgotStops(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.With(func(s *script.Server) { s.Fault = func(string) script.Fault { return script.Unknown } })
	err := w.agent.Run(t.Context())
	require.ErrorIs(t, err, device.ErrUnknownDevice)
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
}

func TestKeysChangeInsideASignedAnswerOnly(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	next := ed25519.NewKeyFromSeed([]byte("the next key of the same server."))
	raw, err := json.Marshal(lease.JWKS{w.Key().Public().(ed25519.PublicKey), next.Public().(ed25519.PublicKey)})
	require.NoError(t, err)
	w.With(func(s *script.Server) { s.NewKeys = raw })
	w.fail(deviceproto.PathCheckIn, script.Unsigned)
	require.ErrorIs(t, w.agent.CheckIn(t.Context()), device.ErrAnswer)
	state := filepath.Join(w.dir, "state", "state.json")
	before, err := os.ReadFile(state)
	require.NoError(t, err)
	require.NotContains(t, string(before), lease.Thumbprint(next.Public().(ed25519.PublicKey)))
	w.checkIn()
	after, err := os.ReadFile(state)
	require.NoError(t, err)
	require.Contains(t, string(after), lease.Thumbprint(next.Public().(ed25519.PublicKey)))
}

func TestStateFolderServesOneAgentAtATime(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	_, err := device.Open(w.URL, filepath.Join(w.dir, "state"), w.phone, w.opt)
	require.ErrorIs(t, err, device.ErrState)
}

func TestDamagedStateIsRefused(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	require.NoError(t, w.agent.Close())
	file := filepath.Join(w.dir, "state", "state.json")
	good, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, bad := range []string{"", "{", `{"version":2}`, `{"version":1,"counter":1}`, string(good) + "{}"} {
		require.NoError(t, os.WriteFile(file, []byte(bad), 0o600))
		_, err := device.Open(w.URL, filepath.Join(w.dir, "state"), w.phone, w.opt)
		require.ErrorIs(t, err, device.ErrState, bad)
	}
	require.NoError(t, os.WriteFile(file, good, 0o600))
	w.open()
	w.checkIn()
}

func TestSecretsAreForTheOwnerOnly(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	for _, name := range []string{"key.pem", "state.json"} {
		st, err := os.Stat(filepath.Join(w.dir, "state", name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), st.Mode().Perm(), name)
	}
}

func TestServerOutsideThisMachineNeedsTLS(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"http://mdm.example.com", "ftp://mdm.example.com", "mdm.example.com", "https://user@mdm.example.com", "https://mdm.example.com/?x=1"} {
		_, err := device.Open(url, t.TempDir(), device.FolderExecutor{}, device.Options{})
		require.ErrorIs(t, err, atlas.ErrInvalid, url)
	}
	agent, err := device.Open("http://mdm.example.com", t.TempDir(), device.FolderExecutor{}, device.Options{PlainHTTP: true})
	require.NoError(t, err)
	require.NoError(t, agent.Close())
}

func TestAttemptThatWasCutShortNeverRunsAgain(t *testing.T) {
	t.Parallel()
	stop := errors.New("power lost")
	for name, c := range map[string]struct {
		before, after bool // the installation
		want          string
	}{
		"before the package was installed": {before: true, want: "failed"},
		"after the package was installed":  {after: true, want: "succeeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := enrolled(t)
			w.Send("c1", "app.install", w.offer("tiny.apk"))
			ctx, cancel := context.WithCancel(t.Context())
			cut := func(context.Context) error { cancel(); return stop }
			if c.before {
				w.phone.before = cut
			} else {
				w.phone.after = cut
			}
			require.Error(t, w.agent.CheckIn(ctx))
			w.phone.before, w.phone.after = nil, nil
			w.restart()
			w.checkIn()
			require.Equal(t, 1, w.phone.times("install"))
			require.Equal(t, c.want, w.outcome("c1", 1).Outcome)
			require.Contains(t, w.outcome("c1", 1).Detail, "interrupt")
		})
	}
}

func TestRebootIsJudgedByWhetherTheDeviceStartedAgain(t *testing.T) {
	t.Parallel()
	for name, booted := range map[string]bool{"failed": false, "succeeded": true} {
		w := enrolled(t)
		w.Send("c1", "device.reboot", struct{}{})
		ctx, cancel := context.WithCancel(t.Context())
		w.phone.after = func(context.Context) error {
			cancel()
			if !booted { // as if the agent had crashed before the device went down
				require.NoError(t, os.Remove(filepath.Join(w.phone.Dir, "boots")))
			}
			return context.Canceled
		}
		require.Error(t, w.agent.CheckIn(ctx))
		w.phone.after = nil
		w.restart()
		w.checkIn()
		require.Equal(t, 1, w.phone.times("reboot"))
		require.Equal(t, name, w.outcome("c1", 1).Outcome)
	}
}

func TestCommandTakenOverBeforeAStopRunsAfterIt(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	p := w.offer("tiny.apk")
	w.Send("c1", "app.install", p)
	w.Send("c2", "device.reboot", struct{}{})
	ctx, cancel := context.WithCancel(t.Context())
	w.phone.after = func(context.Context) error { cancel(); return nil }
	require.ErrorIs(t, w.agent.CheckIn(ctx), context.Canceled)
	require.Zero(t, w.phone.times("reboot"))
	require.Equal(t, 1, w.agent.Status().Waiting)
	w.phone.after = nil
	w.restart()
	w.checkIn()
	require.Equal(t, 1, w.phone.times("install"))
	require.Equal(t, 1, w.phone.times("reboot"))
	require.Equal(t, "succeeded", w.outcome("c1", 1).Outcome)
}

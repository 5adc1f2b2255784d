package atlastest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

func TestAWorldHasItsTree(t *testing.T) {
	t.Parallel()
	w := atlastest.New(t, memory.New(memory.Options{}))
	for name, role := range map[string]atlas.Role{
		"admin": atlas.Admin, "south": atlas.Reseller, "west/b": atlas.SubReseller, "north/1": atlas.Client, "north/a/2": atlas.Client,
	} {
		require.Equal(t, role, w.AccountOf(name).Role, name)
	}
	require.Equal(t, w.ID("north/a"), w.AccountOf("north/a/2").ParentID)
	me, err := w.Me(t.Context(), w.Actor("north/a"))
	require.NoError(t, err)
	require.Equal(t, "north.a", me.Username)
}

func TestTwoWorldsAreTheSame(t *testing.T) {
	t.Parallel()
	one, two := memory.New(memory.Options{}), memory.New(memory.Options{})
	a, b := atlastest.New(t, one), atlastest.New(t, two)
	pa, pb := a.Enrolled("north"), b.Enrolled("north")
	require.Equal(t, pa.ID, pb.ID)
	require.Equal(t, atlastest.AuditEvents(t, one), atlastest.AuditEvents(t, two))
	require.NotEmpty(t, atlastest.Contents(t, one))
}

func TestAPhoneExecutesAnAttemptOnceHoweverOftenItIsHandedOut(t *testing.T) {
	t.Parallel()
	w := atlastest.New(t, memory.New(memory.Options{}))
	p := w.Enrolled("north/a/1")
	require.NoError(t, p.Sync(t.Context()))
	sent, err := w.SendCommand(t.Context(), w.Actor("north"), "", fleet.NewCommand{
		Kind: commands.DeviceReboot, Target: fleet.Target{DeviceIDs: []atlas.DeviceID{p.ID}},
	})
	require.NoError(t, err)
	d, err := p.Authenticate(t.Context())
	require.NoError(t, err)
	lost, err := p.Service.CheckIn(t.Context(), d, p.Report())
	require.NoError(t, err, "an answer that never arrives")
	require.Len(t, lost.Commands, 1)
	require.Zero(t, p.Runs[sent.ID])

	w.Clock.Advance(commands.DefaultLease)
	got, err := p.CheckIn(t.Context())
	require.NoError(t, err)
	require.Len(t, got.Commands, 1)
	w.Clock.Advance(commands.DefaultLease)
	require.NoError(t, p.Sync(t.Context()))
	require.Equal(t, 1, p.Runs[sent.ID])
	c, err := w.Command(t.Context(), w.Actor("north"), sent.ID)
	require.NoError(t, err)
	require.Equal(t, commands.Succeeded, c.State)
}

func TestRequireHelpersFindWhatWasWritten(t *testing.T) {
	t.Parallel()
	w := atlastest.New(t, memory.New(memory.Options{}))
	w.Grant("north", 10)
	code := w.Code("north", w.Plan(activation.Plan{Price: 4, Charge: activation.ChargeOnRedeem}))
	p := w.Phone(code.Text)
	_, err := w.Device(t.Context(), w.Actor("south"), p.ID)
	require.ErrorIs(t, err, atlas.ErrNotFound)
	require.Equal(t, p.ID, atlastest.RequireAudit(t, w.Store, "device.enrol", string(p.ID)).DeviceID)
	require.Equal(t, w.ID("south"), atlastest.RequireSecurityEvent(t, w.Store, security.ClassDenial, string(atlas.DeviceRead)).ActorID)
	atlastest.RequireNoCreditLost(t, w)

	f := &failing{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		atlastest.RequireAudit(f, w.Store, "device.enrol", "another")
	}()
	<-done
	require.Contains(t, f.why, "the audit log has no device.enrol of another")
	require.ErrorContains(t, w.Unboxed().Enrol(context.Background(), code.Text), "used up")
}

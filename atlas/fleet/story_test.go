package fleet_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

const tinyPackage = "dev.atlasmdm.tiny"

// TestAResellerRunsItsFleetFromCreditsToAudit is the main job from end to
// end, on every backend.
func TestAResellerRunsItsFleetFromCreditsToAudit(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		s := &story{World: atlastest.New(t, st), t: t}
		s.credits()
		s.activation()
		s.firstApp()
		s.update()
		s.otherSigner()
		s.cancel()
		s.revoke()
		s.views()
		s.audit()
		atlastest.RequireNoCreditLost(t, s)
	})
}

// story is what the chapters hand on.
type story struct {
	*atlastest.World
	t     *testing.T
	codes []fleet.IssuedCode // of north/a: one paid at issue, one set aside
	phone *atlastest.Phone
	app   intake.Package
}

func (s *story) balance(name string) ledger.Balance {
	s.t.Helper()
	b, err := s.Credits(s.t.Context(), s.Actor(name), s.ID(name))
	require.NoError(s.t, err)
	return b
}

func (s *story) credits() {
	ctx, t := s.t.Context(), s.t
	s.Grant("north", 100)
	_, err := s.TransferCredits(ctx, s.Actor("north"), "to the sub reseller", fleet.Transfer{From: s.ID("north"), To: s.ID("north/a"), Amount: 60, Memo: "January"})
	require.NoError(t, err)
	_, err = s.TransferCredits(ctx, s.Actor("north"), "too much", fleet.Transfer{From: s.ID("north"), To: s.ID("north/a"), Amount: 41})
	require.ErrorIs(t, err, ledger.ErrInsufficient)
	_, err = s.TransferCredits(ctx, s.Actor("north"), "back up", fleet.Transfer{From: s.ID("north/a"), To: s.ID("north"), Amount: 10})
	require.NoError(t, err)
	require.EqualValues(t, 50, s.balance("north").Available())
	require.EqualValues(t, 50, s.balance("north/a").Available())

	lines, err := s.CreditEntries(ctx, s.Actor("north/a"), s.ID("north/a"), newest)
	require.NoError(t, err)
	require.Len(t, lines, 2)
	require.False(t, lines[0].Credit)
	require.Equal(t, ledger.KindWithdraw, lines[0].Entry.Kind)
	require.EqualValues(t, 50, lines[0].Balance)
	require.True(t, lines[1].Credit)
	require.Equal(t, s.ID("north"), lines[1].Counterparty)
}

func (s *story) activation() {
	ctx, t := s.t.Context(), s.t
	for _, plan := range []activation.Plan{
		s.Plan(activation.Plan{Name: "At issue", Price: 7, Charge: activation.ChargeOnIssue}),
		s.Plan(activation.Plan{Name: "At redeeming", Price: 11, Charge: activation.ChargeOnRedeem}),
	} {
		codes, err := s.IssueCodes(ctx, s.Actor("north/a"), fleet.Key(plan.ID), fleet.NewCodes{PlanID: plan.ID, Count: 1, OwnerID: s.ID("north/a"), Prefix: "ACME"})
		require.NoError(t, err)
		s.codes = append(s.codes, codes...)
	}
	require.Equal(t, ledger.Balance{ID: s.ID("north/a"), Posted: 43, Held: 11, Seq: 3, Version: s.balance("north/a").Version}, s.balance("north/a"))

	s.phone = s.Phone(s.codes[0].Text)
	require.EqualValues(t, 11, s.balance("north/a").Held, "a code paid at issue takes nothing more")
	second := s.Phone(s.codes[1].Text)
	require.Zero(t, s.balance("north/a").Held)
	require.EqualValues(t, 32, s.balance("north/a").Posted, "redeeming takes what was set aside")

	l, status, err := lease.Verify(s.phone.Lease, s.LeaseKeys(), s.phone.ID, s.Now(), time.Time{})
	require.NoError(t, err)
	require.Equal(t, lease.Valid, status)
	require.Equal(t, s.Now().Add(activation.VerifyEvery), l.NextCheck)
	require.NoError(t, s.phone.Sync(ctx))
	require.NoError(t, second.Sync(ctx))
	require.Len(t, s.phone.Runs, 1, "the first command asks the device to report itself")
	_, _, err = lease.Verify(s.phone.Lease, s.LeaseKeys(), second.ID, s.Now(), time.Time{})
	require.ErrorIs(t, err, lease.ErrDevice)
}

// bring uploads an APK of the sub reseller and runs the scanners over it.
func (s *story) bring(name string) intake.Package {
	s.t.Helper()
	p, err := s.UploadAPK(s.t.Context(), s.Actor("north/a"), fleet.Upload{FileName: name}, tiny(s.t, name))
	require.NoError(s.t, err)
	require.Equal(s.t, intake.Quarantined, p.State)
	_, err = s.AssignAPK(s.t.Context(), s.Actor("north/a"), "", p.ID, fleet.AssignTarget{AccountID: s.ID("north/a")})
	require.ErrorIs(s.t, err, intake.ErrNotClean)
	n, err := s.ScanPending(s.t.Context())
	require.NoError(s.t, err)
	require.Equal(s.t, 1, n)
	got, err := s.APK(s.t.Context(), s.Actor("north/a"), p.ID)
	require.NoError(s.t, err)
	require.NotEmpty(s.t, got.Scans)
	return got.Package
}

// install sends an install or update and has the phone carry it out.
func (s *story) install(kind commands.Kind, p intake.Package) commands.Command {
	s.t.Helper()
	id := send(s.t, s.World, "north/a", kind, fmt.Sprintf(`{"apk_id":%q}`, p.ID), s.phone)
	require.NoError(s.t, s.phone.Sync(s.t.Context()))
	c, err := s.Command(s.t.Context(), s.Actor("north/a"), id)
	require.NoError(s.t, err)
	return c
}

func (s *story) firstApp() {
	ctx, t := s.t.Context(), s.t
	s.app = s.bring("tiny.apk")
	require.Equal(t, intake.Clean, s.app.State, s.app.Reason)
	require.Equal(t, tinyPackage, s.app.Package)
	_, err := s.SendCommand(ctx, s.Actor("north/a"), "", fleet.NewCommand{
		Kind: commands.AppInstall, Target: devices(s.phone), Params: fmt.Appendf(nil, `{"apk_id":%q}`, s.app.ID),
	})
	require.ErrorIs(t, err, intake.ErrUnassigned)
	_, err = s.AssignAPK(ctx, s.Actor("north/a"), "", s.app.ID, fleet.AssignTarget{AccountID: s.ID("north/a")})
	require.NoError(t, err)

	c := s.install(commands.AppInstall, s.app)
	require.Equal(t, commands.Succeeded, c.State, c.Detail)
	require.EqualValues(t, 1, s.phone.Apps[tinyPackage].VersionCode)
	apps, err := s.DeviceApps(ctx, s.Actor("north"), s.phone.ID)
	require.NoError(t, err)
	require.Equal(t, s.app.SHA256, apps.Apps[0].SHA256, "the device reported what it installed")

	seen, err := s.APK(ctx, s.Actor("north/a/1"), s.app.ID)
	require.NoError(t, err, "a client sees what is assigned to it from above")
	require.Equal(t, s.app.ID, seen.ID)
	_, err = s.APK(ctx, s.Actor("north/b"), s.app.ID)
	require.ErrorIs(t, err, atlas.ErrNotFound)
}

func (s *story) update() {
	ctx, t := s.t.Context(), s.t
	p := s.bring("tiny-v2.apk")
	require.Equal(t, intake.Clean, p.State, p.Reason)
	_, err := s.AssignAPK(ctx, s.Actor("north/a"), "", p.ID, fleet.AssignTarget{DeviceID: s.phone.ID})
	require.NoError(t, err)
	require.Equal(t, commands.Succeeded, s.install(commands.AppUpdate, p).State)
	require.EqualValues(t, 2, s.phone.Apps[tinyPackage].VersionCode)
	history, err := s.Deployments(ctx, s.Actor("north/a"), p.ID, newest)
	require.NoError(t, err)
	require.Len(t, history, 1)

	old := s.install(commands.AppInstall, s.app)
	require.Equal(t, commands.Queued, old.State, "a downgrade fails and is tried again later")
	require.Contains(t, old.Detail, "DOWNGRADE")
	_, err = s.CancelCommand(ctx, s.Actor("north/a"), old.ID)
	require.NoError(t, err)
}

func (s *story) otherSigner() {
	p := s.bring("tiny-othersigner.apk")
	require.Equal(s.t, intake.Rejected, p.State)
	require.Contains(s.t, p.Reason, "another certificate")
	atlastest.RequireSecurityEvent(s.t, s.Store, security.ClassUpload, "apk.scan")
}

func (s *story) cancel() {
	ctx, t := s.t.Context(), s.t
	id := send(t, s.World, "north", commands.DeviceReboot, "", s.phone)
	_, err := s.CancelCommand(ctx, s.Actor("north/a"), id)
	require.NoError(t, err)
	_, err = s.CancelCommand(ctx, s.Actor("north/a"), id)
	require.ErrorIs(t, err, atlas.ErrRefused, "a command has one end")
	require.NoError(t, s.phone.Sync(ctx))
	require.Zero(t, s.phone.Runs[id])
	require.Equal(t, commands.Cancelled, stateOf(t, s.World, id))
}

func (s *story) revoke() {
	ctx, t := s.t.Context(), s.t
	_, err := s.RevokeCode(ctx, s.Actor("north"), s.codes[0].ID)
	require.NoError(t, err)
	out, err := s.phone.CheckIn(ctx)
	require.NoError(t, err)
	require.Equal(t, activation.Revoked, out.Activation)
	require.Empty(t, out.Lease)
	s.Clock.Advance(48*time.Hour + time.Second)
	_, _, err = lease.Verify(s.phone.Lease, s.LeaseKeys(), s.phone.ID, s.Now(), time.Time{})
	require.ErrorIs(t, err, lease.ErrExpired, "the last lease ends with its grace")
	require.ErrorIs(t, s.phone.Enrol(ctx, s.codes[0].Text), activation.ErrRevoked)
}

func (s *story) views() {
	for name, want := range map[string]struct{ accounts, devices int }{
		"admin": {28, 2}, "north": {9, 2}, "north/a": {3, 2}, "north/a/1": {1, 0}, "north/b": {3, 0}, "south": {9, 0},
	} {
		accounts, err := s.Accounts(s.t.Context(), s.Actor(name), store.AccountFilter{}, atlas.Page{Limit: 200})
		require.NoError(s.t, err)
		require.Len(s.t, accounts, want.accounts, name)
		devices, err := s.Devices(s.t.Context(), s.Actor(name), store.DeviceFilter{}, newest)
		require.NoError(s.t, err)
		require.Len(s.t, devices, want.devices, name)
		n, err := s.CountDevices(s.t.Context(), s.Actor(name), store.DeviceFilter{})
		require.NoError(s.t, err)
		require.EqualValues(s.t, want.devices, n, name)
	}
}

func (s *story) audit() {
	ctx, t := s.t.Context(), s.t
	e := atlastest.RequireAudit(t, s.Store, string(atlas.CodeChange), s.codes[0].ID)
	_, err := s.AuditProof(ctx, s.Actor("north"), e.ID)
	require.ErrorIs(t, err, fleet.ErrNotSealed)
	_, err = s.SealAudit(ctx)
	require.NoError(t, err)
	proof, err := s.AuditProof(ctx, s.Actor("north"), e.ID)
	require.NoError(t, err)
	require.NoError(t, proof.Verify(s.AuditVerifier()))
	require.Equal(t, e.Leaf, proof.Leaf)
	proof.Leaf = bytes.Replace(proof.Leaf, []byte("revoked"), []byte("active "), 1)
	require.ErrorIs(t, proof.Verify(s.AuditVerifier()), sealed.ErrTampered)
	_, err = s.AuditProof(ctx, s.Actor("south"), e.ID)
	require.ErrorIs(t, err, atlas.ErrNotFound)

	var export bytes.Buffer
	require.NoError(t, s.ExportAudit(ctx, s.Actor("admin"), &export))
	report, err := sealed.VerifyExport(&export, s.AuditVerifier())
	require.NoError(t, err)
	require.EqualValues(t, proof.Size, report.Events)
	require.True(t, json.Valid(e.Leaf))
}

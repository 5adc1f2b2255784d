package fleet_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

// scene is a world in which every account has some of everything.
type scene struct {
	*atlastest.World
	store    *memory.Store
	parents  map[atlas.AccountID]atlas.AccountID
	owned    map[atlas.AccountID]things
	snapshot memory.Snapshot
	contents string
	events   int
}

// aim returns what a call of the actor about the account of that name needs;
// the empty name is of no account.
func (sc *scene) aim(ctx context.Context, actor string, role atlas.Role, name string) target {
	x := target{scene: sc, ctx: ctx, actor: sc.Actor(actor), name: actor, role: role, id: "absent-account", things: things{
		device: "absent-device", device2: "absent-device", folder: "absent-folder", code: "absent-code", paused: "absent-code",
		hold: "absent-hold", entry: "absent-entry", apk: "absent-apk", apk2: "absent-apk", command: "absent-command",
		campaign: "absent-campaign", key: "absent-key", auditEvent: "absent-event",
	}}
	if name != "" {
		x.id = sc.ID(name)
		x.things = sc.owned[x.id]
	}
	return x
}

func (sc *scene) nameOf(id atlas.AccountID) string {
	for _, who := range cast {
		for _, name := range who.targets {
			if sc.ID(name) == id {
				return name
			}
		}
	}
	return string(id)
}

// freeze makes the present state the one that every try begins with.
func (sc *scene) freeze(t *testing.T) {
	t.Helper()
	sc.snapshot, sc.contents = sc.store.Snapshot(), atlastest.Contents(t, sc.store)
	sc.events = len(atlastest.SecurityEvents(t, sc.store))
}

// newScene makes a world and gives things to every account that plays a part.
func newScene(t *testing.T) *scene {
	t.Helper()
	st := memory.New(memory.Options{})
	sc := &scene{World: atlastest.New(t, st), store: st, parents: map[atlas.AccountID]atlas.AccountID{}, owned: map[atlas.AccountID]things{}}
	plan := sc.Plan(activation.Plan{})
	names := map[string]bool{}
	for _, who := range cast {
		for _, name := range who.targets {
			names[name] = true
		}
	}
	for name := range names {
		sc.owned[sc.ID(name)] = sc.furnish(t, name, plan)
		// Every account on the line has its parent in the oracle's tree.
		for a := sc.AccountOf(name); ; {
			sc.parents[a.ID] = a.ParentID
			if a.ParentID == "" {
				break
			}
			a = sc.stored(t, a.ParentID)
		}
	}
	_, err := sc.SealAudit(t.Context())
	require.NoError(t, err)
	sc.freeze(t)
	return sc
}

func (sc *scene) stored(t *testing.T, id atlas.AccountID) (a atlas.Account) {
	t.Helper()
	require.NoError(t, sc.Store.View(t.Context(), func(ctx context.Context, tx store.Tx) (err error) {
		a, err = tx.Accounts().Get(ctx, id)
		return err
	}))
	return a
}

// furnish gives an account one of everything.
func (sc *scene) furnish(t *testing.T, name string, plan activation.Plan) things {
	t.Helper()
	ctx, admin, id := t.Context(), sc.Actor("admin"), sc.ID(name)
	phone, second := sc.Phone(sc.Code(name, plan).Text), sc.Phone(sc.Code(name, plan).Text)
	x := things{device: phone.ID, device2: second.ID, code: sc.Code(name, plan).ID, paused: sc.Code(name, plan).ID}
	_, err := sc.SuspendCode(ctx, admin, x.paused)
	require.NoError(t, err)
	e, err := sc.GrantCredits(ctx, admin, "", fleet.Grant{AccountID: id, Amount: 1000})
	require.NoError(t, err)
	h, err := sc.HoldCredits(ctx, admin, "", fleet.NewHold{AccountID: id, Amount: 10})
	require.NoError(t, err)
	f, err := sc.CreateFolder(ctx, admin, "", fleet.NewFolder{OwnerID: id, Name: "Folder"})
	require.NoError(t, err)
	k, err := sc.CreateAPIKey(ctx, sc.Actor(name), "", fleet.NewAPIKey{Name: "Key", Scopes: []string{string(atlas.DeviceRead)}})
	require.NoError(t, err)
	_, err = sc.SignIn(ctx, login(name, atlastest.Password))
	require.NoError(t, err)
	all, err := sc.SendCommand(ctx, admin, "", fleet.NewCommand{Kind: commands.DeviceReboot, Target: fleet.Target{AccountID: id}})
	require.NoError(t, err)
	x.entry, x.hold, x.folder, x.key, x.campaign = e.ID, h.ID, f.ID, k.Key.ID, all.ID
	x.command = send(t, sc.World, "admin", commands.DeviceReboot, "", phone)
	x.apk, x.apk2 = sc.file(t, name, intake.Clean), sc.file(t, name, intake.Suspicious)
	for _, e := range atlastest.AuditEvents(t, sc.Store) {
		if e.TargetID == string(id) && (e.Action == string(atlas.AccountCreate) || e.Action == "setup") {
			x.auditEvent = e.ID
		}
	}
	return x
}

// file stores a package in a state, past intake.
func (sc *scene) file(t *testing.T, owner string, state intake.State) string {
	t.Helper()
	a := sc.AccountOf(owner)
	out, err := sc.Blobs.Create(t.Context())
	require.NoError(t, err)
	fmt.Fprintf(out, "%s %s", owner, state)
	ref, err := out.Commit(t.Context())
	require.NoError(t, err)
	p := intake.Package{
		ID: fmt.Sprintf("apk-%s-%s", a.ID, state), OwnerID: a.ID, Path: a.Path, Tenant: a.Tenant, UploadedBy: a.ID, UploadedAt: sc.Now(),
		SHA256: ref.SHA256, Size: ref.Size, Package: "org.example.app", Verified: true, Signers: []string{"s"}, Report: []byte("{}"),
		State: state, JudgedAt: sc.Now(), Version: 1,
	}
	require.NoError(t, sc.Store.Update(t.Context(), func(ctx context.Context, tx store.Tx) error { return tx.Packages().Insert(ctx, p) }))
	return p.ID
}

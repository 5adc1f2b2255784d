package fleet_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/sqlite"
)

func TestARepeatWithTheSameKeyReturnsTheFirstResult(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		w.Grant("north", 100)
		in := fleet.NewCodes{PlanID: w.Plan(activation.Plan{Price: 10}).ID, Count: 2, OwnerID: w.ID("north")}
		first, err := w.IssueCodes(t.Context(), w.Actor("north"), "k", in)
		require.NoError(t, err)
		again, err := w.Node(st).IssueCodes(t.Context(), w.Actor("north"), "k", in)
		require.NoError(t, err)
		require.Equal(t, first, again)
		b, err := w.Credits(t.Context(), w.Actor("north"), w.ID("north"))
		require.NoError(t, err)
		require.EqualValues(t, 80, b.Posted)
		_, err = w.IssueCodes(t.Context(), w.Actor("north"), "", in)
		require.NoError(t, err, "without a key a repeat is a second time")
		b, err = w.Credits(t.Context(), w.Actor("north"), w.ID("north"))
		require.NoError(t, err)
		require.EqualValues(t, 60, b.Posted)
	})
}

func TestAKeyIsForOneInput(t *testing.T) {
	t.Parallel()
	w := world(t)
	in := fleet.Grant{AccountID: w.ID("north"), Amount: 5}
	_, err := w.GrantCredits(t.Context(), w.Actor("admin"), "k", in)
	require.NoError(t, err)
	in.Amount = 6
	_, err = w.GrantCredits(t.Context(), w.Actor("admin"), "k", in)
	require.ErrorIs(t, err, atlas.ErrMismatch)
	_, err = w.GrantCredits(t.Context(), w.Actor("admin"), fleet.Key(strings.Repeat("k", 201)), in)
	require.ErrorIs(t, err, atlas.ErrInvalid)
}

func TestKeysOfTwoActorsAndOfTwoActionsDontCollide(t *testing.T) {
	t.Parallel()
	w := world(t)
	north, err := w.CreateFolder(t.Context(), w.Actor("north"), "k", fleet.NewFolder{OwnerID: w.ID("north"), Name: "N"})
	require.NoError(t, err)
	south, err := w.CreateFolder(t.Context(), w.Actor("south"), "k", fleet.NewFolder{OwnerID: w.ID("south"), Name: "S"})
	require.NoError(t, err)
	require.NotEqual(t, north.ID, south.ID)
	_, err = w.CreateAPIKey(t.Context(), w.Actor("north"), "k", fleet.NewAPIKey{Name: "K", Scopes: []string{string(atlas.DeviceRead)}})
	require.NoError(t, err)
}

func TestARefusedCallLeavesItsKeyUnused(t *testing.T) {
	t.Parallel()
	w := world(t)
	in := fleet.Transfer{From: w.ID("north"), To: w.ID("north/a"), Amount: 5}
	_, err := w.TransferCredits(t.Context(), w.Actor("north"), "k", in)
	require.ErrorIs(t, err, atlas.ErrRefused)
	w.Grant("north", 5)
	_, err = w.TransferCredits(t.Context(), w.Actor("north"), "k", in)
	require.NoError(t, err)
}

func TestASavedResultIsNotForWhoIsSuspendedSince(t *testing.T) {
	t.Parallel()
	w := world(t)
	in := fleet.NewAPIKey{Name: "K", Scopes: []string{string(atlas.DeviceRead)}}
	_, err := w.CreateAPIKey(t.Context(), w.Actor("north/a"), "k", in)
	require.NoError(t, err)
	_, err = w.SuspendAccount(t.Context(), w.Actor("admin"), w.ID("north"))
	require.NoError(t, err)
	_, err = w.CreateAPIKey(t.Context(), w.Actor("north/a"), "k", in)
	require.ErrorIs(t, err, atlas.ErrSuspended)
}

func TestKeysAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	w := world(t)
	in := fleet.Grant{AccountID: w.ID("north"), Amount: 5}
	first, err := w.GrantCredits(t.Context(), w.Actor("admin"), "k", in)
	require.NoError(t, err)
	w.Clock.Advance(25 * 3600e9)
	n, err := w.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	second, err := w.GrantCredits(t.Context(), w.Actor("admin"), "k", in)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, second.ID)
}

// TestNoBytesOfTheDatabaseHoldASecret looks at the very file.
func TestNoBytesOfTheDatabaseHoldASecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := sql.Open("sqlite", sqlite.DSN(filepath.Join(dir, "atlas.db")))
	require.NoError(t, err)
	require.NoError(t, sqlite.Migrate(t.Context(), db))
	w := atlastest.New(t, sqlite.New(db, sqlite.Options{}))
	plan := w.Plan(activation.Plan{Name: "A name to be found"})
	codes, err := w.IssueCodes(t.Context(), w.Actor("north"), "k", fleet.NewCodes{PlanID: plan.ID, Count: 1, OwnerID: w.ID("north")})
	require.NoError(t, err)
	key, err := w.CreateAPIKey(t.Context(), w.Actor("north"), "k", fleet.NewAPIKey{Name: "K", Scopes: []string{string(atlas.DeviceRead)}})
	require.NoError(t, err)
	in, err := w.SignIn(t.Context(), login("north", atlastest.Password))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	require.NoError(t, db.Close())

	raw, err := os.ReadFile(filepath.Join(dir, "atlas.db"))
	require.NoError(t, err)
	text := string(raw)
	require.Contains(t, text, plan.Name, "the test looks where things are")
	symbols, err := activation.Normalize(codes[0].Text)
	require.NoError(t, err)
	for _, secret := range []string{codes[0].Text, symbols, key.Token, in.Token, atlastest.Password} {
		require.False(t, strings.Contains(text, secret))
	}
}

func TestNoResultCarriesAHash(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx, north := context.Background(), w.Actor("north")
	code := w.Code("north", w.Plan(activation.Plan{}))
	key, err := w.CreateAPIKey(ctx, north, "", fleet.NewAPIKey{Name: "K", Scopes: []string{string(atlas.DeviceRead)}})
	require.NoError(t, err)
	in, err := w.SignIn(ctx, login("north", atlastest.Password))
	require.NoError(t, err)
	keys, err := w.APIKeys(ctx, north, w.ID("north"))
	require.NoError(t, err)
	require.Len(t, keys, 1)
	sessions, err := w.Sessions(ctx, north, w.ID("north"))
	require.NoError(t, err)
	require.Len(t, sessions, 1)
	codes, err := w.Codes(ctx, north, store.CodeFilter{}, newest)
	require.NoError(t, err)
	shown, err := w.RevealCode(ctx, north, code.ID)
	require.NoError(t, err)
	require.Equal(t, code.Text, shown.Text)
	paused, err := w.SuspendCode(ctx, north, code.ID)
	require.NoError(t, err)
	me, err := w.Me(ctx, north)
	require.NoError(t, err)
	events, err := w.AuditEvents(ctx, north, newest)
	require.NoError(t, err)

	b, err := json.Marshal([]any{code, key, in.Account, keys, sessions, codes, shown, paused, me, events})
	require.NoError(t, err)
	for _, secret := range hashes(t, w, in.Token, key.Key.ID, code.ID) {
		require.NotContains(t, string(b), secret)
	}
}

package fleet_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/store"
)

func TestASavedResultIsNotGivenAgainAfterTheAccountMovedToAnotherTenant(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(w *atlastest.World) func(context.Context) error{
		"issue codes": func(w *atlastest.World) func(context.Context) error {
			in := fleet.NewCodes{PlanID: w.Plan(activation.Plan{}).ID, Count: 1, OwnerID: w.ID("north/a")}
			return func(ctx context.Context) error { return last(w.IssueCodes(ctx, w.Actor("north"), "k", in)) }
		},
		"create an account": func(w *atlastest.World) func(context.Context) error {
			in := fleet.NewAccount{Username: "new.client", Role: atlas.Client, ParentID: w.ID("north/a"), Password: atlastest.Password}
			return func(ctx context.Context) error { return last(w.CreateAccount(ctx, w.Actor("north"), "k", in)) }
		},
		"transfer credits": func(w *atlastest.World) func(context.Context) error {
			w.Grant("north", 10)
			in := fleet.Transfer{From: w.ID("north"), To: w.ID("north/a"), Amount: 5}
			return func(ctx context.Context) error { return last(w.TransferCredits(ctx, w.Actor("north"), "k", in)) }
		},
		"make a folder": func(w *atlastest.World) func(context.Context) error {
			in := fleet.NewFolder{OwnerID: w.ID("north/a"), Name: "Vans"}
			return func(ctx context.Context) error { return last(w.CreateFolder(ctx, w.Actor("north"), "k", in)) }
		},
		"upload": func(w *atlastest.World) func(context.Context) error {
			in := fleet.Upload{OwnerID: w.ID("north/a"), Key: "k"}
			return func(ctx context.Context) error {
				return last(w.UploadAPK(ctx, w.Actor("north"), in, tiny(t, "tiny.apk")))
			}
		},
	} {
		w := world(t)
		call := prepare(w)
		require.NoError(t, call(t.Context()), name)
		require.NoError(t, call(t.Context()), "%s: a repeat returns the first result", name)
		_, err := w.MoveAccount(t.Context(), w.Actor("admin"), w.ID("north/a"), w.ID("south"))
		require.NoError(t, err)
		before := atlastest.Contents(t, w.Store)
		require.ErrorIs(t, call(t.Context()), atlas.ErrNotFound, name)
		require.True(t, before == atlastest.Contents(t, w.Store), name)
		_, err = w.MoveAccount(t.Context(), w.Actor("admin"), w.ID("north/a"), w.ID("north"))
		require.NoError(t, err)
		require.NoError(t, call(t.Context()), "%s: back again", name)
	}
}

func TestASavedResultIsNotGivenToAnAPIKeyWithFewerRights(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		in := fleet.NewAPIKey{Name: "Big", Scopes: []string{string(atlas.KeyCreate), string(atlas.CreditTransfer)}}
		_, err := w.CreateAPIKey(t.Context(), w.Actor("north"), "k", in)
		require.NoError(t, err)
		for _, scopes := range [][]string{{string(atlas.KeyCreate)}, {string(atlas.DeviceRead)}} {
			small, err := w.CreateAPIKey(t.Context(), w.Actor("north"), "", fleet.NewAPIKey{Name: "Small", Scopes: scopes})
			require.NoError(t, err)
			a, err := w.Authenticate(t.Context(), small.Token, "192.0.2.1")
			require.NoError(t, err)
			got, err := w.CreateAPIKey(t.Context(), a, "k", in)
			require.ErrorIs(t, err, atlas.ErrDenied)
			require.Empty(t, got.Token)
		}
	})
}

func TestASavedResultOfAnAPIKeyIsItsOwn(t *testing.T) {
	t.Parallel()
	w := world(t)
	scopes := []string{string(atlas.KeyCreate), string(atlas.DeviceRead)}
	key, err := w.CreateAPIKey(t.Context(), w.Actor("north"), "", fleet.NewAPIKey{Name: "Keys", Scopes: scopes})
	require.NoError(t, err)
	a, err := w.Authenticate(t.Context(), key.Token, "192.0.2.1")
	require.NoError(t, err)
	in := fleet.NewAPIKey{Name: "Less", Scopes: scopes[1:]}
	first, err := w.CreateAPIKey(t.Context(), a, "k", in)
	require.NoError(t, err)
	again, err := w.CreateAPIKey(t.Context(), a, "k", in)
	require.NoError(t, err)
	require.Equal(t, first.Token, again.Token)
}

func TestAnUploadWithTheSameKeyAndOtherBytesIsAMismatch(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		in := fleet.Upload{FileName: "app.apk", Key: "k"}
		first, err := w.UploadAPK(t.Context(), w.Actor("north"), in, tiny(t, "tiny.apk"))
		require.NoError(t, err)
		again, err := w.UploadAPK(t.Context(), w.Actor("north"), in, tiny(t, "tiny.apk"))
		require.NoError(t, err)
		require.Equal(t, first.ID, again.ID)
		before := atlastest.Contents(t, st)
		_, err = w.UploadAPK(t.Context(), w.Actor("north"), in, tiny(t, "tiny-othersigner.apk"))
		require.ErrorIs(t, err, atlas.ErrMismatch)
		require.True(t, before == atlastest.Contents(t, st))
		_, err = w.UploadAPK(t.Context(), w.Actor("south"), in, tiny(t, "tiny-othersigner.apk"))
		require.NoError(t, err, "another account's key is another key")
	})
}

func TestAnUploadThatIsNoAPKLeavesItsKeyUnused(t *testing.T) {
	t.Parallel()
	w := world(t)
	in := fleet.Upload{FileName: "app.apk", Key: "k"}
	_, err := w.UploadAPK(t.Context(), w.Actor("north"), in, noAPK())
	require.ErrorIs(t, err, fleet.ErrNotAPK)
	_, err = w.UploadAPK(t.Context(), w.Actor("north"), in, tiny(t, "tiny.apk"))
	require.NoError(t, err)
}

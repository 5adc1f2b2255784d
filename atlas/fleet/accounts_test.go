package fleet_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/store"
)

func TestAMoveTakesEverythingAlongAndEndsTheOldReach(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		w.Grant("north/a", 9)
		p := w.Enrolled("north/a/1")
		moved, err := w.MoveAccount(t.Context(), w.Actor("admin"), w.ID("north/a"), w.ID("south/b"))
		require.NoError(t, err)
		require.Equal(t, w.ID("south/b"), moved.ParentID)
		require.Equal(t, w.ID("south"), moved.Tenant)
		_, err = w.Device(t.Context(), w.Actor("north"), p.ID)
		require.ErrorIs(t, err, atlas.ErrNotFound)
		d, err := w.Device(t.Context(), w.Actor("south/b"), p.ID)
		require.NoError(t, err)
		require.Equal(t, w.ID("south"), d.Tenant)
		b, err := w.Credits(t.Context(), w.Actor("south"), w.ID("north/a"))
		require.NoError(t, err)
		require.EqualValues(t, 9, b.Posted, "credits stay with who has them")
		_, err = p.CheckIn(t.Context())
		require.NoError(t, err)
		atlastest.RequireNoCreditLost(t, w)
	})
}

func TestNoMoveMakesTheTreeDeeperThanItsBound(t *testing.T) {
	t.Parallel()
	w := world(t)
	// admin, north, north/a and six more sub resellers are nine levels.
	parent := "north/a"
	for i := range 6 {
		name := fmt.Sprintf("deep.%d", i)
		w.Add(parent, name, atlas.SubReseller)
		parent = name
	}
	_, err := w.CreateAccount(t.Context(), w.Actor("admin"), "", fleet.NewAccount{
		Username: "too.deep", Role: atlas.Client, ParentID: w.ID(parent), Password: atlastest.Password,
	})
	require.ErrorIs(t, err, atlas.ErrRefused)
	_, err = w.MoveAccount(t.Context(), w.Actor("north"), w.ID("north/b"), w.ID("deep.4"))
	require.ErrorIs(t, err, atlas.ErrRefused, "its clients would be too deep")
	_, err = w.MoveAccount(t.Context(), w.Actor("north"), w.ID("north/b"), w.ID("deep.3"))
	require.NoError(t, err, "they fit in there")
	_, err = w.MoveAccount(t.Context(), w.Actor("north"), w.ID("north/a"), w.ID("deep.1"))
	require.ErrorIs(t, err, atlas.ErrRefused, "nobody comes below themselves")
}

func TestSupportPermissionsNeverExceedTheParents(t *testing.T) {
	t.Parallel()
	w := world(t)
	view := atlas.OpenTicket | atlas.RequestView
	_, err := w.SetSupport(t.Context(), w.Actor("admin"), w.ID("north"), view)
	require.NoError(t, err)
	require.Equal(t, view, w.AccountOf("north/a").Support, "what an account loses all below it lose")
	require.Equal(t, atlas.OpenTicket, w.AccountOf("north/a/1").Support)
	_, err = w.SetSupport(t.Context(), w.Actor("north"), w.ID("north/a"), view|atlas.RequestControl)
	require.ErrorIs(t, err, atlas.ErrRefused)
	control := atlas.RequestControl
	_, err = w.CreateAccount(t.Context(), w.Actor("north"), "", fleet.NewAccount{
		Username: "new.sub", Role: atlas.SubReseller, ParentID: w.ID("north"), Password: atlastest.Password, Support: &control,
	})
	require.ErrorIs(t, err, atlas.ErrRefused)

	_, err = w.MoveAccount(t.Context(), w.Actor("admin"), w.ID("south/a"), w.ID("north"))
	require.NoError(t, err)
	require.Equal(t, view, w.AccountOf("south/a").Support, "a move takes what the new parent has not")
}

func TestAUsernameIsTakenInEveryCase(t *testing.T) {
	t.Parallel()
	w := world(t)
	in := fleet.NewAccount{Username: "NORTH.a", Role: atlas.Client, ParentID: w.ID("south"), Password: atlastest.Password}
	_, err := w.CreateAccount(t.Context(), w.Actor("south"), "", in)
	require.ErrorIs(t, err, atlas.ErrExists)
	_, err = w.SignIn(t.Context(), login("North.A", atlastest.Password))
	require.NoError(t, err)
}

func TestSetupIsForAnEmptyStoreOnly(t *testing.T) {
	t.Parallel()
	w := world(t)
	before := atlastest.Contents(t, w.Store)
	_, err := w.Setup(t.Context(), "second", "Second", atlastest.Password)
	require.ErrorIs(t, err, atlas.ErrExists)
	require.True(t, before == atlastest.Contents(t, w.Store))
}

func TestWhatAnAdminBlockedAResellerCantUnblock(t *testing.T) {
	t.Parallel()
	w := world(t)
	in, err := w.SignIn(t.Context(), login("north/a", atlastest.Password))
	require.NoError(t, err)
	_, err = w.BlockAccount(t.Context(), w.Actor("admin"), w.ID("north/a"))
	require.NoError(t, err)
	_, err = w.Authenticate(t.Context(), in.Token, "")
	require.ErrorIs(t, err, atlas.ErrUnauthenticated, "blocking ends sessions")
	_, err = w.ResumeAccount(t.Context(), w.Actor("north"), w.ID("north/a"))
	require.ErrorIs(t, err, atlas.ErrDenied)
	_, err = w.ResumeAccount(t.Context(), w.Actor("admin"), w.ID("north/a"))
	require.NoError(t, err)
	_, err = w.CloseAccount(t.Context(), w.Actor("north"), w.ID("north/a"))
	require.NoError(t, err)
	_, err = w.ResumeAccount(t.Context(), w.Actor("admin"), w.ID("north/a"))
	require.ErrorIs(t, err, atlas.ErrRefused, "closed is for good")
}

func TestAChangedPasswordEndsTheOtherSessions(t *testing.T) {
	t.Parallel()
	w := world(t)
	mine, err := w.SignIn(t.Context(), login("north", atlastest.Password))
	require.NoError(t, err)
	other, err := w.SignIn(t.Context(), login("north", atlastest.Password))
	require.NoError(t, err)
	a, err := w.Authenticate(t.Context(), mine.Token, "")
	require.NoError(t, err)
	require.ErrorIs(t, w.ChangePassword(t.Context(), a, "not the password", "a new long pass phrase"), atlas.ErrUnauthenticated)
	require.ErrorIs(t, w.ChangePassword(t.Context(), a, atlastest.Password, "short"), atlas.ErrInvalid)
	require.NoError(t, w.ChangePassword(t.Context(), a, atlastest.Password, "a new long pass phrase"))
	_, err = w.Authenticate(t.Context(), mine.Token, "")
	require.NoError(t, err)
	_, err = w.Authenticate(t.Context(), other.Token, "")
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
	_, err = w.SignIn(t.Context(), login("north", atlastest.Password))
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
	_, err = w.SignIn(t.Context(), login("north", "a new long pass phrase"))
	require.NoError(t, err)
}

package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/store"
)

// attack guesses at an account from many networks until nobody unknown may
// try for a while.
func attack(t *testing.T, w *atlastest.World, username string) {
	t.Helper()
	for i := range 40 {
		in := fleet.Login{Username: username, Password: "not the password", Origin: fmt.Sprintf("198.51.%d.1", i)}
		_, err := w.SignIn(t.Context(), in)
		var wait *identity.ThrottleError
		if errors.As(err, &wait) {
			w.Clock.Advance(wait.RetryAfter)
			_, err = w.SignIn(t.Context(), in)
		}
		require.ErrorIs(t, err, atlas.ErrUnauthenticated)
	}
}

// from is the right login of north from a browser.
func from(browser string) fleet.Login {
	in := login("north", atlastest.Password)
	in.Browser = browser
	return in
}

func TestAKnownBrowserSignsInDuringAnAttackThatKeepsOthersWaiting(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		known, err := w.SignIn(t.Context(), login("north", atlastest.Password))
		require.NoError(t, err)
		require.NotEmpty(t, known.Browser)
		attack(t, w, "north")
		_, err = w.SignIn(t.Context(), from(""))
		require.ErrorIs(t, err, atlas.ErrLimited)
		again, err := w.SignIn(t.Context(), from(known.Browser))
		require.NoError(t, err)
		require.Equal(t, known.Browser, again.Browser, "a browser stays the one it is")
		_, err = w.SignIn(t.Context(), from(""))
		require.ErrorIs(t, err, atlas.ErrLimited, "its success gives others no new start")
		in := from(known.Browser)
		in.Username, in.Origin = "NORTH", "198.51.5.1"
		_, err = w.Node(st).SignIn(t.Context(), in)
		require.NoError(t, err, "whichever node, case and network")
	})
}

func TestNoOtherTokenMakesABrowserKnown(t *testing.T) {
	t.Parallel()
	w := world(t)
	mine, err := w.SignIn(t.Context(), login("north", atlastest.Password))
	require.NoError(t, err)
	south, err := w.SignIn(t.Context(), login("south", atlastest.Password))
	require.NoError(t, err)
	attack(t, w, "north")
	name, mac, ok := strings.Cut(mine.Browser, ".")
	require.True(t, ok)
	for what, token := range map[string]string{
		"of another account": south.Browser,
		"the session's":      mine.Token,
		"without a MAC":      name,
		"with an empty MAC":  name + ".",
		"with no name":       "." + mac,
		"of another name":    name + "A." + mac,
		"made up":            "AAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"with more behind":   mine.Browser + "A",
	} {
		_, err = w.SignIn(t.Context(), from(token))
		require.ErrorIs(t, err, atlas.ErrLimited, what)
	}
	_, err = w.SignIn(t.Context(), from(mine.Browser))
	require.NoError(t, err)
}

func TestGuessesFromAKnownBrowserAreSlowedDownToo(t *testing.T) {
	t.Parallel()
	w := world(t)
	known, err := w.SignIn(t.Context(), login("north", atlastest.Password))
	require.NoError(t, err)
	guesses := 0
	for range 50 {
		in := from(known.Browser)
		in.Password = "not the password"
		if _, err = w.SignIn(t.Context(), in); errors.Is(err, atlas.ErrLimited) {
			break
		}
		require.ErrorIs(t, err, atlas.ErrUnauthenticated)
		guesses++
	}
	require.Equal(t, 6, guesses)
	_, err = w.SignIn(t.Context(), from(""))
	require.NoError(t, err, "the owner elsewhere does not wait for it")
}

func TestABrowserTokenOpensNothing(t *testing.T) {
	t.Parallel()
	w := world(t)
	known, err := w.SignIn(t.Context(), login("north", atlastest.Password))
	require.NoError(t, err)
	_, err = w.Authenticate(t.Context(), known.Browser, "")
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
	in := from(known.Browser)
	in.Password = ""
	_, err = w.SignIn(t.Context(), in)
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
}

// interrupted is a store in which something happens before the n-th Update.
type interrupted struct {
	store.Store
	n    int
	what func()
}

func (s *interrupted) Update(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	if s.n--; s.n == 0 {
		s.what()
	}
	return s.Store.Update(ctx, fn)
}

func TestAPasswordChangedBetweenTheCheckAndTheSessionOpensNoSession(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *atlastest.World) error{
		"reset": func(w *atlastest.World) error {
			return w.ResetPassword(t.Context(), w.Actor("admin"), w.ID("north"), "another good long password")
		},
		"changed": func(w *atlastest.World) error {
			return w.ChangePassword(t.Context(), w.Actor("north"), atlastest.Password, "another good long password")
		},
	} {
		w := world(t)
		st := &interrupted{Store: w.Store, n: 2, what: func() { require.NoError(t, change(w), name) }}
		in, err := w.Node(st).SignIn(t.Context(), login("north", atlastest.Password))
		require.LessOrEqual(t, st.n, 0, "the password was changed before the session")
		require.ErrorIs(t, err, atlas.ErrUnauthenticated, name)
		require.Empty(t, in)
		sessions, err := w.Sessions(t.Context(), w.Actor("north"), w.ID("north"))
		require.NoError(t, err)
		require.Empty(t, sessions, name)
		_, err = w.SignIn(t.Context(), login("north", "another good long password"))
		require.NoError(t, err, name)
	}
}

func TestAnAccountBlockedBetweenTheCheckAndTheSessionOpensNoSession(t *testing.T) {
	t.Parallel()
	w := world(t)
	st := &interrupted{Store: w.Store, n: 2, what: func() {
		_, err := w.BlockAccount(t.Context(), w.Actor("admin"), w.ID("north"))
		require.NoError(t, err)
	}}
	_, err := w.Node(st).SignIn(t.Context(), login("north", atlastest.Password))
	require.ErrorIs(t, err, atlas.ErrSuspended)
	sessions, err := w.Sessions(t.Context(), w.Actor("admin"), w.ID("north"))
	require.NoError(t, err)
	require.Empty(t, sessions)
}

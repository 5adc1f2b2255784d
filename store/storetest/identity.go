package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/store"
)

func identityCases() []proof {
	return []proof{
		{"InsertSessionIsErrExistsIfTheIDOrTokenHashIsTaken", sessionTaken},
		{"SessionIsFoundByTheBytesOfItsTokenHash", sessionByHash},
		{"SessionsAndAPIKeysAreThoseOfAnAccountNewestFirst", sessionsNewestFirst},
		{"DeleteSessionRemovesItAndOfAnUnknownIDIsNoError", deleteSession},
		{"DeleteSessionsRemovesAllButOneAndCounts", deleteSessions},
		{"ForgetAttemptsRemovesAtMostLimitWhoseLastIsBefore", forgetAttempts},
	}
}

func session(id string, of atlas.AccountID) identity.Session {
	return identity.Session{ID: id, AccountID: of, TokenHash: []byte("hash of " + id)}
}

func insertSessions(t *testing.T, st store.Store, ss ...identity.Session) {
	t.Helper()
	update(t, st, func(c ctx, x tx) {
		for _, s := range ss {
			require.NoError(t, x.Identity().InsertSession(c, s))
		}
	})
}

func sessionIDs(t *testing.T, st store.Store, of atlas.AccountID) []string {
	t.Helper()
	all := read(t, st, func(c ctx, x tx) ([]identity.Session, error) { return x.Identity().Sessions(c, of) })
	return ids(all, func(s identity.Session) string { return s.ID })
}

func sessionTaken(t *testing.T, st store.Store) {
	sameID, sameHash := session("1", "b"), session("2", "b")
	sameID.TokenHash, sameHash.TokenHash = []byte("other"), session("1", "a").TokenHash
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, x.Identity().InsertSession(c, session("1", "a")))
		require.ErrorIs(t, x.Identity().InsertSession(c, sameID), atlas.ErrExists)
		require.ErrorIs(t, x.Identity().InsertSession(c, sameHash), atlas.ErrExists)
	})
	require.Equal(t, []string{"1"}, sessionIDs(t, st, "a"))
	require.Empty(t, sessionIDs(t, st, "b"))
}

func sessionByHash(t *testing.T, st store.Store) {
	one, two := session("1", "a"), session("2", "a")
	one.TokenHash, two.TokenHash = []byte{0, 'a', 0xff}, []byte{0, 'A', 0xff}
	insertSessions(t, st, one, two)
	view(t, st, func(c ctx, x tx) {
		got, err := x.Identity().Session(c, two.TokenHash)
		require.NoError(t, err)
		same(t, stored(two), got)
		for _, none := range [][]byte{nil, {0}, {0, 'a'}, {0, 'a', 0xff, 0}} {
			_, err := x.Identity().Session(c, none)
			require.ErrorIs(t, err, atlas.ErrNotFound)
		}
	})
}

func sessionsNewestFirst(t *testing.T, st store.Store) {
	insertSessions(t, st, session("2", "a"), session("4", "A"), session("3", "a"), session("1", "a"))
	require.Equal(t, []string{"3", "2", "1"}, sessionIDs(t, st, "a"))
	require.Empty(t, sessionIDs(t, st, "b"))
	update(t, st, func(c ctx, x tx) {
		for i := range 4 {
			k := identity.APIKey{ID: num("k", i*3%4), AccountID: pick(i, atlas.AccountID("a"), "a", "a", "A")}
			require.NoError(t, x.Identity().InsertAPIKey(c, k))
		}
	})
	keys := read(t, st, func(c ctx, x tx) ([]identity.APIKey, error) { return x.Identity().APIKeys(c, "a") })
	require.Equal(t, []string{"k0003", "k0002", "k0000"}, ids(keys, func(k identity.APIKey) string { return k.ID }))
}

func deleteSession(t *testing.T, st store.Store) {
	insertSessions(t, st, session("1", "a"), session("2", "a"))
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, x.Identity().DeleteSession(c, "1"))
		require.NoError(t, x.Identity().DeleteSession(c, "1"))
		require.NoError(t, x.Identity().DeleteSession(c, "unknown"))
		_, err := x.Identity().Session(c, session("1", "a").TokenHash)
		require.ErrorIs(t, err, atlas.ErrNotFound)
	})
	require.Equal(t, []string{"2"}, sessionIDs(t, st, "a"))
	insertSessions(t, st, session("1", "a")) // its id and hash are free again
}

func deleteSessions(t *testing.T, st store.Store) {
	insertSessions(t, st, session("1", "a"), session("2", "a"), session("3", "a"), session("4", "A"))
	for _, step := range []struct {
		of     atlas.AccountID
		except string
		want   int64
		left   []string
	}{
		{"nobody", "", 0, []string{"3", "2", "1"}},
		{"a", "2", 2, []string{"2"}},
		{"a", "2", 0, []string{"2"}},
		{"a", "4", 1, []string{}},
	} {
		update(t, st, func(c ctx, x tx) {
			n, err := x.Identity().DeleteSessions(c, step.of, step.except)
			require.NoError(t, err)
			require.Equal(t, step.want, n)
		})
		require.Equal(t, step.left, sessionIDs(t, st, "a"))
	}
	require.Equal(t, []string{"4"}, sessionIDs(t, st, "A"))
}

func forgetAttempts(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		for i := range 7 {
			v := identity.Attempts{ID: num("a", i), Last: at.Add(time.Duration(i-4) * time.Microsecond)}
			require.NoError(t, x.Identity().PutAttempts(c, v))
		}
	})
	for _, want := range []int64{3, 1, 0} { // four are before, three at a time
		update(t, st, func(c ctx, x tx) {
			n, err := x.Identity().ForgetAttempts(c, at, 3)
			require.NoError(t, err)
			require.Equal(t, want, n)
		})
	}
	view(t, st, func(c ctx, x tx) {
		for i := range 7 {
			_, err := x.Identity().Attempts(c, num("a", i))
			if i < 4 {
				require.ErrorIs(t, err, atlas.ErrNotFound)
			} else {
				require.NoError(t, err)
			}
		}
	})
}

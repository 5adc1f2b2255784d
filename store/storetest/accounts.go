package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

func accountCases() []proof {
	return []proof{
		{"ByUsernameReturnsTheAccountOfThatKeyOrErrNotFound", byUsername},
		{"LineFollowsParentIDsHighestFirst", line},
		{"InsertIsErrExistsIfTheUsernameKeyIsTaken", usernameTaken},
		{"SaveIsErrExistsIfTheUsernameKeyIsAnothers", usernameAnothers},
		{"AnEmptyUsernameKeyIsAKeyLikeAnother", usernameEmpty},
		{"AFolderIsErrExistsIfItsParentHasOneOfThatName", folderName},
	}
}

func account(id atlas.AccountID, parent atlas.AccountID) atlas.Account {
	return atlas.Account{ID: id, UsernameKey: "KEY OF " + string(id), ParentID: parent, Path: "elsewhere/" + atlas.Path(id)}
}

func insertAccounts(t *testing.T, st store.Store, as ...atlas.Account) {
	t.Helper()
	update(t, st, func(c ctx, x tx) {
		for _, v := range as {
			require.NoError(t, x.Accounts().Insert(c, v))
		}
	})
}

func byUsername(t *testing.T, st store.Store) {
	insertAccounts(t, st, account("a", ""), account("b", "a"))
	view(t, st, func(c ctx, x tx) {
		got, err := x.Accounts().ByUsername(c, "KEY OF b")
		require.NoError(t, err)
		same(t, stored(account("b", "a")), got)
		for _, key := range []string{"", "key of b", "KEY OF c", "KEY OF %", "KEY OF b "} {
			_, err = x.Accounts().ByUsername(c, key)
			require.ErrorIs(t, err, atlas.ErrNotFound, "%q", key)
		}
	})
}

func line(t *testing.T, st store.Store) {
	want := []atlas.Account{account("z", ""), account("a", "z"), account("m", "a"), account("b", "m")}
	insertAccounts(t, st, want[2], want[0], want[3], want[1], account("beside", "a"), account("below", "b"))
	for i := range want {
		want[i] = stored(want[i])
	}
	view(t, st, func(c ctx, x tx) {
		for i, v := range want {
			got, err := x.Accounts().Line(c, v.ID)
			require.NoError(t, err)
			sameAll(t, want[:i+1], got)
		}
		_, err := x.Accounts().Line(c, "nobody")
		require.ErrorIs(t, err, atlas.ErrNotFound)
		_, err = x.Accounts().Line(c, "")
		require.ErrorIs(t, err, atlas.ErrNotFound)
	})
	update(t, st, func(c ctx, x tx) { // a new parent is a new line at once
		v := want[3]
		v.ParentID = "z"
		require.NoError(t, x.Accounts().Save(c, v))
		got, err := x.Accounts().Line(c, v.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"z", "b"}, ids(got, func(a atlas.Account) string { return string(a.ID) }))
	})
}

func usernameTaken(t *testing.T, st store.Store) {
	other := account("b", "")
	other.UsernameKey = account("a", "").UsernameKey
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, x.Accounts().Insert(c, account("a", "")))
		require.ErrorIs(t, x.Accounts().Insert(c, other), atlas.ErrExists)
		_, err := x.Accounts().Get(c, "b")
		require.ErrorIs(t, err, atlas.ErrNotFound)
	})
}

func usernameAnothers(t *testing.T, st store.Store) {
	first, second := stored(account("a", "")), stored(account("b", ""))
	insertAccounts(t, st, first, second)
	update(t, st, func(c ctx, x tx) {
		v := second
		v.UsernameKey, v.DisplayName = first.UsernameKey, "changed"
		require.ErrorIs(t, x.Accounts().Save(c, v), atlas.ErrExists)
		got, err := x.Accounts().Get(c, "b")
		require.NoError(t, err)
		same(t, second, got)

		renamed := first // what one gives up is free for the other
		renamed.UsernameKey = "ANOTHER"
		require.NoError(t, x.Accounts().Save(c, renamed))
		require.NoError(t, x.Accounts().Save(c, v))
		got, err = x.Accounts().ByUsername(c, v.UsernameKey)
		require.NoError(t, err)
		same(t, withVersion(v, 2), got)
	})
}

func usernameEmpty(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, x.Accounts().Insert(c, atlas.Account{ID: "a"}))
		require.ErrorIs(t, x.Accounts().Insert(c, atlas.Account{ID: "b"}), atlas.ErrExists)
	})
}

func folderName(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		for _, f := range []atlas.Folder{
			{ID: "1", OwnerID: "o", Name: "n"},
			{ID: "2", OwnerID: "p", Name: "n"}, // another owner's top
			{ID: "3", OwnerID: "o", ParentID: "1", Name: "n"},
			{ID: "4", OwnerID: "o", ParentID: "3", Name: "n"},
			{ID: "5", OwnerID: "o", Name: "N"},
		} {
			require.NoError(t, x.Folders().Insert(c, f))
			f.ID += "-again"
			require.ErrorIs(t, x.Folders().Insert(c, f), atlas.ErrExists)
		}
	})
}

package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

func collationCases() []proof {
	return []proof{
		{"TextsThatOnlyLookAlikeAreTwoIDs", distinct},
		{"OrderIsThatOfBytes", byteOrder},
		{"AfterComparesBytes", afterBytes},
		{"UniqueNamesCompareBytes", uniqueBytes},
		{"PathsCompareBytes", pathBytes},
	}
}

// lookalikes are texts that some collation, folding, normalisation, padding
// or pattern takes for one another, or sorts in another order than their
// bytes.
func lookalikes() []string {
	return []string{
		"a", "A", "b", "B", "z", "Z", "ab", "aB", "Ab", "a b", "a-b", "a_b", "a%b", "a.b", "a/b", "a0", "a ", " a", "-", "_", "%", "\\", "'",
		"\u00e4", "\u00c4", "a\u0308", "\u00e9", "e\u0301", "e", "\u00df", "ss", "i", "I", "\u0131", "\u0130", "k", "\u212a", "\U0001F4F1", "\uFFFD", "\u2028",
		"0", "00", "1", "10", "9", "null", "NULL",
	}
}

func distinct(t *testing.T, st store.Store) {
	texts := lookalikes()
	update(t, st, func(c ctx, x tx) {
		for _, s := range texts {
			id := atlas.AccountID(s)
			require.NoError(t, x.Accounts().Insert(c, atlas.Account{ID: id, UsernameKey: "name " + s, DisplayName: s}), "%q", s)
			require.NoError(t, x.Devices().Insert(c, atlas.Device{ID: atlas.DeviceID(s), KeyID: "key " + s, SupportID: "support " + s}), "%q", s)
			require.NoError(t, x.Ledger().SaveBalance(c, ledger.Balance{ID: id, Posted: 1}), "%q", s)
			require.NoError(t, x.Identity().PutAttempts(c, identity.Attempts{ID: s}), "%q", s)
		}
	})
	view(t, st, func(c ctx, x tx) {
		for _, s := range texts {
			a, err := x.Accounts().Get(c, atlas.AccountID(s))
			require.NoError(t, err)
			require.Equal(t, s, a.DisplayName)
			a, err = x.Accounts().ByUsername(c, "name "+s)
			require.NoError(t, err)
			require.Equal(t, s, a.DisplayName)
			d, err := x.Devices().ByKey(c, "key "+s)
			require.NoError(t, err)
			require.Equal(t, s, string(d.ID))
			ds, err := x.Devices().List(c, everywhere(), store.DeviceFilter{SupportID: "support " + s}, atlas.Page{})
			require.NoError(t, err)
			require.Len(t, ds, 1, "%q", s)
		}
	})
}

func byteOrder(t *testing.T, st store.Store) {
	texts := lookalikes()
	update(t, st, func(c ctx, x tx) {
		for i, s := range texts {
			require.NoError(t, x.Devices().Insert(c, atlas.Device{ID: atlas.DeviceID(s), KeyID: num("k", i), SupportID: num("s", i)}))
			require.NoError(t, x.Ledger().SaveBalance(c, ledger.Balance{ID: atlas.AccountID(s)}))
			require.NoError(t, x.Ledger().Append(c, ledger.Entry{ID: s, FromID: "f", ToID: "t", FromSeq: int64(i + 1), ToSeq: int64(i + 1)}))
		}
	})
	slices.Sort(texts)
	view(t, st, func(c ctx, x tx) {
		bs, err := x.Ledger().Balances(c)
		require.NoError(t, err)
		require.Equal(t, texts, ids(bs, func(b ledger.Balance) string { return string(b.ID) }))
		for i, s := range texts {
			es, err := x.Ledger().AllEntries(c, s, len(texts))
			require.NoError(t, err)
			require.Equal(t, texts[i+1:], ids(es, func(e ledger.Entry) string { return e.ID }), "after %q", s)
		}
		ds, err := x.Devices().List(c, everywhere(), store.DeviceFilter{}, atlas.Page{Limit: len(texts)})
		require.NoError(t, err)
		slices.Reverse(texts)
		require.Equal(t, texts, ids(ds, func(d atlas.Device) string { return string(d.ID) }))
	})
	slices.Sort(texts)
}

func afterBytes(t *testing.T, st store.Store) {
	texts := lookalikes()
	update(t, st, func(c ctx, x tx) {
		for _, s := range texts {
			require.NoError(t, x.Accounts().Insert(c, atlas.Account{ID: atlas.AccountID(s), UsernameKey: s}))
		}
	})
	view(t, st, func(c ctx, x tx) {
		for _, s := range texts {
			var want []string
			for _, o := range texts {
				if o < s {
					want = append(want, o)
				}
			}
			slices.SortFunc(want, func(a, b string) int { return strings.Compare(b, a) })
			got, err := x.Accounts().List(c, everywhere(), store.AccountFilter{}, atlas.Page{After: s, Limit: len(texts)})
			require.NoError(t, err)
			require.ElementsMatch(t, want, ids(got, func(a atlas.Account) string { return string(a.ID) }), "after %q", s)
		}
	})
}

func uniqueBytes(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		for i, s := range lookalikes() {
			id := num("f", i)
			require.NoError(t, x.Folders().Insert(c, atlas.Folder{ID: atlas.FolderID(id), OwnerID: "o", Name: s}), "%q", s)
			require.ErrorIs(t, x.Folders().Insert(c, atlas.Folder{ID: atlas.FolderID(id + "again"), OwnerID: "o", Name: s}), atlas.ErrExists)
			require.NoError(t, x.Accounts().Insert(c, atlas.Account{ID: atlas.AccountID(id), UsernameKey: s}), "%q", s)
		}
	})
}

// neighbours are paths next to root/a in some order, and inside a range or
// pattern that is drawn too widely.
func neighbours() []atlas.Path {
	return []atlas.Path{
		"root", "root/a", "root/a/b", "root/a/b/c", "root/a/0", "root/a-b", "root/a.b", "root/a b", "root/a0", "root/ab", "root/ab/c", "root/a_", "root/a%",
		"root/A", "root/A/b", "root/_", "root/_/b", "root/%", "root/%/b", "root/b", "rootless", "root-a", "root0", "r", "a", "a/root/a", "other/a",
		"root/\u00e9", "root/\u00e9/b", "root/e\u0301/b", "root/\U0001F4F1/b",
	}
}

func pathBytes(t *testing.T, st store.Store) {
	all := neighbours()
	update(t, st, func(c ctx, x tx) {
		for i, p := range all {
			d := device(i)
			d.Path = p
			require.NoError(t, x.Devices().Insert(c, d))
		}
	})
	view(t, st, func(c ctx, x tx) {
		for _, p := range all {
			for reach := atlas.Nowhere; reach <= atlas.Everywhere; reach++ {
				s := scope(reach, p)
				var want []string
				for _, q := range all {
					if s.Contains(q) {
						want = append(want, string(q))
					}
				}
				got, err := x.Devices().List(c, s, store.DeviceFilter{}, atlas.Page{Limit: atlas.MaxPage})
				require.NoError(t, err)
				require.ElementsMatch(t, want, ids(got, func(d atlas.Device) string { return string(d.Path) }), "%s of %q", reach, p)
			}
		}
	})
}

package storetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/store"
)

func auditCases() []proof {
	return []proof{
		{"UnsealedAreAtMostLimitWithoutAPlaceByID", unsealed},
		{"PlaceGivesPlacesInOrderAndSealedReturnsThem", place},
		{"PlaceIsErrStaleIfAnEventHasAPlace", placeTwice},
		{"PlaceIsErrStaleIfAPlaceIsTaken", placeTaken},
		{"HashesComeInTheOrderOfTheIndexesOrErrNotFound", hashes},
		{"AppendHashesIsErrExistsIfAnIndexIsTaken", hashTaken},
		{"HashesAreNotShared", hashesNotShared},
		{"CheckpointIsTheNewestOrZero", checkpoints},
		{"CheckpointsComeBackAsTheyWentIn", checkpointComesBack},
	}
}

func event(i int) audit.Event {
	return audit.Event{ID: num("e", i), At: at, Action: "x", Leaf: []byte(num("leaf", i)), Index: audit.Unsealed}
}

func eventID(e audit.Event) string { return e.ID }

func insertEvents(t *testing.T, st store.Store, numbers ...int) {
	t.Helper()
	update(t, st, func(c ctx, x tx) {
		for _, i := range numbers {
			require.NoError(t, x.Audit().Insert(c, event(i)))
		}
	})
}

func unsealedIDs(t *testing.T, st store.Store, limit int) []string {
	t.Helper()
	es := read(t, st, func(c ctx, x tx) ([]audit.Event, error) { return x.Audit().Unsealed(c, limit) })
	return ids(es, eventID)
}

func unsealed(t *testing.T, st store.Store) {
	insertEvents(t, st, 3, 1, 4, 2)
	require.Equal(t, []string{"e0001", "e0002", "e0003", "e0004"}, unsealedIDs(t, st, 10))
	require.Equal(t, []string{"e0001", "e0002", "e0003"}, unsealedIDs(t, st, 3))
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Audit().Place(c, 0, []string{"e0002"})) })
	require.Equal(t, []string{"e0001", "e0003", "e0004"}, unsealedIDs(t, st, 10))
}

func place(t *testing.T, st store.Store) {
	insertEvents(t, st, 1, 2, 3, 4, 5)
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, x.Audit().Place(c, 0, nil))
		require.NoError(t, x.Audit().Place(c, 0, []string{"e0004", "e0001"}))
		require.NoError(t, x.Audit().Place(c, 2, []string{"e0003", "e0005"}))
	})
	view(t, st, func(c ctx, x tx) {
		got, err := x.Audit().Sealed(c, 0, 10)
		require.NoError(t, err)
		var want []audit.Event
		for i, n := range []int{4, 1, 3, 5} {
			e := event(n)
			e.Index = int64(i)
			want = append(want, e)
		}
		sameAll(t, want, got)
		got, err = x.Audit().Sealed(c, 1, 2)
		require.NoError(t, err)
		sameAll(t, want[1:3], got)
		got, err = x.Audit().Sealed(c, 4, 2)
		require.NoError(t, err)
		require.Empty(t, got)
		one, err := x.Audit().Get(c, "e0003")
		require.NoError(t, err)
		same(t, want[2], one)
	})
}

func placeTwice(t *testing.T, st store.Store) {
	insertEvents(t, st, 1, 2)
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Audit().Place(c, 0, []string{"e0001"})) })
	for _, ids := range [][]string{{"e0001"}, {"e0002", "e0001"}} {
		err := st.Update(t.Context(), func(c ctx, x tx) error { return x.Audit().Place(c, 1, ids) })
		require.ErrorIs(t, err, atlas.ErrStale)
	}
	require.Equal(t, []string{"e0002"}, unsealedIDs(t, st, 10))
}

func placeTaken(t *testing.T, st store.Store) {
	insertEvents(t, st, 1, 2, 3)
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Audit().Place(c, 5, []string{"e0001"})) })
	for first, ids := range map[int64][]string{5: {"e0002"}, 4: {"e0002", "e0003"}} {
		err := st.Update(t.Context(), func(c ctx, x tx) error { return x.Audit().Place(c, first, ids) })
		require.ErrorIs(t, err, atlas.ErrStale)
	}
	require.Equal(t, []string{"e0002", "e0003"}, unsealedIDs(t, st, 10))
}

func hash(i int) []byte { return bytes.Repeat([]byte{byte(i)}, audit.HashSize) }

func hashes(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, x.Audit().AppendHashes(c, 0, nil))
		require.NoError(t, x.Audit().AppendHashes(c, 0, [][]byte{hash(0), hash(1)}))
		var more [][]byte
		for i := 2; i < 600; i++ {
			more = append(more, hash(i))
		}
		require.NoError(t, x.Audit().AppendHashes(c, 2, more))
	})
	view(t, st, func(c ctx, x tx) {
		for _, indexes := range [][]int64{{}, {0}, {5, 0, 599, 1}, {3, 3}, {599, 598, 597}} {
			got, err := x.Audit().Hashes(c, indexes)
			require.NoError(t, err)
			require.Len(t, got, len(indexes))
			for i, n := range indexes {
				require.Equal(t, hash(int(n)), got[i])
			}
		}
		for _, indexes := range [][]int64{{600}, {0, 600}, {-1}, {600, 0}} {
			_, err := x.Audit().Hashes(c, indexes)
			require.ErrorIs(t, err, atlas.ErrNotFound)
		}
	})
}

func hashTaken(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Audit().AppendHashes(c, 3, [][]byte{hash(3), hash(4)})) })
	for first, hs := range map[int64][][]byte{3: {hash(9)}, 4: {hash(9), hash(9)}, 2: {hash(9), hash(9)}} {
		err := st.Update(t.Context(), func(c ctx, x tx) error { return x.Audit().AppendHashes(c, first, hs) })
		require.ErrorIs(t, err, atlas.ErrExists)
	}
	got := read(t, st, func(c ctx, x tx) ([][]byte, error) { return x.Audit().Hashes(c, []int64{3, 4}) })
	require.Equal(t, [][]byte{hash(3), hash(4)}, got)
}

func hashesNotShared(t *testing.T, st store.Store) {
	in := [][]byte{hash(1)}
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Audit().AppendHashes(c, 0, in)) })
	clear(in[0])
	for range 2 {
		got := read(t, st, func(c ctx, x tx) ([][]byte, error) { return x.Audit().Hashes(c, []int64{0}) })
		require.Equal(t, hash(1), got[0])
		clear(got[0])
	}
}

func newest(t *testing.T, st store.Store) audit.Checkpoint {
	t.Helper()
	return read(t, st, func(c ctx, x tx) (audit.Checkpoint, error) { return x.Audit().Checkpoint(c) })
}

func checkpoints(t *testing.T, st store.Store) {
	require.Zero(t, newest(t, st))
	update(t, st, func(c ctx, x tx) {
		for _, size := range []int64{2, 9, 10} { // 10 is after 9 as a number only
			require.NoError(t, x.Audit().SaveCheckpoint(c, audit.Checkpoint{Size: size, Note: "note", At: at}))
		}
		for _, size := range []int64{2, 10} {
			again := audit.Checkpoint{Size: size, Note: "another", At: at.Add(time.Hour)}
			require.ErrorIs(t, x.Audit().SaveCheckpoint(c, again), atlas.ErrExists)
		}
	})
	require.Equal(t, audit.Checkpoint{Size: 10, Note: "note", At: at}, newest(t, st))
}

func checkpointComesBack(t *testing.T, st store.Store) {
	want := filled[audit.Checkpoint](awk, 0)
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Audit().SaveCheckpoint(c, want)) })
	require.Equal(t, want, newest(t, st))
}

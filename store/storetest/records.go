package storetest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// recordProof is a case that holds of every type of record that it is for.
type recordProof struct {
	name string
	is   bool // for this type
	test func(t *testing.T, st store.Store)
}

// recordCases tests each sentence on every type of record: one store for a
// sentence, one subtest for a type.
func recordCases() []proof {
	all := records()
	out := make([]proof, len(all[0].proofs()))
	for i, p := range all[0].proofs() {
		out[i] = proof{p.name, func(t *testing.T, st store.Store) {
			for _, r := range all {
				if p := r.proofs()[i]; p.is {
					t.Run(nameOf(r.typ()), func(t *testing.T) { p.test(t, st) })
				}
			}
		}}
	}
	return out
}

func (r record[T]) proofs() []recordProof {
	_, versioned := r.typ().FieldByName("Version")
	saved := r.change() != nil
	return []recordProof{
		{"ComeBackAsTheyWentIn", true, r.comesBack},
		{"TimesAreUTCInMicroseconds", true, r.instants},
		{"InsertStoresVersion1", versioned, r.firstVersion},
		{"AMissingOneIsErrNotFound", true, r.missing},
		{"ATakenIDIsErrExistsAndChangesNothing", r.insert != nil, r.taken},
		{"SaveComparesAndCountsVersions", saved, r.versions},
		{"SaveWritesEveryField", saved || r.replace != nil, r.saves},
		{"AreNotSharedWithTheCaller", true, r.notShared},
		{"ErrorKindsLeaveTheTxUsable", true, r.usable},
		{"NothingOfAFailedUpdateRemains", true, r.rollback},
	}
}

var awk = looks()[0]

// stored returns v as it is after it was first written.
func stored[T any](v T) T {
	if p := field[int64](&v, "Version"); p != nil {
		*p = 1
	}
	return v
}

func withVersion[T any](v T, n int64) T {
	if p := field[int64](&v, "Version"); p != nil {
		*p = n
	}
	return v
}

// copyIDs gives v the named fields of from.
func copyIDs[T any](v *T, from T, names []string) {
	for _, name := range names {
		reflect.ValueOf(v).Elem().FieldByName(name).Set(reflect.ValueOf(from).FieldByName(name))
	}
}

func (r record[T]) mustGet(t *testing.T, st store.Store, like T) T {
	t.Helper()
	return read(t, st, func(c ctx, x tx) (T, error) { return r.get(c, x, like) })
}

func (r record[T]) comesBack(t *testing.T, st store.Store) {
	var want []T
	for i, l := range looks() {
		want = append(want, filled[T](l, 3*i))
	}
	want = append(want, bare[T](30, r.keys))
	update(t, st, func(c ctx, x tx) {
		for _, v := range want {
			require.NoError(t, r.add(c, x, clone(v)))
			got, err := r.get(c, x, v)
			require.NoError(t, err)
			same(t, stored(v), got, "in the transaction that wrote it")
		}
	})
	for _, v := range want {
		same(t, stored(v), r.mustGet(t, st, v), "afterwards")
	}
}

func (r record[T]) instants(t *testing.T, st store.Store) {
	v, want := filled[T](awk, 0), filled[T](awk, 0)
	for i := range r.typ().NumField() {
		if in, ok := reflect.ValueOf(&v).Elem().Field(i).Addr().Interface().(*time.Time); ok {
			*in = in.Add(789).In(time.FixedZone("east", 2*3600+1800))
		}
	}
	update(t, st, func(c ctx, x tx) { require.NoError(t, r.add(c, x, v)) })
	same(t, stored(want), r.mustGet(t, st, want))
}

func (r record[T]) firstVersion(t *testing.T, st store.Store) {
	v := filled[T](awk, 0)
	update(t, st, func(c ctx, x tx) { require.NoError(t, r.add(c, x, withVersion(v, 41))) })
	require.EqualValues(t, 1, *field[int64](new(r.mustGet(t, st, v)), "Version"))
}

func (r record[T]) missing(t *testing.T, st store.Store) {
	view(t, st, func(c ctx, x tx) {
		_, err := r.get(c, x, filled[T](awk, 0))
		require.ErrorIs(t, err, atlas.ErrNotFound)
	})
}

func (r record[T]) taken(t *testing.T, st store.Store) {
	v, other := filled[T](awk, 0), filled[T](looks()[1], 5)
	copyIDs(&other, v, r.keys)
	update(t, st, func(c ctx, x tx) { require.NoError(t, r.add(c, x, v)) })
	update(t, st, func(c ctx, x tx) { require.ErrorIs(t, r.insert(c, x, other), atlas.ErrExists) })
	same(t, stored(v), r.mustGet(t, st, v))
}

func (r record[T]) versions(t *testing.T, st store.Store) {
	save, v := r.change(), filled[T](awk, 0)
	update(t, st, func(c ctx, x tx) {
		require.ErrorIs(t, save(c, x, withVersion(v, 1)), atlas.ErrStale, "it is not there yet")
		require.NoError(t, r.add(c, x, v))
	})
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, save(c, x, withVersion(v, 1)))
		for _, stale := range []int64{1, 0, -1, 3} {
			require.ErrorIs(t, save(c, x, withVersion(filled[T](awk, 0), stale)), atlas.ErrStale, "version %d of 2", stale)
		}
	})
	same(t, withVersion(v, 2), r.mustGet(t, st, v))
	update(t, st, func(c ctx, x tx) { require.NoError(t, save(c, x, withVersion(v, 2))) })
	same(t, withVersion(v, 3), r.mustGet(t, st, v))
}

func (r record[T]) saves(t *testing.T, st store.Store) {
	save := r.change()
	if save == nil {
		save = r.replace
	}
	v := filled[T](awk, 0)
	update(t, st, func(c ctx, x tx) { require.NoError(t, r.add(c, x, v)) })
	next := []T{filled[T](looks()[1], 5), bare[T](9, nil), filled[T](looks()[2], 7)}
	for i := range next {
		next[i] = withVersion(next[i], int64(i+1))
		copyIDs(&next[i], v, r.keys)
		update(t, st, func(c ctx, x tx) { require.NoError(t, save(c, x, next[i])) })
		same(t, withVersion(next[i], int64(i+2)), r.mustGet(t, st, v))
	}
}

func (r record[T]) notShared(t *testing.T, st store.Store) {
	want := filled[T](awk, 0)
	intact := func(c ctx, x tx, version int64, msg string) {
		got, err := r.get(c, x, want)
		require.NoError(t, err)
		same(t, withVersion(want, version), got, msg)
		scribble(got)
	}
	write := func(fn func(c ctx, x tx, v T) error, before, after int64) {
		update(t, st, func(c ctx, x tx) {
			in := clone(withVersion(want, before))
			require.NoError(t, fn(c, x, in))
			scribble(in)
			intact(c, x, after, "after a change of what went in")
			intact(c, x, after, "after a change of what came out")
		})
		for range 2 {
			view(t, st, func(c ctx, x tx) { intact(c, x, after, "in a later transaction") })
		}
	}
	write(r.add, 0, 1)
	if save := r.change(); save != nil {
		write(save, 1, 2)
	}
}

func (r record[T]) usable(t *testing.T, st store.Store) {
	v, w := filled[T](awk, 0), filled[T](awk, 5)
	update(t, st, func(c ctx, x tx) {
		_, err := r.get(c, x, v)
		require.ErrorIs(t, err, atlas.ErrNotFound)
		if save := r.change(); save != nil {
			require.ErrorIs(t, save(c, x, withVersion(v, 9)), atlas.ErrStale)
		}
		require.NoError(t, r.add(c, x, v))
		if r.insert != nil {
			require.ErrorIs(t, r.insert(c, x, v), atlas.ErrExists)
		}
		require.NoError(t, r.add(c, x, w))
	})
	same(t, stored(v), r.mustGet(t, st, v))
	same(t, stored(w), r.mustGet(t, st, w))
}

func (r record[T]) rollback(t *testing.T, st store.Store) {
	boom := errors.New("boom")
	v, w := filled[T](awk, 0), filled[T](awk, 5)
	update(t, st, func(c ctx, x tx) { require.NoError(t, r.add(c, x, w)) })
	changed := filled[T](looks()[1], 5)
	copyIDs(&changed, w, r.keys)
	err := st.Update(t.Context(), func(c ctx, x tx) error {
		require.NoError(t, r.add(c, x, v))
		if save := r.change(); save != nil {
			require.NoError(t, save(c, x, withVersion(changed, 1)))
		} else if r.replace != nil {
			require.NoError(t, r.replace(c, x, changed))
		}
		return boom
	})
	require.ErrorIs(t, err, boom)
	r.missing(t, st)
	same(t, stored(w), r.mustGet(t, st, w))
}

package storetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

func moveCases() []proof {
	return []proof{
		{"ChangesThePathAndWhatIsBelowInEveryRecordWithThePathsTenant", moves},
		{"LeavesEventsWhereTheyHappened", movesNoEvents},
		{"IsUndoneWithItsTransaction", moveRollback},
		{"OfAnEmptyPlaceChangesNothing", moveNothing},
	}
}

// moved is what Move promises for one path.
func moved(p, from, to atlas.Path) atlas.Path {
	if from.Contains(p) {
		return to + p[len(from):]
	}
	return p
}

// stays names the records that stay where they happened.
func stays(r kept) bool {
	return strings.HasPrefix(nameOf(r.typ()), "audit.") || strings.HasPrefix(nameOf(r.typ()), "security.")
}

// placed is a record of whatever type that has a path.
type placed interface {
	kept
	// move inserts a record at each path, has Move called and requires every
	// field to be as change says.
	move(t *testing.T, st store.Store, from, to atlas.Path, end error, change bool)
}

func placedRecords() (out []placed) {
	for _, r := range records() {
		if _, ok := r.typ().FieldByName("Path"); ok {
			out = append(out, r.(placed))
		}
	}
	return out
}

func (r record[T]) move(t *testing.T, st store.Store, from, to atlas.Path, end error, change bool) {
	before := make([]T, len(neighbours()))
	for i, p := range neighbours() {
		before[i] = filled[T](looks()[0], i)
		*field[atlas.Path](&before[i], "Path") = p
		*field[atlas.AccountID](&before[i], "Tenant") = p.Tenant()
	}
	update(t, st, func(c ctx, x tx) {
		for _, v := range before {
			require.NoError(t, r.add(c, x, v))
		}
	})
	err := st.Update(t.Context(), func(c ctx, x tx) error {
		require.NoError(t, x.Accounts().Move(c, from, to))
		return end
	})
	require.ErrorIs(t, err, end)
	for _, v := range before {
		want := stored(v)
		if p := field[atlas.Path](&want, "Path"); change && from.Contains(*p) {
			*p = moved(*p, from, to)
			*field[atlas.AccountID](&want, "Tenant") = p.Tenant()
		}
		same(t, want, r.mustGet(t, st, want), "%s from %s to %s", nameOf(r.typ()), from, to)
	}
	if change {
		r.moveBack(t, st, to, from, before)
	}
}

// moveBack returns everything, and so shows that a move reads what another
// one wrote.
func (r record[T]) moveBack(t *testing.T, st store.Store, from, to atlas.Path, before []T) {
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Accounts().Move(c, from, to)) })
	for _, v := range before {
		same(t, stored(v), r.mustGet(t, st, v), "%s back to %s", nameOf(r.typ()), to)
	}
}

func moves(t *testing.T, st store.Store) {
	for _, r := range placedRecords() {
		if stays(r) {
			continue
		}
		t.Run(nameOf(r.typ()), func(t *testing.T) { r.move(t, st, "root/a", "moved/deeper/a", nil, true) })
	}
	t.Run("WithWideCharacters", func(t *testing.T) {
		d := device(901)
		d.Path, d.Tenant = "root/\u00e9\U0001F4F1/b", "\u00e9\U0001F4F1"
		insertDevice(t, st, d)
		update(t, st, func(c ctx, x tx) {
			require.NoError(t, x.Accounts().Move(c, "root/\u00e9\U0001F4F1", "root/%\u00e9"))
		})
		got := read(t, st, func(c ctx, x tx) (atlas.Device, error) { return x.Devices().Get(c, d.ID) })
		require.Equal(t, atlas.Path("root/%\u00e9/b"), got.Path)
		require.Equal(t, atlas.AccountID("%\u00e9"), got.Tenant)
	})
	t.Run("ToTheTop", func(t *testing.T) {
		d := device(902)
		d.Path, d.Tenant = "w/x/y/z", "x"
		insertDevice(t, st, d)
		update(t, st, func(c ctx, x tx) { require.NoError(t, x.Accounts().Move(c, "w/x/y", "y")) })
		got := read(t, st, func(c ctx, x tx) (atlas.Device, error) { return x.Devices().Get(c, d.ID) })
		require.Equal(t, atlas.Path("y/z"), got.Path)
		require.Equal(t, atlas.AccountID("z"), got.Tenant)
	})
}

func movesNoEvents(t *testing.T, st store.Store) {
	n := 0
	for _, r := range placedRecords() {
		if stays(r) {
			n++
			t.Run(nameOf(r.typ()), func(t *testing.T) { r.move(t, st, "root/a", "moved/a", nil, false) })
		}
	}
	require.Equal(t, 2, n)
}

func moveRollback(t *testing.T, st store.Store) {
	boom := errors.New("boom")
	for _, r := range placedRecords() {
		r.move(t, st, "root/a", "moved/a", boom, false)
	}
}

func moveNothing(t *testing.T, st store.Store) {
	for _, r := range placedRecords() {
		t.Run(nameOf(r.typ()), func(t *testing.T) { r.move(t, st, "root/nobody", "moved/a", nil, false) })
	}
}

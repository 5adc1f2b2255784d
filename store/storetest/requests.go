package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

func requestCases() []proof {
	return []proof{
		{"DeleteBeforeForgetsAtMostLimitMadeBeforeAndCounts", deleteBefore},
	}
}

func deleteBefore(t *testing.T, st store.Store) {
	update(t, st, func(c ctx, x tx) {
		for i := range 7 {
			r := store.Request{ID: num("r", i), Input: []byte("in"), Result: []byte("out"), At: at.Add(time.Duration(i-5) * time.Microsecond)}
			require.NoError(t, x.Requests().Insert(c, r))
		}
	})
	for _, want := range []int64{3, 2, 0} { // five are before, three at a time
		update(t, st, func(c ctx, x tx) {
			n, err := x.Requests().DeleteBefore(c, at, 3)
			require.NoError(t, err)
			require.Equal(t, want, n)
		})
	}
	view(t, st, func(c ctx, x tx) {
		for i := range 7 {
			_, err := x.Requests().Get(c, num("r", i))
			if i < 5 {
				require.ErrorIs(t, err, atlas.ErrNotFound)
			} else {
				require.NoError(t, err)
			}
		}
	})
	update(t, st, func(c ctx, x tx) { // a forgotten id is free again
		require.NoError(t, x.Requests().Insert(c, store.Request{ID: "r0000"}))
	})
}

package store_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/privacy"
	"github.com/atlas-mdm/atlas-go/store"
)

func TestEveryStoredFieldIsInTheDataMap(t *testing.T) {
	t.Parallel()
	records := privacy.RecordsOf(reflect.TypeFor[store.Tx]())
	for _, known := range []reflect.Type{reflect.TypeFor[atlas.Device](), reflect.TypeFor[audit.Checkpoint](), reflect.TypeFor[store.Request]()} {
		require.Contains(t, records, known, "the walk goes through accessors, embedded interfaces and slices")
	}
	fields, err := privacy.Map(records...)
	require.NoError(t, err)
	require.Greater(t, len(fields), len(records))
}

func TestAFieldWithoutAClassIsFound(t *testing.T) {
	t.Parallel()
	type note struct {
		ID   string `data:"device.ref"`
		Text string
	}
	type notes interface {
		Insert(ctx context.Context, ns []note) error
	}
	type tx interface {
		store.Tx
		Notes() notes
	}
	_, err := privacy.Map(privacy.RecordsOf(reflect.TypeFor[tx]())...)
	require.ErrorIs(t, err, privacy.ErrUnclassified)
	require.ErrorContains(t, err, "note.Text")
	require.NotContains(t, err.Error(), "note.ID")
}

package privacy_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/privacy"
)

type (
	part struct{ Inside string }
	good struct {
		ID    string `data:"device.ref"`
		Parts []part `data:"device.apps"`
	}
	untagged struct {
		ID   string `data:"device.ref"`
		Name string
		Also int64
	}
	unknown struct {
		ID string `data:"device.nonsense"`
	}
	hidden struct {
		ID     string `data:"device.ref"`
		secret string //nolint:unused // found by its name only
	}
	goodFilter struct{ ID string }

	goods interface {
		Get(ctx context.Context, id string) (good, error)
		List(ctx context.Context, s atlas.Scope, f goodFilter, p atlas.Page) ([]good, error)
		Save(ctx context.Context, vs map[string]*untagged, at time.Time) error
	}
	root interface {
		Goods() goods
		Again() goods
	}
)

func TestRecordsOfFindsWhatIsKeptAndNotWhatAsks(t *testing.T) {
	t.Parallel()
	require.Equal(t, []reflect.Type{reflect.TypeFor[good](), reflect.TypeFor[untagged]()}, privacy.RecordsOf(reflect.TypeFor[root]()))
}

func TestMapHasEveryFieldInOrder(t *testing.T) {
	t.Parallel()
	fields, err := privacy.Map(reflect.TypeFor[good]())
	require.NoError(t, err)
	require.Len(t, fields, 2)
	require.Equal(t, "privacy_test.good", fields[1].Record)
	require.Equal(t, "Parts", fields[1].Field)
	require.Equal(t, "device.apps", fields[1].Class.Name)
}

func TestMapNamesEveryFieldWithoutAClass(t *testing.T) {
	t.Parallel()
	fields, err := privacy.Map(reflect.TypeFor[good](), reflect.TypeFor[untagged](), reflect.TypeFor[unknown](), reflect.TypeFor[hidden]())
	require.Nil(t, fields)
	require.ErrorIs(t, err, privacy.ErrUnclassified)
	require.ErrorIs(t, err, atlas.ErrInvalid)
	for _, name := range []string{"untagged.Name", "untagged.Also", "unknown.ID", "device.nonsense", "hidden.secret"} {
		require.ErrorContains(t, err, name)
	}
	require.NotContains(t, err.Error(), "good")
}

func TestMapRefusesWhatIsNoRecord(t *testing.T) {
	t.Parallel()
	_, err := privacy.Map(reflect.TypeFor[[]good]())
	require.ErrorIs(t, err, atlas.ErrInvalid)
}

func TestWriteKeepsTheTableWhole(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, privacy.Write(&b, []privacy.Field{{Record: "a|b", Field: "c\nd"}}))
	require.Contains(t, b.String(), `| a\|b | c d |`)
	require.Equal(t, 3, bytes.Count(b.Bytes(), []byte("\n")))
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteReturnsTheWritersError(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, privacy.Write(broken{}, nil), "disk full")
}

func Example() {
	type Note struct {
		DeviceID string `data:"device.ref"`
		Origin   string `data:"network"`
	}
	fields, err := privacy.Map(reflect.TypeFor[Note]())
	if err != nil {
		panic(err)
	}
	if err := privacy.Write(os.Stdout, fields); err != nil {
		panic(err)
	}
	// Output:
	// | Record | Field | Class | Category | Subject | Purposes | Retention | Sensitivity |
	// |---|---|---|---|---|---|---|---|
	// | privacy_test.Note | DeviceID | device.ref | device | device_user | operate | while_active | personal |
	// | privacy_test.Note | Origin | network | security | operator | security, abuse | network_address | personal |
}

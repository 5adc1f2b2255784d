package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

func event() audit.Event {
	return audit.Event{
		ID: "0198", At: at, ActorID: "r1", Impersonator: "root", DeviceID: "d1", Action: "device.transfer", TargetID: "d1", Path: "root/r1/c1",
	}
}

// The leaf is what is hashed: these bytes must come out of every later
// version as well, or old events could not be told from forged ones.
func TestTheLeafIsStable(t *testing.T) {
	t.Parallel()
	e, err := audit.New(event(), audit.Fact{Name: "from", Value: "c2"}, audit.Fact{Name: "to", Value: "<c1>\u00e9"})
	require.NoError(t, err)
	require.Equal(t, `{"v":1,"id":"0198","at":"2026-01-02T03:04:05.678901Z","actor":"r1","impersonator":"root","device":"d1",`+
		`"action":"device.transfer","target":"d1","path":"root/r1/c1","facts":[{"n":"from","v":"c2"},{"n":"to","v":"\u003cc1\u003e`+"\u00e9"+`"}]}`, string(e.Leaf))

	e, err = audit.New(audit.Event{ID: "1", At: at, Action: "system.start"})
	require.NoError(t, err)
	require.Equal(t, `{"v":1,"id":"1","at":"2026-01-02T03:04:05.678901Z","action":"system.start"}`, string(e.Leaf))
}

func TestANewEventHasATenantAndNoPlace(t *testing.T) {
	t.Parallel()
	in := event()
	in.Index, in.Tenant, in.Leaf = 7, "forged", []byte("forged")
	e, err := audit.New(in)
	require.NoError(t, err)
	require.Equal(t, audit.Unsealed, e.Index)
	require.Equal(t, atlas.AccountID("r1"), e.Tenant)
	require.NotContains(t, string(e.Leaf), "forged")
}

func TestTheSameMomentIsTheSameLeafInEveryZone(t *testing.T) {
	t.Parallel()
	here, err := audit.New(event())
	require.NoError(t, err)
	there := event()
	there.At = at.In(time.FixedZone("east", 7200))
	got, err := audit.New(there)
	require.NoError(t, err)
	require.Equal(t, here.Leaf, got.Leaf)
}

func TestFactsComeBackInOrder(t *testing.T) {
	t.Parallel()
	want := []audit.Fact{{Name: "b", Value: "1"}, {Name: "a", Value: ""}, {Name: "b", Value: "\u00e9\U0001F4F1'\"\\%"}}
	e, err := audit.New(event(), want...)
	require.NoError(t, err)
	got, err := e.Facts()
	require.NoError(t, err)
	require.Equal(t, want, got)
	e.Leaf = []byte("{")
	_, err = e.Facts()
	require.Error(t, err)
}

func TestALeafIsBounded(t *testing.T) {
	t.Parallel()
	_, err := audit.New(event(), audit.Fact{Name: "x", Value: strings.Repeat("x", audit.MaxLeaf)})
	require.ErrorIs(t, err, atlas.ErrLimited)
	empty, err := audit.New(event(), audit.Fact{Name: "x", Value: ""})
	require.NoError(t, err)
	full, err := audit.New(event(), audit.Fact{Name: "x", Value: strings.Repeat("x", audit.MaxLeaf-len(empty.Leaf))})
	require.NoError(t, err)
	require.Len(t, full.Leaf, audit.MaxLeaf)
}

func Example() {
	e, err := audit.New(audit.Event{
		ID: "1", At: at, ActorID: "north", Action: "credit.transfer", TargetID: "shop", Path: "root/north/shop",
	}, audit.Fact{Name: "amount", Value: "30"})
	fmt.Println(err, e.Tenant, e.Index)
	fmt.Println(string(e.Leaf))
	// Output:
	// <nil> north -1
	// {"v":1,"id":"1","at":"2026-01-02T03:04:05.678901Z","actor":"north","action":"credit.transfer","target":"shop","path":"root/north/shop","facts":[{"n":"amount","v":"30"}]}
}

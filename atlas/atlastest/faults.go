package atlastest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/store/memory"
)

// Sweep is a use case to be broken.
type Sweep struct {
	// Prepare makes what the use case needs and returns it. It is called on a
	// new world for each fault. The use case is called twice where the first
	// call failed, and has to be a repeat then: same key, same input.
	Prepare func(w *World) (useCase func(ctx context.Context) error)
	// Ended, unless nil, checks how the world is after a repeat, instead of
	// the comparison with a run without faults: for use cases such as signing
	// in, of which two are not one.
	Ended func(t testing.TB, w *World)
}

// ErrFault is what goes wrong in a sweep.
var ErrFault = errors.New("atlastest: fault")

// EachFault runs a use case over a memory store once to list its operations,
// then fails each of them in a world of its own: operations with an error,
// and every commit both ways, before it took effect and after. It requires
// that
//
//   - no panic and no other error than the fault comes out,
//   - the world is then as it is between two transactions of the run without
//     faults: untouched or whole,
//   - a repeat succeeds and leaves the world as one run does,
//   - no credit is lost.
//
// Worlds are compared by their [Contents] without identifiers, times,
// versions and secrets.
func EachFault(t testing.TB, s Sweep) {
	t.Helper()
	ops, between := s.record(t)
	for i, op := range ops {
		s.fail(t, ops, i, memory.Fault{Err: ErrFault}, between)
		if op == "commit" {
			s.fail(t, ops, i, memory.Fault{Err: ErrFault, Applied: true}, between)
		}
	}
}

// record returns the operations of a run without faults, and what the world
// is before and after each of its transactions.
func (s Sweep) record(t testing.TB) (ops, between []string) {
	t.Helper()
	st := memory.New(memory.Options{})
	w := New(t, st)
	useCase := s.Prepare(w)
	looking := false
	st.SetFault(func(op string) memory.Fault {
		if looking {
			return memory.Fault{}
		}
		if ops = append(ops, op); op == "begin" {
			looking = true
			between = append(between, shape(Contents(t, st)))
			looking = false
		}
		return memory.Fault{}
	})
	require.NoError(t, useCase(context.Background()))
	st.SetFault(nil)
	between = append(between, shape(Contents(t, st)))
	require.False(t, between[0] == between[len(between)-1], "the use case changes nothing")
	return ops, between
}

// fail runs the use case with the operation i failing.
func (s Sweep) fail(t testing.TB, ops []string, i int, f memory.Fault, between []string) {
	t.Helper()
	what := fmt.Sprintf("operation %d, %s (applied: %v) of %v", i, ops[i], f.Applied, ops)
	st := memory.New(memory.Options{})
	w := New(t, st)
	useCase := s.Prepare(w)
	n := 0
	st.SetFault(func(string) memory.Fault {
		if n++; n == i+1 {
			return f
		}
		return memory.Fault{}
	})
	if err := useCase(context.Background()); err != nil {
		require.ErrorIs(t, err, ErrFault, what)
	}
	require.Greater(t, n, i, "%s was not reached", what)
	st.SetFault(nil)
	if got := shape(Contents(t, st)); !slices.Contains(between, got) {
		require.Fail(t, "neither untouched nor whole after "+what, difference(between[0], got))
	}
	require.NoError(t, useCase(context.Background()), "repeat after "+what)
	if s.Ended != nil {
		s.Ended(t, w)
	} else if want, got := between[len(between)-1], shape(Contents(t, st)); want != got {
		require.Fail(t, "not as after one run: repeat after "+what, difference(want, got))
	}
	RequireNoCreditLost(t, w)
}

// difference returns the lines that only one of two shapes has.
func difference(want, got string) string {
	var out strings.Builder
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, line := range a {
		if !slices.Contains(b, line) {
			fmt.Fprintln(&out, "-", line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			fmt.Fprintln(&out, "+", line)
		}
	}
	return out.String()
}

var (
	identifier = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	passing    = regexp.MustCompile(`"(Version|Hash|TokenHash|Lookup|Sealed|Leaf|SupportID|Note)":("[^"]*"|[0-9]+)`)
	moment     = regexp.MustCompile(`"20[0-9]{2}-[0-9T:.-]+Z"`)
)

// shape returns contents without what another run has different: identifiers
// become numbers in order of appearance.
func shape(contents string) string {
	contents = moment.ReplaceAllString(passing.ReplaceAllString(contents, `"$1":0`), `"T"`)
	seen := map[string]string{}
	return identifier.ReplaceAllStringFunc(contents, func(id string) string {
		if _, ok := seen[id]; !ok {
			seen[id] = fmt.Sprintf("#%d", len(seen))
		}
		return seen[id]
	})
}

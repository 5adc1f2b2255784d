package pmap_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/store/memory/internal/pmap"
)

func ExampleMap() {
	old := pmap.Map[int]{}.With("root/a", 1).With("root/b", 2)
	changed := old.With("root/a/x", 3).Without("root/b")
	for k, v := range changed.Ascend("root/a", "") {
		fmt.Println(k, v)
	}
	fmt.Println(old.Len())
	// Output:
	// root/a 1
	// root/a/x 3
	// 2
}

// keys are few and short, so that they meet often.
func keys() *rapid.Generator[string] { return rapid.StringMatching(`[ab/0]{0,3}`) }

// requireSame compares a map with a plain one in all that can be asked of it.
func requireSame(t *rapid.T, want map[string]int, m pmap.Map[int], from, to string) {
	require.Equal(t, len(want), m.Len())
	require.Equal(t, want, maps.Collect(m.Ascend("", "")))
	var up, down []string
	for k := range m.Ascend(from, to) {
		up = append(up, k)
	}
	for k := range m.Descend(from, to) {
		down = append(down, k)
	}
	in := func(k string) bool { return k >= from && (to == "" || k < to) }
	var expect []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if in(k) {
			expect = append(expect, k)
		}
	}
	require.Equal(t, expect, up)
	slices.Reverse(down)
	require.Equal(t, expect, down)
}

func TestMapDoesWhatAPlainMapDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plain, m := map[string]int{}, pmap.Map[int]{}
		t.Repeat(map[string]func(*rapid.T){
			"with": func(t *rapid.T) {
				k, v := keys().Draw(t, "key"), rapid.Int().Draw(t, "value")
				plain[k], m = v, m.With(k, v)
			},
			"without": func(t *rapid.T) {
				k := keys().Draw(t, "key")
				delete(plain, k)
				m = m.Without(k)
			},
			"get": func(t *rapid.T) {
				k := keys().Draw(t, "key")
				want, has := plain[k]
				got, found := m.Get(k)
				require.Equal(t, has, found)
				require.Equal(t, want, got)
			},
			"": func(t *rapid.T) {
				requireSame(t, plain, m, keys().Draw(t, "from"), keys().Draw(t, "to"))
			},
		})
	})
}

func TestAnOldMapStaysAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			plain map[string]int
			m     pmap.Map[int]
		}
		now := version{plain: map[string]int{}}
		var past []version
		for range rapid.IntRange(1, 40).Draw(t, "changes") {
			past = append(past, version{plain: maps.Clone(now.plain), m: now.m})
			k := keys().Draw(t, "key")
			if rapid.Bool().Draw(t, "remove") {
				delete(now.plain, k)
				now.m = now.m.Without(k)
			} else {
				now.plain[k], now.m = len(past), now.m.With(k, len(past))
			}
		}
		for _, v := range past {
			requireSame(t, v.plain, v.m, "", "")
		}
	})
}

func TestAWalkCanBeLeft(t *testing.T) {
	t.Parallel()
	m := pmap.Map[int]{}
	for i := range 100 {
		m = m.With(strconv.Itoa(i), i)
	}
	for walk, want := range map[string][]string{"up": {"0", "1", "10"}, "down": {"99", "98", "97"}} {
		seq := m.Ascend("", "")
		if walk == "down" {
			seq = m.Descend("", "")
		}
		var got []string
		for k := range seq {
			if got = append(got, k); len(got) == 3 {
				break
			}
		}
		require.Equal(t, want, got, walk)
	}
}

func TestOneContentHasOneShape(t *testing.T) {
	t.Parallel()
	var up, down pmap.Map[int]
	for i := range 1000 {
		up = up.With(strconv.Itoa(i), i)
		down = down.With(strconv.Itoa(999-i), 999-i)
	}
	for i := range 1000 {
		up, down = up.With("x"+strconv.Itoa(i), i), down.With("y"+strconv.Itoa(i), i)
	}
	for i := range 1000 {
		up, down = up.Without("x"+strconv.Itoa(i)), down.Without("y"+strconv.Itoa(i))
	}
	require.Equal(t, up, down)
}

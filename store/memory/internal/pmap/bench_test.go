package pmap_test

import (
	"fmt"
	"testing"

	"github.com/atlas-mdm/atlas-go/store/memory/internal/pmap"
)

const rows = 100_000

func key(i int) string { return fmt.Sprintf("0190b6c1-%04x-7000-8000-%012d", i>>4, i) }

func full() pmap.Map[int] {
	var m pmap.Map[int]
	for i := range rows {
		m = m.With(key(i), i)
	}
	return m
}

func BenchmarkGet(b *testing.B) {
	m, k := full(), key(rows/2)
	for b.Loop() {
		m.Get(k)
	}
}

func BenchmarkWith(b *testing.B) {
	m := full()
	i := rows
	for b.Loop() {
		m.With(key(i), i)
		i++
	}
}

func BenchmarkWithout(b *testing.B) {
	m, k := full(), key(rows/2)
	for b.Loop() {
		m.Without(k)
	}
}

func BenchmarkFiftyOfRange(b *testing.B) {
	m, from := full(), key(rows/2)
	for b.Loop() {
		n := 0
		for range m.Ascend(from, "") {
			if n++; n == 50 {
				break
			}
		}
	}
}

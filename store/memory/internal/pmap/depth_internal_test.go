package pmap

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func (n *node[V]) depth() int {
	if n == nil {
		return 0
	}
	return 1 + max(n.left.depth(), n.right.depth())
}

// A random binary search tree of n keys is about 4.3 ln n deep (Devroye,
// 1986) for large n: 50 for 100,000. Rising keys make a plain one 100,000
// deep.
func TestRisingKeysMakeNoDeepTree(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"%08d", "0190b6c1-%08d-7000-8000-000000000000", "root/reseller/client\x00%08d"} {
		var m Map[int]
		for i := range 100_000 {
			m = m.With(fmt.Sprintf(format, i), i)
		}
		require.Less(t, m.root.depth(), 60, format)
	}
}

package panel

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
)

func TestEveryActionHasWords(t *testing.T) {
	t.Parallel()
	for _, rule := range atlas.Matrix() {
		require.NotEqual(t, string(rule.Action), deed(string(rule.Action)), "the audit page would show it raw")
	}
}

package demo

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThePackagesAreThoseOfPackageAPK(t *testing.T) {
	t.Parallel()
	for name, embedded := range map[string][]byte{"tiny.apk": tinyAPK, "tiny-othersigner.apk": forgedAPK} {
		original, err := os.ReadFile("../../../../apk/testdata/" + name)
		require.NoError(t, err)
		require.Equal(t, original, embedded, "%s: go generate copies it", name)
	}
}

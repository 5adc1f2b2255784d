package device_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/examples/agent/device"
)

func installed(t *testing.T, name string) device.FolderExecutor {
	t.Helper()
	x := device.FolderExecutor{Dir: t.TempDir(), SDK: 34}
	p, _ := order(t, name)
	require.NoError(t, x.Install(t.Context(), testdata+name, p))
	return x
}

func version(t *testing.T, x device.FolderExecutor) int64 {
	t.Helper()
	apps, err := x.Apps(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 1)
	return apps[0].VersionCode
}

func TestUpdateBySameSignerOrItsSuccessorIsInstalled(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tiny-v2.apk", "tiny-rotated.apk"} {
		x := installed(t, "tiny.apk")
		p, _ := order(t, name)
		require.NoError(t, x.Install(t.Context(), testdata+name, p), name)
		require.EqualValues(t, 2, version(t, x), name)
		files, err := filepath.Glob(filepath.Join(x.Dir, "apps", "*.apk"))
		require.NoError(t, err)
		require.Len(t, files, 1, "the file of the older version is gone")
	}
}

func TestUpdateByAnotherSignerIsRefused(t *testing.T) {
	t.Parallel()
	x := installed(t, "tiny.apk")
	p, _ := order(t, "tiny-othersigner.apk")
	require.ErrorIs(t, x.Install(t.Context(), testdata+"tiny-othersigner.apk", p), device.ErrFile)
}

func TestOlderVersionIsRefused(t *testing.T) {
	t.Parallel()
	x := installed(t, "tiny-v2.apk")
	p, _ := order(t, "tiny.apk")
	require.ErrorIs(t, x.Install(t.Context(), testdata+"tiny.apk", p), device.ErrFile)
	require.EqualValues(t, 2, version(t, x))
}

func TestSuccessorDoesNotGiveWayToItsPredecessor(t *testing.T) {
	t.Parallel()
	x := installed(t, "tiny-rotated.apk")
	p, _ := order(t, "tiny-v2.apk")
	require.ErrorIs(t, x.Install(t.Context(), testdata+"tiny-v2.apk", p), device.ErrFile)
}

func TestFileThatIsNotTheOrderedOneIsRefused(t *testing.T) {
	t.Parallel()
	x := device.FolderExecutor{Dir: t.TempDir(), SDK: 34}
	for _, name := range []string{"tiny-unsigned.apk"} {
		p, _ := order(t, name)
		require.ErrorIs(t, x.Install(t.Context(), testdata+name, p), device.ErrFile, name)
	}
	good, _ := order(t, "tiny.apk")
	wrong := good
	wrong.Package = "com.example.other"
	require.ErrorIs(t, x.Install(t.Context(), testdata+"tiny.apk", wrong), device.ErrFile)
	wrong = good
	wrong.VersionCode = 2
	require.ErrorIs(t, x.Install(t.Context(), testdata+"tiny.apk", wrong), device.ErrFile)
	wrong = good
	wrong.Signers = nil
	require.ErrorIs(t, x.Install(t.Context(), testdata+"tiny.apk", wrong), device.ErrFile)
	old := device.FolderExecutor{Dir: t.TempDir(), SDK: 23}
	require.ErrorIs(t, old.Install(t.Context(), testdata+"tiny.apk", good), device.ErrFile)
	apps, err := x.Apps(t.Context())
	require.NoError(t, err)
	require.Empty(t, apps)
}

func TestClearingAndRemovingTouchOneApplication(t *testing.T) {
	t.Parallel()
	x := installed(t, "tiny.apk")
	data, cache := filepath.Join(x.Dir, "data", tiny, "kept"), filepath.Join(x.Dir, "cache", tiny, "thumb")
	other := filepath.Join(x.Dir, "data", "com.example.other")
	require.NoError(t, os.MkdirAll(other, 0o700))
	for _, file := range []string{data, cache} {
		require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	}
	require.NoError(t, x.ClearCache(t.Context(), tiny))
	require.NoFileExists(t, cache)
	require.FileExists(t, data)
	require.NoError(t, x.ClearData(t.Context(), tiny))
	require.NoFileExists(t, data)
	require.NoError(t, x.Uninstall(t.Context(), tiny))
	require.NoError(t, x.Uninstall(t.Context(), tiny), "it is gone already")
	require.NoDirExists(t, filepath.Dir(data))
	require.DirExists(t, other)
	require.Error(t, x.ClearData(t.Context(), tiny))
	apps, err := x.Apps(t.Context())
	require.NoError(t, err)
	require.Empty(t, apps)
}

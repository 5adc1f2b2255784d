package atlastest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
)

// ending is a test that notes how it was ended.
type ending struct {
	testing.TB
	how, why string
}

func (e *ending) Helper() {}

func (e *ending) Skipf(format string, args ...any) { e.end("skipped", format, args...) }

func (e *ending) Fatalf(format string, args ...any) { e.end("failed", format, args...) }

func (e *ending) end(how, format string, args ...any) {
	e.how, e.why = how, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// run runs a test and returns how and why it was ended: "" if it was not.
func run(test func(testing.TB)) (how, why string) {
	e := &ending{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(e)
	}()
	<-done
	return e.how, e.why
}

// withPrograms leaves only the given programs on PATH.
func withPrograms(t *testing.T, names ...string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o755))
	}
	t.Setenv("PATH", dir)
}

func TestNeedLetsATestRunThatHasItsPart(t *testing.T) {
	withPrograms(t, "apksigner", "aapt", "aapt2", "google-chrome")
	for _, part := range []string{"apksigner", "aapt", "chromium"} {
		how, why := run(func(t testing.TB) { atlastest.Need(t, part) })
		require.Empty(t, how, why)
	}
}

func TestNeedSkipsWithoutThePart(t *testing.T) {
	withPrograms(t, "aapt") // one of its two programs
	t.Setenv("ATLAS_REQUIRE", "postgres,corpus")
	how, why := run(func(t testing.TB) { atlastest.Need(t, "aapt") })
	require.Equal(t, "skipped", how)
	require.Contains(t, why, "aapt2 was not found: apt-get install aapt")
}

func TestNeedFailsWithoutARequiredPart(t *testing.T) {
	withPrograms(t)
	t.Setenv("ATLAS_REQUIRE", "postgres, apksigner")
	how, why := run(func(t testing.TB) { atlastest.Need(t, "apksigner") })
	require.Equal(t, "failed", how)
	require.Contains(t, why, "ATLAS_REQUIRE")
}

func TestNeedFailsOnAPartItDoesNotKnow(t *testing.T) {
	how, why := run(func(t testing.TB) { atlastest.Need(t, "chrome") })
	require.Equal(t, "failed", how)
	require.Contains(t, why, `"chrome"`)
}

func TestNeedTakesANamedServerForPostgres(t *testing.T) {
	withPrograms(t)
	t.Setenv("ATLAS_TEST_POSTGRES", "postgres:///any")
	how, why := run(func(t testing.TB) { atlastest.Need(t, "postgres") })
	require.Empty(t, how, why)
}

func TestProgramSaysWhatIsNotFound(t *testing.T) {
	t.Parallel()
	_, err := atlastest.Program("no-such-program")
	require.ErrorIs(t, err, exec.ErrNotFound)
	require.ErrorContains(t, err, "no-such-program")
}

func TestCorpusDirIsTheFolderThatTheEnvironmentNames(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "apks"), 0o755))
	t.Setenv("ATLAS_CORPUS", dir)
	require.Equal(t, dir, atlastest.CorpusDir(t))
	require.Equal(t, filepath.Join(dir, "apks"), atlastest.CorpusDir(t, "apks"))
	atlastest.Need(t, "corpus")
}

func TestARelativeCorpusStartsAtTheRootOfTheModule(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"module/package", "shared/apk-corpus", "data"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "module", "go.mod"), nil, 0o644))
	t.Chdir(filepath.Join(root, "module", "package"))

	t.Setenv("ATLAS_CORPUS", "")
	require.Equal(t, filepath.Join(root, "shared"), atlastest.CorpusDir(t))
	t.Setenv("ATLAS_CORPUS", "../data")
	require.Equal(t, filepath.Join(root, "data"), atlastest.CorpusDir(t))
}

func TestCorpusDirIsMissing(t *testing.T) {
	t.Run("when the folder does not exist", func(t *testing.T) {
		t.Setenv("ATLAS_CORPUS", filepath.Join(t.TempDir(), "none"))
		t.Setenv("ATLAS_REQUIRE", "")
		how, _ := run(func(t testing.TB) { atlastest.Need(t, "corpus") })
		require.Equal(t, "skipped", how)
		t.Setenv("ATLAS_REQUIRE", "corpus")
		how, _ = run(func(t testing.TB) { atlastest.Need(t, "corpus") })
		require.Equal(t, "failed", how)
	})
	t.Run("when the default folder is something else", func(t *testing.T) {
		root := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(root, "module"), 0o755))
		require.NoError(t, os.Mkdir(filepath.Join(root, "shared"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, "module", "go.mod"), nil, 0o644))
		t.Chdir(filepath.Join(root, "module"))
		t.Setenv("ATLAS_CORPUS", "")
		t.Setenv("ATLAS_REQUIRE", "")
		how, _ := run(func(t testing.TB) { atlastest.CorpusDir(t) })
		require.Equal(t, "skipped", how)
	})
}

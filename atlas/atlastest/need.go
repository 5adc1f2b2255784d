package atlastest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// part is something real that a test can need: programs that must all be
// found (each under one of several names), and how to get them.
type part struct {
	programs [][]string
	get      string
}

var parts = map[string]part{
	"aapt":      {[][]string{{"aapt"}, {"aapt2"}}, "apt-get install aapt"},
	"apksigner": {[][]string{{"apksigner"}}, "apt-get install apksigner"},
	"chromium":  {[][]string{{"chromium", "google-chrome"}}, "apt-get install chromium fonts-dejavu-core"},
	"clamav":    {[][]string{{"clamd"}}, "apt-get install clamav-daemon"},
	"postgres":  {[][]string{{"postgres"}, {"initdb"}}, "apt-get install postgresql, or set ATLAS_TEST_POSTGRES to the URL of a server"},
}

// Need says that a test works with a real outside part and cannot run without
// it. Where the part is missing the test is skipped with a message that says
// how to get it; where the comma-separated list in the environment variable
// ATLAS_REQUIRE names the part, the test fails instead, so that a machine
// which is meant to have everything never passes by skipping.
//
// The parts are postgres, chromium, apksigner, aapt, clamav (the programs
// that [Program] finds) and corpus (the folder of [CorpusDir]). For postgres
// a server named by ATLAS_TEST_POSTGRES does as well. Any other name is a
// mistake in the test and fails it.
func Need(t testing.TB, part string) {
	t.Helper()
	if part == "corpus" {
		CorpusDir(t)
		return
	}
	p, ok := parts[part]
	if !ok {
		t.Fatalf("atlastest: no part is called %q", part)
	}
	if part == "postgres" && os.Getenv("ATLAS_TEST_POSTGRES") != "" {
		return
	}
	for _, names := range p.programs {
		if !slices.ContainsFunc(names, found) {
			missing(t, part, fmt.Sprintf("%s was not found: %s", strings.Join(names, " or "), p.get))
		}
	}
}

// CorpusDir returns a folder of the corpus of test data that is kept outside
// the source tree: its root, or the folder below it that elem names, as in
// CorpusDir(t, "apk-corpus"). The root is the environment variable
// ATLAS_CORPUS, "../shared" if unset; a relative path starts at the root of
// the module that is being tested. A folder that is not there is a missing
// part "corpus", with the consequences that [Need] describes.
func CorpusDir(t testing.TB, elem ...string) string {
	t.Helper()
	dir, given := os.LookupEnv("ATLAS_CORPUS")
	if !given || dir == "" {
		dir, given = filepath.Join("..", "shared"), false
	}
	if !filepath.IsAbs(dir) {
		root, err := moduleRoot()
		if err != nil {
			t.Fatalf("atlastest: %v", err)
		}
		dir = filepath.Join(root, dir)
	}
	marks := []string{filepath.Join(append([]string{dir}, elem...)...)}
	if !given { // a folder that merely has the default's name is not the corpus
		marks = append(marks, filepath.Join(dir, "apk-corpus"))
	}
	for _, m := range marks {
		if info, err := os.Stat(m); err != nil || !info.IsDir() {
			missing(t, "corpus", "no folder "+m+": set ATLAS_CORPUS to the folder of test data")
		}
	}
	return marks[0]
}

// Program returns the path of a program that is on PATH or where Debian puts
// the programs that it keeps off PATH: /usr/lib/postgresql/*/bin, of which the
// highest version wins, and /usr/sbin. The error matches [exec.ErrNotFound].
func Program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", fmt.Errorf("atlastest: program %s: %w", name, err)
	}
	slices.SortFunc(dirs, func(a, b string) int { return postgresVersion(b) - postgresVersion(a) })
	for _, dir := range append(dirs, "/usr/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("atlastest: program %s: %w", name, exec.ErrNotFound)
}

func found(name string) bool {
	_, err := Program(name)
	return err == nil
}

// postgresVersion reads 15 out of /usr/lib/postgresql/15/bin. Versions such as
// 9.6 count as 0: they are older than every version with one number.
func postgresVersion(bin string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0
	}
	return n
}

// missing ends the test, one way or the other.
func missing(t testing.TB, part, why string) {
	t.Helper()
	for name := range strings.SplitSeq(os.Getenv("ATLAS_REQUIRE"), ",") {
		if strings.TrimSpace(name) == part {
			t.Fatalf("needs %s, which ATLAS_REQUIRE lists: %s", part, why)
		}
	}
	t.Skipf("needs %s: %s", part, why)
}

// moduleRoot walks up from the working folder, which go test sets to that of
// the package under test, to the first go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above the working folder: %w", err)
		}
		dir = filepath.Dir(dir)
	}
}

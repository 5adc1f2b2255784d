package arrows_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the root of the module, from here.
var root = filepath.Join("..", "..", "..")

// pkg is what the go command says of a package, without its tests.
type pkg struct {
	ImportPath, Name, Dir string
	Imports, Deps         []string
	GoFiles               []string
	TestGoFiles           []string
	XTestGoFiles          []string
}

// path is the package's place below the root of the module.
func (p pkg) path() string { return strings.TrimPrefix(p.ImportPath, module) }

// packages lists the module's packages.
func packages(t *testing.T) []pkg {
	t.Helper()
	c := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Dir,Imports,Deps,GoFiles,TestGoFiles,XTestGoFiles", "./...")
	c.Dir, c.Stderr = root, os.Stderr
	out, err := c.Output()
	require.NoError(t, err)
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

func TestEveryImportFollowsAnArrow(t *testing.T) {
	t.Parallel()
	all := packages(t)
	require.NotEmpty(t, all)
	for _, p := range all {
		for _, breach := range imports(p) {
			t.Error(breach)
		}
	}
}

// imports returns a line for each import of p that no arrow allows.
func imports(p pkg) (breaches []string) {
	i := slices.IndexFunc(arrows, func(r row) bool { return fits(r.packages, p.path()) })
	if i < 0 {
		return []string{p.path() + " has no place: give it a row in the table of arrows"}
	}
	for _, to := range p.Imports {
		if to, foreign := outside(to); foreign && !fitsOne(arrows[i].imports, to) {
			breaches = append(breaches, fmt.Sprintf("%s may not import %s: the row is %q", p.path(), to, arrows[i].packages))
		}
	}
	if slices.Contains(p.Imports, "database/sql") && !fitsOne(sqlPackages, p.path()) {
		breaches = append(breaches, p.path()+" may not import database/sql: only backends know it")
	}
	return breaches
}

func TestTheLightPackagesBringNoThirdPartysCode(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, breach := range weight(p) {
			t.Error(breach)
		}
	}
}

// weight returns a line for each package in the closure of p, if p is light,
// that is not of the standard library and not light itself.
func weight(p pkg) (breaches []string) {
	if !fitsOne(light, p.path()) || fitsOne(testSupport, p.path()) {
		return nil
	}
	for _, to := range p.Deps {
		if to, foreign := outside(to); foreign && !fitsOne(light, to) {
			breaches = append(breaches, fmt.Sprintf("%s brings %s to everyone who imports it", p.path(), to))
		}
	}
	return breaches
}

func TestWhatBelongsToTestsAndProgramsStaysThere(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, breach := range leaks(p) {
			t.Error(breach)
		}
	}
}

// leaks returns a line for each package that p links, directly or not, and
// must not: what is for tests, and drivers other than in programs.
func leaks(p pkg) (breaches []string) {
	if fitsOne(testSupport, p.path()) {
		return nil
	}
	banned := slices.Concat(testSupport, checks, []string{"testing"})
	if !fits("examples/...", p.path()) {
		banned = slices.Concat(banned, drivers)
	}
	for _, to := range p.Deps {
		if to, _ := outside(to); fitsOne(banned, to) {
			breaches = append(breaches, fmt.Sprintf("%s links %s", p.path(), to))
		}
	}
	return breaches
}

func TestNoOtherTopLevelFolder(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	require.NoError(t, err)
	left := strings.Split(string(ignored), "\n") // what running the programs leaves behind
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(left, "/"+e.Name()+"/") {
			require.Contains(t, folders, e.Name(), "a folder at the top")
		}
	}
}

// The checks themselves, on imports that break each of them.
func TestBreachesAreFound(t *testing.T) {
	t.Parallel()
	at := func(path string, deps ...string) pkg {
		return pkg{ImportPath: module + path, Imports: deps, Deps: deps}
	}
	require.Empty(t, imports(at("ledger", module+"atlas", "fmt", "crypto/sha256")))
	require.NotEmpty(t, imports(at("ledger", module+"store")))
	require.NotEmpty(t, imports(at("ledger", "github.com/uptrace/bun")))
	require.NotEmpty(t, imports(at("atlas", module+"ledger")))
	require.NotEmpty(t, imports(at("apk/scan", module+"atlas")))
	require.NotEmpty(t, imports(at("atlas/fleet", module+"atlas/httpapi")))
	require.NotEmpty(t, imports(at("atlas/fleet", module+"store/memory")))
	require.NotEmpty(t, imports(at("store/memory", "database/sql")))
	require.NotEmpty(t, imports(at("store/memory", "github.com/uptrace/bun")))
	require.NotEmpty(t, imports(at("atlas/models")))
	require.NotEmpty(t, imports(at("util")))

	require.Empty(t, weight(at("store", module+"atlas", "time")))
	require.NotEmpty(t, weight(at("store", module+"atlas", module+"atlas/audit/sealed")))
	require.NotEmpty(t, weight(at("apk/internal/axml", "golang.org/x/text/cases")))

	require.Empty(t, leaks(at("store/storetest", "testing")))
	require.Empty(t, leaks(at("examples/mdm", "modernc.org/sqlite")))
	require.NotEmpty(t, leaks(at("store/sqlite", "modernc.org/sqlite")))
	require.NotEmpty(t, leaks(at("store/postgres", module+"store/postgres/postgrestest")))
	require.NotEmpty(t, leaks(at("store/memory", "github.com/stretchr/testify/require")))
	require.NotEmpty(t, leaks(at("examples/mdm", "testing")))
}

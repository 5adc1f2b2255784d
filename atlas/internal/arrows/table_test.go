package arrows_test

import (
	"slices"
	"strings"
)

const module = "github.com/atlas-mdm/atlas-go/"

// row says what the packages of a pattern may import beyond the standard
// library. Patterns are those of the go command, "atlas/..." for atlas and
// all below it; they name packages of this module relative to its root, and
// other modules' packages in full.
type row struct {
	packages string
	imports  []string
}

// The rules of the domains, without the adapters below them. A rule knows the
// shared words and, where one domain speaks of another's things, its rules.
var rules = []string{
	"ledger", "commands", "consent/...", "apk/intake",
	"atlas/activation", "atlas/activation/lease", "atlas/audit", "atlas/identity",
	"atlas/privacy", "atlas/publish", "atlas/security", "atlas/support",
}

// What stands on the contract of storage: the contract and all below it.
var contract = slices.Concat(rules, []string{"atlas", "atlas/internal/...", "apk", "apk/scan", "store", "store/blob"})

// What a use case may be made of.
var uses = slices.Concat(contract, []string{
	"apk/scan/...", "atlas/security/...", "atlas/audit/...", "atlas/identity/...", "atlas/privacy/...", "atlas/publish/...",
	"golang.org/x/sync/...", "golang.org/x/time/...",
})

// checks are the modules that only tests use.
var checks = []string{"github.com/stretchr/testify/...", "pgregory.net/rapid"}

// arrows is the whole import graph as it may be. The first row whose pattern
// fits a package is its row; a package without one has no place yet.
var arrows = []row{
	{"atlas", nil},
	{"atlas/internal/gendocs", []string{"atlas", "atlas/privacy", "store"}},
	{"atlas/internal/...", []string{"atlas", "atlas/internal/..."}},

	// Rules, each followed by the adapters that bring weight.
	{"ledger/...", []string{"atlas", "atlas/internal/...", "ledger/..."}},
	{"commands/...", []string{"atlas", "atlas/internal/...", "commands/..."}},
	{"consent/...", []string{"atlas", "atlas/internal/...", "consent/..."}},
	{"apk/intake", []string{"atlas", "atlas/internal/...", "apk", "apk/scan"}},
	{"apk/scan/...", []string{"apk/..."}},
	{"apk/internal/signtest", slices.Concat(checks, []string{"apk/internal/..."})},
	{"apk/...", []string{"apk/internal/...", "apk"}},
	{"atlas/activation/...", []string{"atlas", "atlas/internal/...", "atlas/activation/...", "ledger"}},
	{"atlas/audit/sealed/...", []string{"atlas", "atlas/internal/...", "atlas/audit/...", "golang.org/x/mod/sumdb/..."}},
	{"atlas/audit/...", []string{"atlas", "atlas/internal/..."}},
	{"atlas/identity/password", []string{"atlas", "atlas/internal/...", "atlas/identity", "golang.org/x/crypto/...", "golang.org/x/sync/...", "golang.org/x/text/..."}},
	{"atlas/identity/...", []string{"atlas", "atlas/internal/...", "atlas/identity/..."}},
	{"atlas/privacy/...", []string{"atlas", "atlas/internal/...", "atlas/privacy/...", "atlas/audit", "consent/..."}},
	{"atlas/security/...", []string{"atlas", "atlas/internal/...", "atlas/security/..."}},
	{"atlas/support/...", []string{"atlas", "atlas/internal/...", "atlas/support/..."}},
	{"atlas/publish/...", []string{"atlas", "atlas/internal/...", "atlas/publish/..."}},

	// Storage: the contract, its proof, its backends.
	{"store/blob/blobtest", slices.Concat(checks, []string{"atlas", "store/blob"})},
	{"store/blob/...", []string{"atlas", "atlas/internal/...", "store/blob/..."}},
	{"store/storetest/...", slices.Concat(contract, checks, []string{"store/storetest/...", "atlas/atlastest"})},
	{"store/postgres/postgrestest", []string{"atlas/atlastest", "github.com/jackc/pgx/v5/..."}},
	{"store/postgres/...", slices.Concat(contract, []string{"store/internal/...", "store/postgres/...", "github.com/uptrace/bun/...", "golang.org/x/sync/..."})},
	{"store/sqlite/...", slices.Concat(contract, []string{"store/internal/...", "store/sqlite/...", "github.com/uptrace/bun/...", "golang.org/x/sync/..."})},
	{"store/internal/...", slices.Concat(contract, []string{"store/internal/...", "github.com/uptrace/bun/..."})},
	{"store/memory/...", slices.Concat(contract, []string{"store/memory/..."})},
	{"store", contract},

	// Use cases and what carries them to the outside.
	{"atlas/fleet/...", slices.Concat(uses, []string{"atlas/fleet/...", "github.com/go-playground/validator/v10"})},
	{"atlas/relay/...", []string{"atlas", "atlas/internal/...", "atlas/relay/...", "consent/...", "golang.org/x/sync/...", "golang.org/x/time/..."}},
	{"atlas/webhook/...", slices.Concat(contract, []string{"atlas/webhook/...", "golang.org/x/sync/..."})},
	{"atlas/httpapi/httpsig", []string{"atlas", "atlas/internal/..."}},
	{"atlas/httpapi/...", slices.Concat(uses, []string{
		"atlas/fleet/...", "atlas/relay/...", "atlas/httpapi/...",
		"github.com/danielgtaylor/huma/v2/...", "github.com/go-playground/validator/v10",
	})},
	{"atlas/atlastest/...", slices.Concat(uses, checks, []string{
		"atlas/fleet/...", "atlas/relay/...", "atlas/httpapi/...", "atlas/atlastest/...", "store/memory", "store/blob/...",
	})},

	// Programs: whoever builds one brings what it needs.
	{"examples/...", []string{"..."}},
}

// light lists what an embedder gets without a third party's code: the whole
// closure of each is this module and the standard library.
var light = slices.Concat(contract, []string{"apk/...", "store/memory/...", "store/blob/fs", "store/blob/mem", "atlas/httpapi/httpsig", "atlas/httpapi/deviceproto"})

// testSupport lists the packages that are imported by tests only, and may
// themselves import what belongs to tests.
var testSupport = []string{"atlas/atlastest/...", "store/storetest/...", "store/blob/blobtest", "store/postgres/postgrestest", "apk/internal/signtest"}

// sqlPackages know that a database speaks SQL. Nothing else does.
var sqlPackages = []string{"store/internal/...", "store/postgres/...", "store/sqlite/...", "examples/..."}

// drivers know one database; programs choose theirs.
var drivers = []string{
	"github.com/jackc/pgx/...", "github.com/lib/pq/...", "github.com/uptrace/bun/driver/...", "modernc.org/...", "github.com/mattn/go-sqlite3",
}

// folders are the top-level folders; everything else lives in one of them.
var folders = []string{"apk", "atlas", "commands", "consent", "examples", "ledger", "store"}

// fits says whether the pattern names the package.
func fits(pattern, pkg string) bool {
	below, all := strings.CutSuffix(pattern, "...")
	if !all {
		return pattern == pkg
	}
	return strings.HasPrefix(pkg+"/", below)
}

func fitsOne(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return fits(p, pkg) })
}

// outside returns the import path as the patterns name it, and whether it is
// outside the standard library: only there has the first element no dot.
func outside(importPath string) (string, bool) {
	if name, ours := strings.CutPrefix(importPath, module); ours {
		return name, true
	}
	first, _, _ := strings.Cut(importPath, "/")
	return importPath, strings.Contains(first, ".")
}

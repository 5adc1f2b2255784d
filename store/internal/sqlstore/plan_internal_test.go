package sqlstore

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// listener keeps the statements that a store sends.
type listener struct{ sent []string }

func (l *listener) BeforeQuery(ctx context.Context, e *bun.QueryEvent) context.Context {
	l.sent = append(l.sent, e.Query)
	return ctx
}

func (l *listener) AfterQuery(context.Context, *bun.QueryEvent) {}

// SQLite has no statistics here, so whether a query finds an index depends
// on its words alone: each must search one, and none scan a table.
func TestEveryQueryOnSQLiteSearchesAnIndex(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "a.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, Migrate(t.Context(), tx, os.DirFS("../../sqlite/migrations")))
	require.NoError(t, tx.Commit())

	heard := &listener{}
	s := New(db, Config{Dialect: sqlitedialect.New(), LostRace: func(error) bool { return false }, Find: "instr", Instant: "?"})
	s.db = s.db.WithQueryHook(heard)
	for name, ask := range questions() {
		heard.sent = nil
		require.NoError(t, s.View(t.Context(), func(ctx context.Context, x store.Tx) error {
			require.NoError(t, ask(ctx, x), name)
			return nil
		}))
		require.NotEmpty(t, heard.sent, name)
		for _, q := range heard.sent {
			for _, step := range plan(t, db, q) {
				if step == "SCAN paid" || step == "SCAN got" { // the two halves of a page
					continue
				}
				require.NotRegexp(t, `^SCAN \w+$`, step, "%s: %s", name, q)
			}
		}
	}
}

func questions() map[string]func(context.Context, store.Tx) error {
	now, under := time.Unix(0, 0), atlas.SubtreeOf("a/b")
	d := atlas.Device{ID: "d", Path: "a/b"}
	return map[string]func(context.Context, store.Tx) error{
		"accounts": func(c context.Context, x store.Tx) error {
			return two(x.Accounts().List(c, under, store.AccountFilter{}, atlas.Page{}))
		},
		"devices": func(c context.Context, x store.Tx) error {
			return two(x.Devices().List(c, under, store.DeviceFilter{}, atlas.Page{}))
		},
		"devices, next": func(c context.Context, x store.Tx) error {
			return two(x.Devices().List(c, under, store.DeviceFilter{}, atlas.Page{After: "d"}))
		},
		"device count": func(c context.Context, x store.Tx) error {
			return two(x.Devices().Count(c, under, store.DeviceFilter{}))
		},
		"support id": func(c context.Context, x store.Tx) error {
			return two(x.Devices().List(c, under, store.DeviceFilter{SupportID: "s"}, atlas.Page{}))
		},
		"codes": func(c context.Context, x store.Tx) error {
			return two(x.Codes().List(c, under, store.CodeFilter{}, atlas.Page{}))
		},
		"lapsed codes":  func(c context.Context, x store.Tx) error { return two(x.Codes().Lapsed(c, now, 10)) },
		"refunded":      func(c context.Context, x store.Tx) error { return two(x.Ledger().Refunded(c, "e")) },
		"entries":       func(c context.Context, x store.Tx) error { return two(x.Ledger().Entries(c, "a", atlas.Page{})) },
		"expired holds": func(c context.Context, x store.Tx) error { return two(x.Ledger().ExpiredHolds(c, now, 10)) },
		"packages": func(c context.Context, x store.Tx) error {
			return two(x.Packages().InState(c, []intake.State{intake.Clean}, 10))
		},
		"same name":     func(c context.Context, x store.Tx) error { return two(x.Packages().SameName(c, "t", "n")) },
		"scans":         func(c context.Context, x store.Tx) error { return two(x.Packages().Scans(c, "p")) },
		"assignments":   func(c context.Context, x store.Tx) error { return two(x.Packages().Assignments(c, "p")) },
		"checksum":      func(c context.Context, x store.Tx) error { return two(x.Packages().BySHA256(c, "p")) },
		"open commands": func(c context.Context, x store.Tx) error { return two(x.Commands().Open(c, "d", 10)) },
		"late commands": func(c context.Context, x store.Tx) error { return two(x.Commands().Late(c, now, 10)) },
		"of a campaign": func(c context.Context, x store.Tx) error {
			return two(x.Commands().List(c, under, store.CommandFilter{CampaignID: "c"}, atlas.Page{}))
		},
		"of a package": func(c context.Context, x store.Tx) error {
			return two(x.Commands().List(c, under, store.CommandFilter{RefID: "c"}, atlas.Page{}))
		},
		"waiting":        func(c context.Context, x store.Tx) error { return two(x.Commands().Waiting(c, d, now, 10)) },
		"progress":       func(c context.Context, x store.Tx) error { return two(x.Commands().Progress(c, "c")) },
		"sessions":       func(c context.Context, x store.Tx) error { return two(x.Identity().Sessions(c, "a")) },
		"API keys":       func(c context.Context, x store.Tx) error { return two(x.Identity().APIKeys(c, "a")) },
		"security":       func(c context.Context, x store.Tx) error { return two(x.Security().List(c, under, atlas.Page{})) },
		"audit":          func(c context.Context, x store.Tx) error { return two(x.Audit().List(c, under, atlas.Page{})) },
		"audit unsealed": func(c context.Context, x store.Tx) error { return two(x.Audit().Unsealed(c, 10)) },
		"audit sealed":   func(c context.Context, x store.Tx) error { return two(x.Audit().Sealed(c, 5, 10)) },
	}
}

func two[T any](_ T, err error) error { return err }

// plan returns the steps of SQLite's plan for a query. One that reads a
// table from end to end is SCAN and the table, and nothing else.
func plan(t *testing.T, db *sql.DB, query string) (steps []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
		steps = append(steps, step)
	}
	require.NoError(t, rows.Err())
	return steps
}

func TestTheUnfinishedStatesInSQLAreThoseOfTheRules(t *testing.T) {
	t.Parallel()
	var open []string
	for _, s := range commands.States() {
		if !s.Final() {
			open = append(open, "'"+string(s)+"'")
		}
	}
	require.Equal(t, "state IN ("+strings.Join(open, ", ")+")", unfinished)
}

// A partial index serves a query only if its condition is among the query's,
// word for word on SQLite.
func TestConditionsOfIndexesAreThoseOfTheQueries(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../../sqlite/migrations/0001_records.sql", "../../postgres/migrations/0001_records.sql"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var conditions []string
		for line := range strings.Lines(string(text)) {
			if _, condition, ok := strings.Cut(line, " WHERE "); ok {
				conditions = append(conditions, strings.TrimSuffix(condition, ";\n"))
			}
		}
		for _, want := range []string{unfinished, codeWaits, holdOpen} {
			require.True(t, slices.Contains(conditions, want), "%s: %s", file, want)
		}
	}
}

// Package postgrestest gives tests a real PostgreSQL that is thrown away
// afterwards. It serves the tests of this module and those of whoever embeds
// it; programs never import it.
//
// [DB] and [DSN] share one server per test process, started on first use from
// the binaries on this machine, and make a database of its own for each call.
// The server listens on a unix socket in a folder of its own below /tmp and
// nowhere else, so that it cannot meet a server that is already there; where
// the test runs as root it runs as the user postgres or nobody. It is set for
// speed: nothing is flushed, and a crash of the machine would lose the data.
// Its default collation is not the order of bytes, so that a query that
// forgot to ask for COLLATE "C" shows. It ends with the test process, however
// that ends, and the next one removes what a killed process left in /tmp.
//
// Where the environment variable ATLAS_TEST_POSTGRES holds the URL (or the
// keyword DSN) of a server, databases are made there instead. The user must
// be allowed to create databases. Starting a server needs Linux; other
// systems need the variable.
//
// [Durable] is a server for tests of crashes: on its own, with everything that
// makes PostgreSQL durable switched on.
//
// A test that finds neither binaries nor the variable is skipped, or fails
// where ATLAS_REQUIRE says so: see atlastest.Need.
package postgrestest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
)

// patience bounds each step that waits for a server: generous, because it
// only decides how long a hanging server can hold up a test.
const patience = time.Minute

// DB returns an open pool of connections to a new, empty database. When the
// test ends the pool is closed and the database dropped.
func DB(t testing.TB) *sql.DB {
	t.Helper()
	return Open(t, DSN(t))
}

// DSN returns the URL of a new, empty database, for code that opens its own
// connections: postgres:///name?host=/tmp/...&user=postgres&sslmode=disable.
// When the test ends the database is dropped, with whatever is still
// connected to it.
func DSN(t testing.TB) string {
	t.Helper()
	server := serverURL(t)
	name := "atlas_" + strings.ToLower(rand.Text())
	statement(t, server.String(), "CREATE DATABASE "+name)
	t.Cleanup(func() { statement(t, server.String(), "DROP DATABASE "+name+" WITH (FORCE)") })
	return withDatabase(server, name)
}

// Open returns a pool of connections to the database that dsn names, and
// closes it when the test ends. Statements are sent in pgx's
// QueryExecModeExec, which prepares nothing: the way that suits SQL with its
// arguments already in it, and connection poolers.
func Open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("postgrestest: close: %v", err)
		}
	})
	return db
}

// shared is the server of this process. It has to be a variable of the
// package: tests that run one after another have nothing else in common.
var shared struct {
	sync.Mutex
	server *server
}

// Stop ends the server that [DB] and [DSN] share and removes its files. It is
// for a TestMain that wants to leave nothing in /tmp; without it the server
// ends with the process and the next test process removes the files. A later
// call of DB or DSN starts a new server.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.remove()
		shared.server = nil
	}
}

// serverURL returns the URL of the server on which to make databases.
func serverURL(t testing.TB) *url.URL {
	t.Helper()
	atlastest.Need(t, "postgres")
	if dsn := os.Getenv("ATLAS_TEST_POSTGRES"); dsn != "" {
		u, err := toURL(dsn)
		if err != nil {
			t.Fatalf("postgrestest: ATLAS_TEST_POSTGRES: %v", err)
		}
		return u
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		shared.server = give(t, fast)
	}
	return shared.server.url()
}

// statement runs one statement on a connection of its own.
func statement(t testing.TB, dsn, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience) // t.Context has ended when cleaning up
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, text); err != nil {
		t.Fatalf("postgrestest: %s: %v", text, err)
	}
}

package fleet_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/memory"
	"github.com/atlas-mdm/atlas-go/store/postgres"
	"github.com/atlas-mdm/atlas-go/store/postgres/postgrestest"
	"github.com/atlas-mdm/atlas-go/store/sqlite"
)

var errOtherCodes = errors.New("a repeat issued other codes")

// world returns a world in memory.
func world(t testing.TB) *atlastest.World {
	t.Helper()
	return atlastest.New(t, memory.New(memory.Options{}))
}

// onSQLite returns an empty store over a new file.
func onSQLite(t testing.TB) store.Store {
	t.Helper()
	db, err := sql.Open("sqlite", sqlite.DSN(filepath.Join(t.TempDir(), "atlas.db")))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, sqlite.Migrate(context.Background(), db))
	return sqlite.New(db, sqlite.Options{})
}

// onPostgres returns an empty store over a new database, and the database.
func onPostgres(t testing.TB) (store.Store, *sql.DB) {
	t.Helper()
	atlastest.Need(t, "postgres")
	db := postgrestest.DB(t)
	require.NoError(t, postgres.Migrate(context.Background(), db))
	return postgres.New(db, postgres.Options{}), db
}

// eachStore runs a test on every backend.
func eachStore(t *testing.T, test func(t *testing.T, st store.Store)) {
	t.Helper()
	for name, open := range map[string]func(t testing.TB) store.Store{
		"memory":   func(testing.TB) store.Store { return memory.New(memory.Options{Repeat: 0.2, Seed: 7}) },
		"sqlite":   onSQLite,
		"postgres": func(t testing.TB) store.Store { st, _ := onPostgres(t); return st },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// tiny opens one of the real, signed APKs that are kept beside package apk.
func tiny(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "apk", "testdata", name))
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// upload brings an APK in for an account.
func upload(t testing.TB, w *atlastest.World, owner, name string) intake.Package {
	t.Helper()
	p, err := w.UploadAPK(context.Background(), w.Actor(owner), fleet.Upload{FileName: name}, tiny(t, name))
	require.NoError(t, err)
	return p
}

// clean brings an APK in and through the scanners.
func clean(t testing.TB, w *atlastest.World, owner, name string) intake.Package {
	t.Helper()
	p := upload(t, w, owner, name)
	_, err := w.ScanPending(context.Background())
	require.NoError(t, err)
	got, err := w.APK(context.Background(), w.Actor(owner), p.ID)
	require.NoError(t, err)
	require.Equal(t, intake.Clean, got.State, got.Reason)
	return got.Package
}

// assigned is clean, and assigned to the owner's whole subtree.
func assigned(t testing.TB, w *atlastest.World, owner, name string) intake.Package {
	t.Helper()
	p := clean(t, w, owner, name)
	_, err := w.AssignAPK(context.Background(), w.Actor(owner), "", p.ID, fleet.AssignTarget{AccountID: w.ID(owner)})
	require.NoError(t, err)
	return p
}

// devices is the target of a list of phones.
func devices(phones ...*atlastest.Phone) fleet.Target {
	var t fleet.Target
	for _, p := range phones {
		t.DeviceIDs = append(t.DeviceIDs, p.ID)
	}
	return t
}

// send sends a command to one phone and returns its id.
func send(t testing.TB, w *atlastest.World, by string, kind commands.Kind, params string, phones ...*atlastest.Phone) string {
	t.Helper()
	in := fleet.NewCommand{Kind: kind, Target: devices(phones...)}
	if params != "" {
		in.Params = []byte(params)
	}
	sent, err := w.SendCommand(context.Background(), w.Actor(by), "", in)
	require.NoError(t, err)
	return sent.ID
}

// stateOf returns where a command is.
func stateOf(t testing.TB, w *atlastest.World, id string) commands.State {
	t.Helper()
	c, err := w.Command(context.Background(), w.Actor("admin"), id)
	require.NoError(t, err)
	return c.State
}

func login(name, password string) fleet.Login {
	return fleet.Login{Username: strings.ReplaceAll(name, "/", "."), Password: password, Origin: "203.0.113.9", UserAgent: "test"}
}

func codesOf(c fleet.IssuedCode) store.CodeFilter { return store.CodeFilter{BatchID: c.BatchID} }

// newest is the first page of a list.
var newest atlas.Page

// noAPK is a file that is no APK.
func noAPK() io.Reader { return strings.NewReader("certainly not an APK") }

var nowhere = io.Discard

// hashes are what the store keeps of secrets of north, as JSON has them.
func hashes(t testing.TB, w *atlastest.World, token, keyID, codeID string) []string {
	t.Helper()
	var out []string
	require.NoError(t, w.Store.View(context.Background(), func(ctx context.Context, tx store.Tx) error {
		c, err := tx.Identity().Credential(ctx, w.ID("north"))
		if err != nil {
			return err
		}
		k, err := tx.Identity().APIKey(ctx, keyID)
		if err != nil {
			return err
		}
		code, err := tx.Codes().Code(ctx, codeID)
		if err != nil {
			return err
		}
		h, err := identity.HashToken(token)
		if err != nil {
			return err
		}
		out = []string{c.Hash}
		for _, b := range [][]byte{k.Hash, h, code.Lookup, code.Sealed} {
			out = append(out, base64.StdEncoding.EncodeToString(b))
		}
		return nil
	}))
	for _, s := range out {
		require.NotEmpty(t, s)
	}
	return out
}

package postgrestest_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/store/postgres/postgrestest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgrestest.Stop()
	os.Exit(code)
}

func setting(t *testing.T, db *sql.DB, name string) (value string) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT current_setting($1)", name).Scan(&value))
	return value
}

func TestEachCallHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	one, two := postgrestest.DB(t), postgrestest.DB(t)
	for _, db := range []*sql.DB{one, two} {
		_, err := db.ExecContext(t.Context(), "CREATE TABLE mine (id int)")
		require.NoError(t, err)
	}
	_, err := one.ExecContext(t.Context(), "INSERT INTO mine VALUES (1)")
	require.NoError(t, err)
	var rows int
	require.NoError(t, two.QueryRowContext(t.Context(), "SELECT count(*) FROM mine").Scan(&rows))
	require.Zero(t, rows)
}

func TestDatabaseIsDroppedWhenTheTestEnds(t *testing.T) {
	t.Parallel()
	var dsn string
	t.Run("inner", func(t *testing.T) {
		dsn = postgrestest.DSN(t)
		left, err := pgx.Connect(t.Context(), dsn) // still connected when the test ends
		require.NoError(t, err)
		require.NoError(t, left.Ping(t.Context()))
	})
	_, err := pgx.Connect(t.Context(), dsn)
	require.ErrorContains(t, err, "does not exist")
}

func TestDefaultCollationIsNotTheOrderOfBytes(t *testing.T) {
	if os.Getenv("ATLAS_TEST_POSTGRES") != "" {
		t.Skip("the collation is that of ATLAS_TEST_POSTGRES")
	}
	t.Parallel()
	var wrong bool
	require.NoError(t, postgrestest.DB(t).QueryRowContext(t.Context(), "SELECT 'a' < 'B'").Scan(&wrong))
	require.True(t, wrong)
}

func TestAServerCanBeNamedByURLOrKeywords(t *testing.T) {
	dsn := postgrestest.DSN(t)
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	keywords := fmt.Sprintf("host='%s' user = postgres dbname=%s sslmode=disable application_name='it\\'s \\\\ me'",
		u.Query().Get("host"), u.Path[1:])
	asParameter := "postgresql:///?dbname=" + u.Path[1:] + "&" + u.RawQuery
	for _, server := range []string{dsn, keywords, asParameter} {
		t.Setenv("ATLAS_TEST_POSTGRES", server)
		fresh := postgrestest.DSN(t)
		require.NotContains(t, fresh, u.Path[1:])
		db := postgrestest.Open(t, fresh)
		require.NoError(t, db.PingContext(t.Context()))
		if server == keywords {
			require.Equal(t, `it's \ me`, setting(t, db, "application_name"))
		}
	}
}

func TestADurableServerKeepsWhatWasCommittedWhenKilled(t *testing.T) {
	t.Parallel()
	server := postgrestest.Durable(t)
	db := postgrestest.Open(t, server.DSN())
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes", "autovacuum"} {
		require.Equal(t, "on", setting(t, db, name), name)
	}
	_, err := db.ExecContext(t.Context(), "CREATE TABLE kept (id int)")
	require.NoError(t, err)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "INSERT INTO kept VALUES (1)")
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO kept VALUES (2)")
	require.NoError(t, err)

	server.Kill()
	require.Error(t, db.PingContext(t.Context()))
	server.Start()

	var ids string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT string_agg(id::text, ',') FROM kept").Scan(&ids))
	require.Equal(t, "2", ids)
}

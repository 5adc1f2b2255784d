package postgrestest_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/store/postgres/postgrestest"
)

func TestDSNIsAURLThatNamesASocket(t *testing.T) {
	if os.Getenv("ATLAS_TEST_POSTGRES") != "" {
		t.Skip("the server of ATLAS_TEST_POSTGRES may be reached otherwise")
	}
	t.Parallel()
	u, err := url.Parse(postgrestest.DSN(t))
	require.NoError(t, err)
	require.Equal(t, "postgres", u.Scheme)
	require.Empty(t, u.Host)
	require.True(t, strings.HasPrefix(u.Query().Get("host"), "/tmp/"), u)
	require.Empty(t, setting(t, postgrestest.DB(t), "listen_addresses"))
}

func TestKillStopsAStatementInFlight(t *testing.T) {
	t.Parallel()
	server := postgrestest.Durable(t)
	db := postgrestest.Open(t, server.DSN())
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	var backend int
	require.NoError(t, conn.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&backend))
	ended := make(chan error, 1)
	go func() {
		_, err := conn.ExecContext(t.Context(), "SELECT count(*) FROM generate_series(1, 1000000000)")
		ended <- err
	}()
	require.Eventually(t, func() bool {
		var state string
		err := db.QueryRowContext(t.Context(), "SELECT state FROM pg_stat_activity WHERE pid = $1", backend).Scan(&state)
		return err == nil && state == "active"
	}, time.Minute, 10*time.Millisecond)
	server.Kill()
	require.Error(t, <-ended)
	require.Eventually(t, func() bool { // the kernel is still burying it when its files are closed
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", backend))
		return errors.Is(err, os.ErrNotExist) || strings.Contains(string(stat), ") Z ")
	}, time.Minute, time.Millisecond)
}

// The process that starts a server is killed, as by a time-out: it is this
// test binary, run again. The server must go with it, and its folder with the
// next process that starts one.
func TestAKilledProcessLeavesNothing(t *testing.T) {
	const child = "ATLAS_POSTGRESTEST_CHILD"
	t.Setenv("ATLAS_TEST_POSTGRES", "")
	if os.Getenv(child) != "" {
		fmt.Println("url " + postgrestest.DSN(t))
		select {}
	}
	atlastest.Need(t, "postgres")
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	c.Env = append(os.Environ(), child+"=1")
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	var dsn string
	_, err = fmt.Fscanf(out, "url %s\n", &dsn)
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)

	require.NoError(t, c.Process.Kill())
	require.Error(t, c.Wait())
	require.Eventually(t, func() bool { return conn.Ping(t.Context()) != nil }, time.Minute, 10*time.Millisecond)
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	folder := u.Query().Get("host")
	require.DirExists(t, filepath.Join(folder, "data"))
	postgrestest.Durable(t)
	require.NoDirExists(t, folder)
}

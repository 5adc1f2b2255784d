package postgrestest

import (
	"errors"
	"testing"
)

// errSystem: that a server ends with the test process is a promise which only
// Linux lets us keep.
var errSystem = errors.New("a server is started on Linux only; elsewhere set ATLAS_TEST_POSTGRES to the URL of one")

// give starts a server, or ends the test that wanted it.
func give(t testing.TB, settings []string) *server {
	t.Helper()
	s, err := newServer(settings)
	if errors.Is(err, errSystem) {
		t.Skipf("postgrestest: %v", err)
	}
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	return s
}

// The settings in which the two kinds of server differ, as arguments of the
// program postgres. What durable leaves out is on by default, but for
// settings that a build may have changed.
var (
	fast = []string{
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off",
		"wal_level=minimal", "max_wal_senders=0", "shared_buffers=48MB", "max_connections=200",
	}
	durable = []string{
		"fsync=on", "synchronous_commit=on", "full_page_writes=on", "autovacuum=on",
		"shared_buffers=48MB", "max_connections=200",
	}
)

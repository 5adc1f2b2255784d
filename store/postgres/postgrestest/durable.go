package postgrestest

import (
	"testing"

	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
)

// Server is a PostgreSQL of one test's own that can be killed and started
// again on the data it left. Its methods are for the goroutine of the test.
type Server struct {
	t      testing.TB
	server *server
}

// Durable starts a server with fsync, synchronous_commit, full_page_writes
// and autovacuum on. It serves tests of what remains after a crash, and of
// how storage grows. It is always started from the binaries on this machine,
// whatever ATLAS_TEST_POSTGRES says, and ended when the test ends.
func Durable(t testing.TB) *Server {
	t.Helper()
	atlastest.Need(t, "postgres")
	if _, err := atlastest.Program("postgres"); err != nil {
		t.Skipf("postgrestest: a server of its own needs the binaries: %v", err)
	}
	s := give(t, durable)
	t.Cleanup(s.remove)
	return &Server{t: t, server: s}
}

// DSN returns the URL of the server's one database, which is empty at first.
// It stays the same across [Server.Kill] and [Server.Start].
func (s *Server) DSN() string {
	return s.server.url().String()
}

// Kill sends SIGKILL to the server and to each of its processes, so that
// nothing in flight gets any further, and returns when all of them have gone.
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.server.kill(); err != nil {
		s.t.Fatalf("postgrestest: kill: %v", err)
	}
}

// Start starts a killed server on the same data and returns when it has
// recovered and accepts connections. Pools that were open before dial anew.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.server.start(); err != nil {
		s.t.Fatalf("postgrestest: start: %v", err)
	}
}

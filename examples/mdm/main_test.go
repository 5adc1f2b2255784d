package main

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asMain, when set, makes the binary of the tests the program itself.
const asMain = "ATLAS_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// mainProgram starts the program as a process of its own.
func mainProgram(t *testing.T, args ...string) (*exec.Cmd, *output) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	out := newOutput()
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asMain+"=1")
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	return cmd, out
}

func waitFor(t *testing.T, out *output, pattern string) string {
	t.Helper()
	re, end := regexp.MustCompile(pattern), time.After(2*time.Minute)
	for {
		if m := re.FindStringSubmatch(out.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-out.news:
		case <-end:
			require.FailNow(t, "not seen: "+pattern, out.String())
		}
	}
}

package main_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAScannerThatDoesNotAnswerNeverLetsAPackageThrough(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := build(t, "memory:", dir)
	s.args = []string{"-clamd", filepath.Join(dir, "nobody-listens")}
	s.run(t)
	admin := &api{s: s}
	admin.login(t, "admin", adminPassword)
	app := admin.upload(t, "../../apk/testdata/tiny.apk")
	path := "/v1/apks/" + app["id"].(string)
	admin.eventually(t, path, "state", "error")
	require.Never(t, func() bool { return admin.get(t, path)["state"] == "clean" }, time.Second, 100*time.Millisecond)
}

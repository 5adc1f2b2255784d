package main_test

import (
	"net/http"
	"path/filepath"
	"testing"
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
	admin.refused(t, path+"/file", http.StatusConflict)
}

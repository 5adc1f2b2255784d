package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/examples/agent/internal/script"
)

func TestAgentEnrolsInstallsAndStops(t *testing.T) {
	t.Parallel()
	server := script.Start(atlas.SystemClock())
	defer server.Close()
	const file = "../../apk/testdata/tiny.apk"
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	info, err := apk.InspectFile(file, apk.Options{})
	require.NoError(t, err)
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	server.With(func(s *script.Server) { s.Files[digest] = content })
	server.Send("c1", "app.install", deviceproto.Install{
		Package: info.Package, VersionCode: info.VersionCode, Size: info.Size, SHA256: digest, Signers: []string{info.Signature.Signers[0].SHA256},
	})
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-server", server.URL, "-code", "CODE", "-state", dir, "-name", "Till 3", "-once", "-v"}, &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	require.Equal(t, "device device-1, support id 7K2M9QXR\n", stdout.String())
	require.Equal(t, "succeeded", server.Ended[script.ID("c1", 1)].Outcome)
	require.Equal(t, "Till 3", server.Device.Name)
	require.FileExists(t, filepath.Join(dir, "device", "apps", info.Package+".json"))
	require.NotContains(t, stderr.String(), "CODE")

	code = run(t.Context(), []string{"-server", server.URL, "-state", dir, "-once"}, &stdout, &stderr)
	require.Equal(t, 0, code, "the code is for the first start")
	require.Equal(t, 1, server.Enrolled)
}

func TestInterruptEndsTheAgentWithoutAnError(t *testing.T) {
	t.Parallel()
	server := script.Start(atlas.SystemClock())
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server.With(func(s *script.Server) {
		s.Fault = func(path string) script.Fault {
			if path == deviceproto.PathWait {
				cancel()
			}
			return script.None
		}
	})
	var out bytes.Buffer
	require.Equal(t, 0, run(ctx, []string{"-server", server.URL, "-code", "CODE", "-state", t.TempDir()}, &out, &out), out.String())
}

func TestWrongCallsAndRefusalsAreToldApart(t *testing.T) {
	t.Parallel()
	server := script.Start(atlas.SystemClock())
	defer server.Close()
	for _, c := range []struct {
		code int
		args []string
	}{
		{2, nil},
		{2, []string{"-server", server.URL, "more"}},
		{2, []string{"-server", server.URL, "-dns", "9.9.9.9"}},
		{2, []string{"-nonsense"}},
		{0, []string{"-h"}},
		{1, []string{"-server", "http://mdm.example.com", "-state", t.TempDir()}},
		{1, []string{"-server", server.URL, "-state", t.TempDir(), "-once"}},
		{1, []string{"-server", server.URL, "-state", t.TempDir(), "-code", "WRONG"}},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, c.code, run(t.Context(), c.args, &stdout, &stderr), c.args)
		require.Empty(t, stdout.String())
		require.NotEmpty(t, stderr.String())
		require.NotContains(t, stderr.String(), "WRONG")
	}
}

func TestNamesAreAskedOfTheGivenServer(t *testing.T) {
	t.Parallel()
	asked, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer asked.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var once sync.WaitGroup
	once.Go(func() {
		buf := make([]byte, 512)
		if n, _, err := asked.ReadFrom(buf); err == nil && bytes.Contains(buf[:n], []byte("mdm\x07example")) {
			cancel()
		}
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://mdm.example.com/", nil)
	require.NoError(t, err)
	_, err = client(asked.LocalAddr().String()).Do(req)
	require.ErrorIs(t, err, context.Canceled)
	once.Wait()
}

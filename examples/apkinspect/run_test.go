package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func testdata(name string) string { return filepath.Join("..", "..", "apk", "testdata", name) }

func call(t *testing.T, args ...string) (code int, lines []map[string]any, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	for l := range strings.Lines(out.String()) {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(l), &m), l)
		lines = append(lines, m)
	}
	return code, lines, errs.String()
}

func TestVerifiedFileExitsZero(t *testing.T) {
	t.Parallel()
	code, lines, _ := call(t, testdata("tiny.apk"))
	require.Equal(t, 0, code)
	require.Len(t, lines, 1)
	require.Equal(t, "dev.atlasmdm.tiny", lines[0]["package"])
	require.EqualValues(t, 1, lines[0]["version_code"])
	require.Equal(t, true, lines[0]["signature"].(map[string]any)["verified"])
	require.Empty(t, lines[0]["error"])
}

func TestOneUnverifiedFileAmongSeveralExitsOne(t *testing.T) {
	t.Parallel()
	code, lines, _ := call(t, "-json", testdata("tiny.apk"), testdata("tiny-unsigned.apk"), testdata("tiny-v2.apk"))
	require.Equal(t, 1, code)
	require.Len(t, lines, 3)
}

func TestUnreadableFileIsALineWithAnError(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "note.txt")
	require.NoError(t, os.WriteFile(text, []byte("no package\n"), 0o600))
	for _, name := range []string{text, t.TempDir(), filepath.Join(t.TempDir(), "missing.apk")} {
		code, lines, _ := call(t, name)
		require.Equal(t, 1, code)
		require.NotEmpty(t, lines[0]["error"])
		require.Equal(t, name, lines[0]["file"])
	}
	_, lines, _ := call(t, text)
	require.EqualValues(t, 11, lines[0]["size"])
	require.Len(t, lines[0]["sha256"], 64)
}

// Programs read these names; they may only be added to.
func TestEveryPromisedFieldIsThereAndArraysAreNeverNull(t *testing.T) {
	t.Parallel()
	fields := strings.Fields(`file size sha256 package version_code version_name label min_sdk target_sdk debuggable permissions
		native_abis signature findings provisioning error`)
	signature := strings.Fields("verified schemes signers lineage source_stamp errors warnings")
	arrays := []string{"permissions", "native_abis", "findings", "schemes", "signers", "lineage", "errors", "warnings"}
	for _, name := range []string{"tiny.apk", "tiny-unsigned.apk", "missing.apk"} {
		_, lines, _ := call(t, testdata(name))
		sig := lines[0]["signature"].(map[string]any)
		for _, f := range fields {
			require.Contains(t, lines[0], f)
		}
		for _, f := range signature {
			require.Contains(t, sig, f)
		}
		require.Contains(t, lines[0]["provisioning"], "package_checksum")
		require.Contains(t, lines[0]["provisioning"], "signature_checksum")
		for k, v := range lines[0] {
			require.False(t, slices.Contains(arrays, k) && v == nil, k)
		}
		for k, v := range sig {
			require.False(t, slices.Contains(arrays, k) && v == nil, k)
		}
	}
}

func TestSignersHaveEveryPromisedField(t *testing.T) {
	t.Parallel()
	_, lines, _ := call(t, testdata("tiny.apk"))
	signers := lines[0]["signature"].(map[string]any)["signers"].([]any)
	for _, f := range strings.Fields("scheme sha256 subject issuer not_before not_after key") {
		require.Contains(t, signers[0], f)
	}
}

func TestWrongUseExitsTwo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{},
		{"-json"},
		{"-nonsense", "x.apk"},
		{"-min-sdk", "x", "x.apk"},
		{"-min-sdk", "-1", "x.apk"},
		{"-min-sdk", "30", "-max-sdk", "29", "x.apk"},
		{"-v4", "x.idsig", "a.apk", "b.apk"},
	} {
		code, lines, stderr := call(t, args...)
		require.Equal(t, 2, code, args)
		require.Empty(t, lines)
		require.NotEmpty(t, stderr)
	}
}

func TestRangeOfSDKLevelsReachesTheVerdict(t *testing.T) {
	t.Parallel()
	code, _, _ := call(t, "-max-sdk", "20", testdata("tiny-min21.apk"))
	require.Equal(t, 1, code)
	code, _, _ = call(t, "-min-sdk", "28", testdata("tiny-min21.apk"))
	require.Equal(t, 0, code)
}

func TestV4SignatureHasToVerifyToo(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.idsig")
	require.NoError(t, os.WriteFile(broken, []byte{2, 0, 0, 0}, 0o600))
	for _, file := range []string{broken, testdata("tiny.apk"), t.TempDir(), "missing.idsig"} {
		code, lines, _ := call(t, "-v4", file, testdata("tiny.apk"))
		require.Equal(t, 1, code)
		require.Equal(t, false, lines[0]["signature"].(map[string]any)["verified"])
	}
}

func TestTextForPeopleEscapesWhatThePackageSays(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.Equal(t, 0, run(t.Context(), []string{"-json=false", testdata("tiny.apk")}, &out, &out))
	require.Contains(t, out.String(), `"dev.atlasmdm.tiny" 1 ("1.0"): verified [v2 v3]`)
	require.Equal(t, 1, run(t.Context(), []string{"-json=false", testdata("tiny-unsigned.apk"), "missing"}, &out, &out))
	require.Contains(t, out.String(), "NOT VERIFIED")
}

func TestCancellationStopsBetweenFiles(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	require.Equal(t, 1, run(ctx, []string{testdata("tiny.apk")}, &out, &errs))
	require.Empty(t, out.String())
}

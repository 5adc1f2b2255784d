package scan_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/scan"
)

func inspect(t *testing.T, name string) *apk.Info {
	t.Helper()
	info, err := apk.InspectFile(filepath.Join("..", "testdata", name), apk.Options{})
	require.NoError(t, err)
	return info
}

func static(t *testing.T, o scan.StaticOptions, info *apk.Info) scan.Result {
	t.Helper()
	r, err := scan.Static(o).Scan(t.Context(), scan.Target{Info: info})
	require.NoError(t, err)
	return r
}

func codes(r scan.Result) []string {
	out := []string{}
	for _, f := range r.Findings {
		out = append(out, f.Code)
	}
	return out
}

func TestHonestPackageIsClean(t *testing.T) {
	t.Parallel()
	r := static(t, scan.StaticOptions{}, inspect(t, "tiny.apk"))
	require.Equal(t, scan.Clean, r.Verdict)
	require.Equal(t, []string{"allow_backup", "device_admin"}, codes(r))
}

func TestUnsignedPackageIsSuspicious(t *testing.T) {
	t.Parallel()
	r := static(t, scan.StaticOptions{}, inspect(t, "tiny-unsigned.apk"))
	require.Equal(t, scan.Suspicious, r.Verdict)
	require.Equal(t, []string{"signature_unverified", "allow_backup", "device_admin"}, codes(r))
}

func TestDenyListsMakeMalicious(t *testing.T) {
	t.Parallel()
	for _, o := range []scan.StaticOptions{
		{DenyFiles: []string{"F1"}, Ignore: []string{"denied_file"}},
		{DenySigners: []string{" c1\n"}, Ignore: []string{"denied_signer"}},
	} {
		require.Equal(t, scan.Malicious, static(t, o, good()).Verdict)
	}
}

func TestPastSignerOfALineageIsDeniedToo(t *testing.T) {
	t.Parallel()
	info := inspect(t, "tiny-rotated.apk")
	oldest := info.Signature.Lineage[0].SHA256
	require.Equal(t, scan.Malicious, static(t, scan.StaticOptions{DenySigners: []string{oldest}}, info).Verdict)
}

func TestEvidenceIsBounded(t *testing.T) {
	t.Parallel()
	info := good()
	for i := range 50 {
		info.Embedded = append(info.Embedded, apk.Embedded{Name: strings.Repeat("x", 5000) + fmt.Sprint(i), Kind: "dex"})
	}
	require.Less(t, len(static(t, scan.StaticOptions{}, info).Findings[0].Evidence), 1500)
}

func TestScanWithoutInspectionIsAnError(t *testing.T) {
	t.Parallel()
	_, err := scan.Static(scan.StaticOptions{}).Scan(t.Context(), scan.Target{})
	require.Error(t, err)
}

type fixed struct{ r scan.Result }

func (f fixed) Scan(context.Context, scan.Target) (scan.Result, error) { return f.r, nil }

func TestRunRefusesAnUnknownVerdict(t *testing.T) {
	t.Parallel()
	for _, r := range []scan.Result{{}, {Scanner: "x", Verdict: "fine"}, {Verdict: scan.Clean}} {
		_, err := scan.Run(t.Context(), fixed{r}, scan.Target{}, time.Now)
		require.ErrorIs(t, err, scan.ErrResult)
	}
}

func TestRunDoesNotAskAfterCancellation(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := scan.Run(ctx, fixed{scan.Result{Scanner: "x", Verdict: scan.Clean}}, scan.Target{}, time.Now)
	require.ErrorIs(t, err, context.Canceled)
}

func TestResultSurvivesJSON(t *testing.T) {
	t.Parallel()
	clock := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	now := func() time.Time { clock = clock.Add(time.Second); return clock }
	want, err := scan.Run(t.Context(), scan.Static(scan.StaticOptions{}), scan.Target{Info: inspect(t, "tiny-unsigned.apk")}, now)
	require.NoError(t, err)
	require.Equal(t, time.Second, want.Took)
	data, err := json.Marshal(want)
	require.NoError(t, err)
	var got scan.Result
	require.NoError(t, json.Unmarshal(data, &got))
	require.Equal(t, want, got)
}

func TestUnknownVerdictIsWorseThanAnyOther(t *testing.T) {
	t.Parallel()
	require.True(t, scan.Verdict("").Worse(scan.Malicious))
	require.True(t, scan.Malicious.Worse(scan.Suspicious))
	require.True(t, scan.Suspicious.Worse(scan.Clean))
	require.False(t, scan.Clean.Worse(scan.Clean))
}

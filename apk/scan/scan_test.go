package scan_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
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
	require.Empty(t, r.Findings)
}

func TestUnsignedPackageIsSuspicious(t *testing.T) {
	t.Parallel()
	r := static(t, scan.StaticOptions{}, inspect(t, "tiny-unsigned.apk"))
	require.Equal(t, scan.Suspicious, r.Verdict)
	require.Equal(t, []string{"signature_unverified"}, codes(r))
}

// good is a package that no rule fires for; each case below spoils it in one way.
func good() *apk.Info {
	return &apk.Info{
		Package: "dev.atlasmdm.good", SHA256: "f1",
		Components: []apk.Component{{Kind: apk.Activity, Name: "Main", Exported: true, Launcher: true}},
		Signature: apk.Signature{
			Verified: true,
			Signers:  []apk.Signer{{Scheme: "v3", SHA256: "c1", Subject: "CN=Good", Key: "EC P-256"}},
		},
	}
}

func permissions(names ...string) func(*apk.Info) {
	return func(i *apk.Info) {
		for _, n := range names {
			i.Permissions = append(i.Permissions, "android.permission."+n)
		}
	}
}

func service(permission string) func(*apk.Info) {
	return func(i *apk.Info) {
		i.Components = append(i.Components, apk.Component{Kind: apk.Service, Name: "S", Permission: "android.permission." + permission})
	}
}

func signer(change func(*apk.Signer)) func(*apk.Info) {
	return func(i *apk.Info) { change(&i.Signature.Signers[0]) }
}

func embedded(kind string) func(*apk.Info) {
	return func(i *apk.Info) { i.Embedded = append(i.Embedded, apk.Embedded{Name: "assets/x", Kind: kind}) }
}

func TestEveryRuleFiresForItsOwnCaseOnly(t *testing.T) {
	t.Parallel()
	accessibility := service("BIND_ACCESSIBILITY_SERVICE")
	cases := map[string][]func(*apk.Info){
		"signature_unverified":     {func(i *apk.Info) { i.Signature.Verified = false }},
		"signature_v1_unchecked":   {func(i *apk.Info) { i.Signature.Warnings = []apk.Issue{{Code: "v1_not_checked", Detail: "x"}} }},
		"signer_debug_certificate": {signer(func(s *apk.Signer) { s.Subject = "CN=Android Debug,O=Android,C=US" })},
		"signer_aosp_test_key":     {signer(func(s *apk.Signer) { s.Subject = "CN=Android,OU=Android,O=Android,L=Mountain View,C=US" })},
		"signer_weak_key":          {signer(func(s *apk.Signer) { s.Key = "RSA 1024" })},
		"debuggable":               {func(i *apk.Info) { i.Debuggable = true }},
		"test_only":                {func(i *apk.Info) { i.TestOnly = true }},
		"accessibility_overlay":    {accessibility, permissions("SYSTEM_ALERT_WINDOW")},
		"accessibility_install":    {accessibility, permissions("REQUEST_INSTALL_PACKAGES")},
		"accessibility_sms":        {accessibility, permissions("READ_SMS")},
		"admin_overlay": {permissions("SYSTEM_ALERT_WINDOW"), func(i *apk.Info) {
			i.Components = append(i.Components, apk.Component{Kind: apk.Receiver, DeviceAdmin: true})
		}},
		"sms_network":           {permissions("RECEIVE_SMS", "INTERNET")},
		"notifications_network": {service("BIND_NOTIFICATION_LISTENER_SERVICE"), permissions("INTERNET")},
		"surveillance":          {permissions("RECORD_AUDIO", "ACCESS_BACKGROUND_LOCATION", "INTERNET")},
		"starts_unseen":         {permissions("RECEIVE_BOOT_COMPLETED"), func(i *apk.Info) { i.Components = nil }},
		"query_all_packages":    {permissions("QUERY_ALL_PACKAGES")},
		"vpn_service":           {service("BIND_VPN_SERVICE")},
		"device_admin_unprotected": {func(i *apk.Info) {
			i.Components = append(i.Components, apk.Component{Kind: apk.Receiver, DeviceAdmin: true, Exported: true, Permission: "x"})
		}},
		"exported_provider": {func(i *apk.Info) {
			i.Components = append(i.Components, apk.Component{Kind: apk.Provider, Exported: true})
		}},
		"exported_component": {func(i *apk.Info) {
			i.Components = append(i.Components, apk.Component{Kind: apk.Service, Exported: true})
		}},
		"hidden_dex":         {embedded("dex")},
		"hidden_archive":     {embedded("zip")},
		"hidden_native_code": {embedded("elf")},
		"zip_duplicate_entry": {func(i *apk.Info) {
			i.Findings = []apk.Finding{{Code: "zip_duplicate_entry", Severity: apk.SeverityCritical}}
		}},
	}
	require.Empty(t, static(t, scan.StaticOptions{}, good()).Findings)
	for code, changes := range cases {
		info := good()
		for _, c := range changes {
			c(info)
		}
		require.Equal(t, []string{code}, codes(static(t, scan.StaticOptions{}, info)), code)
		require.Empty(t, static(t, scan.StaticOptions{Ignore: []string{code}}, info).Findings, code)
	}
}

func TestPackageThatInstallsWhatItCarriesIsSuspicious(t *testing.T) {
	t.Parallel()
	info := good()
	permissions("REQUEST_INSTALL_PACKAGES")(info)
	embedded("zip")(info)
	r := static(t, scan.StaticOptions{}, info)
	require.Equal(t, scan.Suspicious, r.Verdict)
	require.Equal(t, []string{"hidden_installer", "hidden_archive"}, codes(r))
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
		info.Embedded = append(info.Embedded, apk.Embedded{Name: fmt.Sprint(string(make([]byte, 5000)), i), Kind: "dex"})
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

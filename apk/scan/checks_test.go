package scan_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/scan"
)

// pair is a package on which a check fires, and one like it on which it does not.
type pair struct {
	fires, quiet []change
	o            scan.StaticOptions
}

func on(c ...change) []change { return c }

var signerPairs = map[string]pair{
	"denied_file":   {fires: on(nothing), quiet: on(func(i *apk.Info) { i.SHA256 = "f2" }), o: scan.StaticOptions{DenyFiles: []string{"F1"}}},
	"denied_signer": {fires: on(nothing), quiet: on(signer(func(s *apk.Signer) { s.SHA256 = "c2" })), o: scan.StaticOptions{DenySigners: []string{" c1\n"}}},
	"signature_unverified": {
		fires: on(func(i *apk.Info) { i.Signature.Verified = false }),
		quiet: on(func(i *apk.Info) { i.Signature.Errors = []apk.Issue{{Code: "x"}} }),
	},
	"signature_warning": {
		fires: on(func(i *apk.Info) { i.Signature.Warnings = []apk.Issue{{Code: "x"}} }),
		quiet: on(func(i *apk.Info) { i.Signature.Errors = []apk.Issue{{Code: "x"}} }),
	},
	"signature_v1_only": {
		fires: on(func(i *apk.Info) { i.Signature.Schemes = []string{"v1"} }),
		quiet: on(func(i *apk.Info) { i.Signature.Schemes = []string{"v1", "v2"} }),
	},
	"signature_v2_only": {
		fires: on(func(i *apk.Info) { i.Signature.Schemes = []string{"v1", "v2"} }),
		quiet: on(func(i *apk.Info) { i.Signature.Schemes = []string{"v2", "v3.1"} }),
	},
	"source_stamp_failed":      {fires: on(stamp("failed")), quiet: on(stamp("verified"))},
	"signer_debug_certificate": {fires: on(subject("CN=Android Debug,O=Android,C=US")), quiet: on(subject("CN=Android Debugging,O=Good"))},
	"signer_aosp_test_key": {
		fires: on(subject("CN=Android,OU=Android,O=Android,L=Mountain View,ST=California,C=US")),
		quiet: on(subject("CN=Android,O=Google Inc.,L=Mountain View")),
	},
	"signer_default_name":   {fires: on(subject("CN=Unknown,OU=Unknown")), quiet: on(subject("CN=Unknown Horizons"))},
	"signer_unnamed":        {fires: on(subject("")), quiet: on(subject("O=Good"))},
	"signer_deceptive_name": {fires: on(subject("CN=Goo\u202ed")), quiet: on(subject("CN=Größe"))},
	"signer_weak_key":       {fires: on(key("RSA 1024")), quiet: on(key("RSA 2048"))},
	"signer_unknown_key":    {fires: on(key("unknown")), quiet: on(key("ML-DSA-65"))},
	"signer_short_lived": {
		fires: on(signer(func(s *apk.Signer) { s.NotAfter = time.Date(2033, 10, 22, 0, 0, 0, 0, time.UTC) })),
		quiet: on(signer(func(s *apk.Signer) { s.NotAfter = time.Date(2033, 10, 23, 0, 0, 0, 0, time.UTC) })),
	},
	"signer_validity_reversed": {
		fires: on(signer(func(s *apk.Signer) { s.NotBefore, s.NotAfter = end, begin })),
		quiet: on(signer(func(s *apk.Signer) { s.NotBefore, s.NotAfter = end, end })),
	},
	"signer_several": {
		fires: on(func(i *apk.Info) {
			i.Signature.Signers = []apk.Signer{{Scheme: "v2", SHA256: "c1", Subject: "A"}, {Scheme: "v2", SHA256: "c2", Subject: "B"}}
		}),
		quiet: on(func(i *apk.Info) {
			i.Signature.Signers = append(i.Signature.Signers, apk.Signer{Scheme: "v3", SHA256: "c2"}, apk.Signer{Scheme: "v2", SHA256: "c2"})
		}),
	},
	"lineage_rotated":  {fires: on(lineage(apk.LineageNode{SHA256: "c0"}, apk.LineageNode{SHA256: "c1"})), quiet: on(lineage(apk.LineageNode{SHA256: "c1"}))},
	"lineage_rollback": {fires: on(lineage(apk.LineageNode{Flags: 8}, apk.LineageNode{})), quiet: on(lineage(apk.LineageNode{Flags: 7}, apk.LineageNode{Flags: 31}))},
}

var manifestPairs = map[string]pair{
	"debuggable":                        {fires: on(func(i *apk.Info) { i.Debuggable = true }), quiet: on(func(i *apk.Info) { i.TestOnly = true })},
	"test_only":                         {fires: on(func(i *apk.Info) { i.TestOnly = true }), quiet: on(func(i *apk.Info) { i.Debuggable = true })},
	"uses_cleartext":                    {fires: on(func(i *apk.Info) { i.UsesCleartext = true }), quiet: on(asks("INTERNET"))},
	"allow_backup":                      {fires: on(func(i *apk.Info) { i.AllowBackup = true }), quiet: on(nothing)},
	"shared_user_id":                    {fires: on(func(i *apk.Info) { i.SharedUserID = "dev.shared" }), quiet: on(func(i *apk.Info) { i.SharedUserID = "android.uid.system" })},
	"shared_user_id_system":             {fires: on(func(i *apk.Info) { i.SharedUserID = "android.uid.phone" }), quiet: on(func(i *apk.Info) { i.SharedUserID = "androidx" })},
	"target_before_runtime_permissions": {fires: on(sdk(21, 22, 0)), quiet: on(sdk(21, 23, 0))},
	"target_before_hardening":           {fires: on(sdk(21, 27, 0)), quiet: on(sdk(21, 28, 0))},
	"target_below_min":                  {fires: on(sdk(30, 29, 0)), quiet: on(sdk(30, 30, 0))},
	"sdk_range_empty":                   {fires: on(sdk(30, 30, 29)), quiet: on(sdk(30, 30, 30))},
	"sdk_max_set":                       {fires: on(sdk(30, 30, 30)), quiet: on(sdk(30, 30, 0))},
	"version_missing":                   {fires: on(version(0)), quiet: on(version(0), func(i *apk.Info) { i.Split = "config.de" })},
	"version_highest":                   {fires: on(version(2_100_000_000)), quiet: on(version(2_099_999_999))},
	"label_missing":                     {fires: on(label("")), quiet: on(label(""), unseen)},
	"label_deceptive":                   {fires: on(label("App\u202efdp")), quiet: on(label("می\u200cخواهم 👩\u200d💻"))},
	"label_impersonates":                {fires: on(label("Google  Play services")), quiet: on(label("Google Play services"), name("com.google.android.gms"))},
	"package_reserved_prefix":           {fires: on(name("com.google.android.gms")), quiet: on(name("com.googlex.app"))},
	"package_example":                   {fires: on(name("com.example.app")), quiet: on(name("com.examples.app"))},
	"split_alone":                       {fires: on(func(i *apk.Info) { i.Split = "config.de" }), quiet: on(nothing)},
	"no_components":                     {fires: on(func(i *apk.Info) { i.Components = nil }), quiet: on(unseen)},

	"device_admin": {fires: on(admin), quiet: on(component(apk.Component{Kind: apk.Receiver, Name: "R"}))},
	"device_admin_unprotected": {
		fires: on(component(apk.Component{Kind: apk.Receiver, Name: "A", DeviceAdmin: true, Exported: true, Permission: "x"})),
		quiet: on(admin),
	},
	"exported_provider": {
		fires: on(component(apk.Component{Kind: apk.Provider, Name: "P", Exported: true})),
		quiet: on(component(apk.Component{Kind: apk.Provider, Name: "P", Exported: true, Permission: "x"})),
	},
	"exported_service": {
		fires: on(component(apk.Component{Kind: apk.Service, Name: "S", Exported: true})),
		quiet: on(component(apk.Component{Kind: apk.Service, Name: "S"})),
	},
	"exported_component": {
		fires: on(component(apk.Component{Kind: apk.Activity, Name: "X", Exported: true})),
		quiet: on(component(apk.Component{Kind: apk.Activity, Name: "X", Exported: true, Launcher: true})),
	},
	"component_unnamed":        {fires: on(component(apk.Component{Kind: apk.Service})), quiet: on(component(apk.Component{Kind: apk.Service, Name: "x"}))},
	"component_deceptive_name": {fires: on(component(apk.Component{Kind: apk.Service, Name: "a\u200bb"})), quiet: on(component(apk.Component{Kind: apk.Service, Name: "Übung"}))},
	"component_duplicate": {
		fires: on(component(apk.Component{Kind: apk.Activity, Name: "Main"})), quiet: on(component(apk.Component{Kind: apk.Service, Name: "Main"})),
	},
	"launcher_missing": {fires: on(unseen), quiet: on(unseen, func(i *apk.Info) { i.Split = "config.de" })},
	"launchers_many":   {fires: on(icons(3)), quiet: on(icons(2))},
}

// icons adds n more activities that a launcher shows.
func icons(n int) change {
	return func(i *apk.Info) {
		for range n {
			component(apk.Component{Kind: apk.Activity, Name: "L", Launcher: true})(i)
		}
	}
}

var inspectorPairs = map[string]pair{
	"janus":                         {fires: on(finding("janus", apk.SeverityCritical)), quiet: on(nothing)},
	"zip_duplicate_entry":           {fires: on(finding("zip_duplicate_entry", apk.SeverityCritical)), quiet: on(nothing)},
	"zip_encrypted_flag":            {fires: on(finding("zip_encrypted_flag", apk.SeverityHigh)), quiet: on(nothing)},
	"zip_unknown_method":            {fires: on(finding("zip_unknown_method", apk.SeverityHigh)), quiet: on(nothing)},
	"zip_unsafe_name":               {fires: on(finding("zip_unsafe_name", apk.SeverityHigh)), quiet: on(nothing)},
	"manifest_invalid_package_name": {fires: on(finding("manifest_invalid_package_name", apk.SeverityHigh)), quiet: on(nothing)},
	"resources_unreadable":          {fires: on(finding("resources_unreadable", apk.SeverityMedium)), quiet: on(nothing)},
}

func allPairs(t *testing.T) map[string]pair {
	t.Helper()
	out := map[string]pair{}
	for _, table := range []map[string]pair{signerPairs, manifestPairs, permissionPairs(), contentPairs, fleetPairs, inspectorPairs} {
		for code, p := range table {
			require.NotContains(t, out, code)
			out[code] = p
		}
	}
	return out
}

func TestGoodPackageHasNoFindings(t *testing.T) {
	t.Parallel()
	require.Empty(t, static(t, scan.StaticOptions{}, good()).Findings)
}

func TestEveryCheckFiresWhereItShouldAndNowhereElse(t *testing.T) {
	t.Parallel()
	severities := map[string]apk.Severity{}
	for _, c := range scan.Checks() {
		severities[c.Code] = c.Severity
	}
	for code, p := range allPairs(t) {
		r := static(t, p.o, spoiled(p.fires...))
		require.Contains(t, codes(r), code)
		for _, f := range r.Findings {
			require.Equal(t, severities[f.Code], f.Severity, f.Code)
			require.NotEmpty(t, f.Evidence, f.Code)
		}
		require.NotContains(t, codes(static(t, p.o, spoiled(p.quiet...))), code)
	}
}

func TestCombinationNeedsEachOfItsParts(t *testing.T) {
	t.Parallel()
	for code, parts := range abuses {
		for n := range parts {
			rest := slices.Delete(slices.Clone(parts), n, n+1)
			require.NotContains(t, codes(static(t, scan.StaticOptions{}, spoiled(rest...))), code, "without part %d", n)
		}
	}
}

func TestEveryCheckHasBothCases(t *testing.T) {
	t.Parallel()
	pairs := allPairs(t)
	for _, c := range scan.Checks() {
		require.NotEmpty(t, pairs[c.Code].fires, c.Code)
		require.NotEmpty(t, pairs[c.Code].quiet, c.Code)
		delete(pairs, c.Code)
	}
	require.Empty(t, pairs, "cases of checks that are none")
	require.GreaterOrEqual(t, len(scan.Checks()), 60)
}

func TestEveryCheckIsOneSentenceUnderOneStableCode(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range scan.Checks() {
		require.Regexp(t, `^[a-z0-9]+(_[a-z0-9]+)*$`, c.Code)
		require.False(t, seen[c.Code], c.Code)
		require.Regexp(t, regexp.MustCompile(`^[A-Z].{10,150}\.$`), c.Sentence)
		require.Contains(t, []apk.Severity{apk.SeverityInfo, apk.SeverityLow, apk.SeverityMedium, apk.SeverityHigh, apk.SeverityCritical}, c.Severity)
		seen[c.Code] = true
	}
}

func TestEveryCheckButADenyListCanBeIgnored(t *testing.T) {
	t.Parallel()
	for code, p := range allPairs(t) {
		p.o.Ignore = []string{code}
		denied := code == "denied_file" || code == "denied_signer"
		got := codes(static(t, p.o, spoiled(p.fires...)))
		if denied {
			require.Contains(t, got, code)
		} else {
			require.NotContains(t, got, code)
		}
	}
}

func TestFindingOfALaterInspectorCounts(t *testing.T) {
	t.Parallel()
	r := static(t, scan.StaticOptions{}, spoiled(finding("new_trick", apk.SeverityHigh)))
	require.Equal(t, scan.Suspicious, r.Verdict)
	require.Equal(t, []string{"new_trick"}, codes(r))
}

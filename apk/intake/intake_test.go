package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// allowed is the whole state machine, written out.
var allowed = map[intake.State]string{
	intake.Quarantined: "scanning rejected",
	intake.Scanning:    "clean suspicious rejected error quarantined",
	intake.Clean:       "quarantined suspicious rejected",
	intake.Suspicious:  "quarantined clean rejected",
	intake.Error:       "quarantined scanning rejected",
	intake.Rejected:    "quarantined",
}

func anyState() []intake.State { return append(intake.States(), "", "unknown") }

func TestTheStateMachineIsTheTable(t *testing.T) {
	t.Parallel()
	for _, from := range anyState() {
		for _, next := range anyState() {
			may := slices.Contains(strings.Fields(allowed[from]), string(next)) && next != ""
			require.Equal(t, may, from.CanBecome(next), "%q to %q", from, next)
			p := intake.Package{ID: "p", State: from, Reason: "old"}
			got, err := p.To(next, "why", at)
			if !may {
				require.ErrorIs(t, err, atlas.ErrTransition)
				require.Zero(t, got)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, intake.Package{ID: "p", State: next, Reason: "why", JudgedAt: at}, got)
		}
	}
}

func TestOnlyCleanIsDeployableAndOnlyScansOrAPersonMakeItSo(t *testing.T) {
	t.Parallel()
	for _, s := range anyState() {
		require.Equal(t, s == intake.Clean, s.Deployable(), "%q", s)
		require.Equal(t, s == intake.Scanning || s == intake.Suspicious, s.CanBecome(intake.Clean), "%q", s)
	}
}

func scan(scanner string, v intake.Verdict) intake.Scan {
	return intake.Scan{Scanner: scanner, Verdict: v}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	clean, suspicious, malicious, failed := intake.VerdictClean, intake.VerdictSuspicious, intake.VerdictMalicious, intake.VerdictFailed
	for name, c := range map[string]struct {
		required []string
		scans    []intake.Scan
		want     intake.State
	}{
		"all clean":                          {[]string{"a", "b"}, []intake.Scan{scan("a", clean), scan("b", clean)}, intake.Clean},
		"one did not answer":                 {[]string{"a", "b"}, []intake.Scan{scan("a", clean)}, intake.Error},
		"nobody answered":                    {[]string{"a"}, nil, intake.Error},
		"nobody is asked":                    {nil, nil, intake.Error},
		"nobody is required":                 {nil, []intake.Scan{scan("a", clean)}, intake.Error},
		"another answered":                   {[]string{"a"}, []intake.Scan{scan("b", clean)}, intake.Error},
		"one could not say":                  {[]string{"a", "b"}, []intake.Scan{scan("a", clean), scan("b", failed)}, intake.Error},
		"one not required could not say":     {[]string{"a"}, []intake.Scan{scan("a", clean), scan("b", failed)}, intake.Error},
		"one is suspicious":                  {[]string{"a", "b"}, []intake.Scan{scan("a", suspicious), scan("b", clean)}, intake.Suspicious},
		"one not required is suspicious":     {[]string{"a"}, []intake.Scan{scan("a", clean), scan("b", suspicious)}, intake.Suspicious},
		"one says malicious, another failed": {[]string{"a", "b"}, []intake.Scan{scan("b", failed), scan("a", malicious)}, intake.Rejected},
		"malicious is enough":                {[]string{"a", "b"}, []intake.Scan{scan("a", malicious)}, intake.Rejected},
		"suspicious and no answer":           {[]string{"a", "b"}, []intake.Scan{scan("a", suspicious)}, intake.Error},
		"a word nobody knows":                {[]string{"a"}, []intake.Scan{scan("a", "fine")}, intake.Error},
		"an empty word":                      {[]string{"a"}, []intake.Scan{scan("a", "")}, intake.Error},
		"clean after a failure":              {[]string{"a"}, []intake.Scan{scan("a", failed), scan("a", clean)}, intake.Error},
		"a failure after clean":              {[]string{"a"}, []intake.Scan{scan("a", clean), scan("a", failed)}, intake.Error},
		"clean twice":                        {[]string{"a"}, []intake.Scan{scan("a", clean), scan("a", clean)}, intake.Clean},
	} {
		got, reason := intake.Decide(c.required, c.scans)
		require.Equal(t, c.want, got, name)
		require.NotEmpty(t, reason, name)
	}
}

func TestNothingIsCleanUnlessEveryRequiredScannerSaidSoAndNobodySaidOtherwise(t *testing.T) {
	t.Parallel()
	name := rapid.SampledFrom([]string{"a", "b", "c"})
	verdict := rapid.SampledFrom([]intake.Verdict{intake.VerdictClean, intake.VerdictClean, intake.VerdictClean, intake.VerdictSuspicious, intake.VerdictMalicious, intake.VerdictFailed, "odd"})
	rapid.Check(t, func(t *rapid.T) {
		required := rapid.SliceOfN(name, 0, 3).Draw(t, "required")
		scans := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) intake.Scan {
			return scan(name.Draw(t, "scanner"), verdict.Draw(t, "verdict"))
		}), 0, 5).Draw(t, "scans")
		saysClean := func(who string) bool {
			return slices.ContainsFunc(scans, func(s intake.Scan) bool { return s.Scanner == who && s.Verdict == intake.VerdictClean })
		}
		want := len(required) > 0
		for _, r := range required {
			want = want && saysClean(r)
		}
		for _, s := range scans {
			want = want && s.Verdict == intake.VerdictClean
		}
		got, _ := intake.Decide(required, scans)
		require.Equal(t, want, got == intake.Clean)
		require.True(t, intake.Scanning.CanBecome(got), "a round of scans leads to %s", got)
	})
}

func info() *apk.Info {
	i := &apk.Info{Package: "com.example.app", VersionCode: 7, VersionName: "1\u202e", Label: "App\x00", Size: 10, SHA256: "ab", MinSDK: 21, TargetSDK: 34}
	i.Signature.Verified = true
	i.Signature.Signers = append(i.Signature.Signers, apk.Signer{Scheme: "v2", SHA256: "ff"}, apk.Signer{Scheme: "v2", SHA256: "aa"}, apk.Signer{Scheme: "v1", SHA256: "bb"})
	return i
}

func TestTheManifestDecidesWhatAPackageIs(t *testing.T) {
	t.Parallel()
	p := intake.Package{ID: "p", Package: "com.form", State: intake.Quarantined}.Describe(info(), []byte("{}"), "com.form")
	require.Equal(t, "com.example.app", p.Package)
	require.Equal(t, "com.form", p.Claimed, "the lie is kept")
	require.Equal(t, "1", p.VersionName)
	require.Equal(t, "App", p.Label)
	require.Equal(t, []string{"aa", "ff"}, p.Signers)
	require.EqualValues(t, 34, p.TargetSDK)
	require.Equal(t, intake.Quarantined, p.State)
	require.Empty(t, intake.Package{}.Describe(info(), nil, "com.example.app").Claimed)
	require.Empty(t, intake.Package{}.Describe(info(), nil, "").Claimed)
	unverified := info()
	unverified.Signature.Verified = false
	require.Empty(t, intake.Package{}.Describe(unverified, nil, "").Signers, "what did not verify has no signer")
}

func TestOneNameInATenantMeansOneSigner(t *testing.T) {
	t.Parallel()
	p := intake.Package{ID: "new", Signers: []string{"a", "b"}}
	for name, c := range map[string]struct {
		other intake.Package
		fine  bool
	}{
		"the same":             {intake.Package{ID: "old", State: intake.Clean, Signers: []string{"a", "b"}}, true},
		"another":              {intake.Package{ID: "old", State: intake.Clean, Signers: []string{"a"}}, false},
		"nobody":               {intake.Package{ID: "old", State: intake.Clean}, false},
		"another, not clean":   {intake.Package{ID: "old", State: intake.Quarantined, Signers: []string{"a"}}, true},
		"the package as it is": {intake.Package{ID: "new", State: intake.Clean, Signers: []string{"x"}}, true},
	} {
		require.Equal(t, c.fine, intake.Consistent(p, []intake.Package{c.other}) == "", name)
	}
}

func TestAnAssignmentCovers(t *testing.T) {
	t.Parallel()
	d := atlas.Device{ID: "d", Path: "root/a/b", FolderID: "f"}
	for name, c := range map[string]struct {
		a    intake.Assignment
		want bool
	}{
		"its place":                  {intake.Assignment{Path: "root/a/b"}, true},
		"a place above":              {intake.Assignment{Path: "root"}, true},
		"a place beside":             {intake.Assignment{Path: "root/a-"}, false},
		"a place below":              {intake.Assignment{Path: "root/a/b/c"}, false},
		"no place":                   {intake.Assignment{}, false},
		"its folder":                 {intake.Assignment{Path: "root/a", FolderID: "f"}, true},
		"another folder":             {intake.Assignment{Path: "root/a", FolderID: "g"}, false},
		"its folder, moved away":     {intake.Assignment{Path: "root/x", FolderID: "f"}, false},
		"itself":                     {intake.Assignment{Path: "root/a", DeviceID: "d"}, true},
		"another device":             {intake.Assignment{Path: "root/a", DeviceID: "e"}, false},
		"itself, moved away":         {intake.Assignment{Path: "root/x", DeviceID: "d"}, false},
		"itself in another's folder": {intake.Assignment{Path: "root/a", DeviceID: "d", FolderID: "g"}, true},
	} {
		require.Equal(t, c.want, c.a.Covers(d), name)
	}
}

func TestDeployNeedsACleanPackageAndAnAssignment(t *testing.T) {
	t.Parallel()
	d := atlas.Device{ID: "d", Path: "root/a"}
	mine := []intake.Assignment{{PackageID: "other", Path: "root"}, {PackageID: "p", Path: "root"}}
	for _, s := range anyState() {
		err := intake.Deploy(intake.Package{ID: "p", Path: "root", State: s}, mine, d)
		if s == intake.Clean {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, intake.ErrNotClean, "%q", s)
		}
	}
	p := intake.Package{ID: "p", Path: "root", State: intake.Clean}
	require.ErrorIs(t, intake.Deploy(p, mine[:1], d), intake.ErrUnassigned)
	p.Path = "root/x" // its owner was moved away since
	require.ErrorIs(t, intake.Deploy(p, mine, d), intake.ErrUnassigned)
	p.Path = "root"
	require.ErrorIs(t, intake.Deploy(p, nil, d), atlas.ErrRefused)
}

func Example() {
	p := intake.Package{ID: "p", State: intake.Quarantined}
	p, err := p.To(intake.Scanning, "scan", at)
	fmt.Println(p.State, err)

	state, reason := intake.Decide([]string{"static", "clamav"}, []intake.Scan{{Scanner: "static", Verdict: intake.VerdictClean}})
	fmt.Println(state, "-", reason)
	p, err = p.To(state, reason, at)
	fmt.Println(p.State.Deployable(), err)
	// Output:
	// scanning <nil>
	// error - no answer from clamav
	// false <nil>
}

package scan_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/scan"
)

func TestVerdictIsThatOfTheWorstFinding(t *testing.T) {
	t.Parallel()
	verdicts := map[apk.Severity]scan.Verdict{
		apk.SeverityInfo: scan.Clean, apk.SeverityLow: scan.Clean, apk.SeverityMedium: scan.Clean,
		apk.SeverityHigh: scan.Suspicious, apk.SeverityCritical: scan.Malicious, "": scan.Suspicious, "grave": scan.Suspicious,
	}
	severity := rapid.SampledFrom([]apk.Severity{apk.SeverityInfo, apk.SeverityLow, apk.SeverityMedium, apk.SeverityHigh, apk.SeverityCritical, "", "grave"})
	rapid.Check(t, func(rt *rapid.T) {
		info, want := good(), scan.Clean
		for _, s := range rapid.SliceOfN(severity, 0, 5).Draw(rt, "severities") {
			finding("x", s)(info)
			if verdicts[s].Worse(want) {
				want = verdicts[s]
			}
		}
		require.Equal(rt, want, static(t, scan.StaticOptions{}, info).Verdict)
	})
}

func TestMoreThatIsWrongIsNeverBetter(t *testing.T) {
	t.Parallel()
	all := []change{}
	for _, p := range allPairs(t) {
		if len(p.fires) > 0 && len(p.o.DenyFiles)+len(p.o.DenySigners) == 0 {
			all = append(all, p.fires...)
		}
	}
	unverified := func(i *apk.Info) { i.Signature.Verified = false }
	rapid.Check(t, func(rt *rapid.T) {
		some := rapid.SliceOfN(rapid.SampledFrom(all), 0, 6).Draw(rt, "changes")
		was := static(t, scan.StaticOptions{}, spoiled(some...)).Verdict
		for _, worse := range []change{finding("janus", apk.SeverityCritical), embedded("assets/x", "dex"), unverified} {
			got := static(t, scan.StaticOptions{}, spoiled(append(some[:len(some):len(some)], worse)...)).Verdict
			require.False(rt, was.Worse(got))
			require.NotEqual(rt, scan.Clean, got)
		}
	})
}

func TestInfoWithNothingInItIsNotClean(t *testing.T) {
	t.Parallel()
	require.Equal(t, scan.Suspicious, static(t, scan.StaticOptions{}, &apk.Info{}).Verdict)
}

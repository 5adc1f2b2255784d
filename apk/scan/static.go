package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/apk"
)

const (
	staticName = "static"
	// staticEngine is the version of the rules, and changes with every change of a rule.
	staticEngine = "2"

	deniedFile           = "denied_file"
	deniedFileSentence   = "This very file is on the deny list."
	deniedSigner         = "denied_signer"
	deniedSignerSentence = "A certificate of the signer is on the deny list."

	maxEvidence     = 10
	maxEvidenceText = 100
)

// StaticOptions configures the static scanner. The zero value applies all rules that need nothing but the file, and
// denies nothing by digest. It is not changed, and must not be changed after the scanner was made.
type StaticOptions struct {
	// DenyFiles and DenySigners hold SHA-256 digests, in hexadecimal, of files and of signing certificates that are
	// malicious whatever else is found. A certificate anywhere in a lineage counts.
	DenyFiles, DenySigners []string
	// AllowedSigners holds, by package name, the SHA-256 digests of the certificates that may sign it. A name that
	// isn't in it may be signed by anyone.
	AllowedSigners map[string][]string
	// ForbiddenPermissions holds full names of permissions that nothing in the fleet may ask for.
	ForbiddenPermissions []string
	// MaxSize is the largest file, in bytes; zero for no bound.
	MaxSize int64

	// FleetABIs are the names of the binary interfaces that the fleet's devices run, such as "arm64-v8a".
	FleetABIs []string
	// FleetMinSDK and FleetMaxSDK are the SDK levels of the fleet's oldest and newest platform; zero if unknown.
	FleetMinSDK, FleetMaxSDK int
	// MaxTargetSDKAge is how many levels below FleetMaxSDK a target SDK may be; zero for no bound.
	MaxTargetSDKAge int

	// Previous holds, by package name, the version that the fleet has.
	Previous map[string]Previous
	// Now is the clock by which certificates are held to their dates; nil leaves that out, as Android does.
	Now func() time.Time

	// Ignore holds codes of rules that are not applied. The deny lists can't be ignored.
	Ignore []string
}

// Static returns the scanner that applies its rules to what the inspector found. It never reads the file. A finding of
// critical severity makes a package malicious, one of high severity suspicious.
func Static(o StaticOptions) Scanner {
	s := static{files: digests(o.DenyFiles), signers: digests(o.DenySigners), ignore: map[string]bool{}}
	for _, c := range o.Ignore {
		s.ignore[c] = true
	}
	s.rules = append(rules(), fleetRules(&o)...)
	return s
}

type static struct {
	files, signers, ignore map[string]bool
	rules                  []rule
}

func digests(in []string) map[string]bool {
	out := make(map[string]bool, len(in))
	for _, d := range in {
		out[strings.ToLower(strings.TrimSpace(d))] = true
	}
	return out
}

var errNoInfo = errors.New("scan: static scanner needs the inspector's result")

// Scan applies the rules.
func (s static) Scan(ctx context.Context, t Target) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("scan: %w", err)
	}
	if t.Info == nil {
		return Result{}, errNoInfo
	}
	r := Result{Scanner: staticName, Engine: staticEngine, Verdict: Clean, Findings: s.denied(t.Info)}
	for _, rule := range s.rules {
		if evidence := rule.match(t.Info); len(evidence) > 0 && !s.ignore[rule.code] {
			r.Findings = append(r.Findings, Finding{rule.code, rule.severity, show(evidence), rule.sentence})
		}
	}
	for _, f := range t.Info.Findings {
		if !s.ignore[f.Code] {
			r.Findings = append(r.Findings, Finding{f.Code, f.Severity, shorten(f.Detail, 4*maxEvidenceText), explain(f.Code)})
		}
	}
	for _, f := range r.Findings {
		r.Verdict = worst(r.Verdict, f.Severity)
	}
	return r, nil
}

// denied applies the deny lists.
func (s static) denied(i *apk.Info) []Finding {
	out := []Finding{}
	if s.files[i.SHA256] {
		out = append(out, Finding{deniedFile, apk.SeverityCritical, i.SHA256, deniedFileSentence})
	}
	var certs []string
	for _, c := range i.Signature.Signers {
		certs = append(certs, c.SHA256)
	}
	for _, c := range i.Signature.Lineage {
		certs = append(certs, c.SHA256)
	}
	slices.Sort(certs)
	for _, c := range slices.Compact(certs) {
		if s.signers[c] {
			out = append(out, Finding{deniedSigner, apk.SeverityCritical, c, deniedSignerSentence})
		}
	}
	return out
}

// worst adds a finding to a verdict. A severity that isn't known is for people to look at.
func worst(v Verdict, s apk.Severity) Verdict {
	got := Suspicious
	switch s {
	case apk.SeverityInfo, apk.SeverityLow, apk.SeverityMedium:
		got = Clean
	case apk.SeverityCritical:
		got = Malicious
	}
	if got.Worse(v) {
		return got
	}
	return v
}

// show makes one line out of evidence, bounded in every direction.
func show(evidence []string) string {
	more := ""
	if n := len(evidence) - maxEvidence; n > 0 {
		evidence, more = evidence[:maxEvidence], fmt.Sprintf(" and %d more", n)
	}
	short := make([]string, len(evidence))
	for i, e := range evidence {
		short[i] = shorten(e, maxEvidenceText)
	}
	return strings.Join(short, ", ") + more
}

// shorten cuts text to about n bytes, at a rune.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk"
)

const (
	staticName = "static"
	// staticEngine is the version of the rules, and changes with every change of a rule.
	staticEngine = "1"

	maxEvidence     = 10
	maxEvidenceText = 100
)

// StaticOptions configures the static scanner. The zero value applies all rules and denies nothing by digest.
type StaticOptions struct {
	// DenyFiles and DenySigners hold SHA-256 digests, in hexadecimal, of files and of signing certificates that are
	// malicious whatever else is found. A certificate anywhere in a lineage counts.
	DenyFiles, DenySigners []string
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
	return s
}

type static struct {
	files, signers, ignore map[string]bool
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
	for _, rule := range rules {
		if evidence := rule.match(t.Info); len(evidence) > 0 && !s.ignore[rule.code] {
			r.Findings = append(r.Findings, Finding{rule.code, rule.severity, show(evidence), rule.sentence})
		}
	}
	for _, f := range t.Info.Findings {
		if !s.ignore[f.Code] {
			r.Findings = append(r.Findings, Finding{f.Code, f.Severity, shorten(f.Detail, 4*maxEvidenceText), "The archive is built in a way that honest tools do not produce."})
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
		out = append(out, Finding{"denied_file", apk.SeverityCritical, i.SHA256, "This very file is on the deny list."})
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
			out = append(out, Finding{"denied_signer", apk.SeverityCritical, c, "A certificate of the signer is on the deny list."})
		}
	}
	return out
}

func worst(v Verdict, s apk.Severity) Verdict {
	got := Clean
	switch s {
	case apk.SeverityCritical:
		got = Malicious
	case apk.SeverityHigh:
		got = Suspicious
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

package sign

import (
	"slices"

	"github.com/atlas-mdm/atlas-go/apk/internal/issue"
)

const (
	maxV2Signers = 10 // the platform's own limit
	maxV3Signers = 8  // the platform has none; one signer serves one range of SDK levels
)

// found is what one scheme's block held.
type found struct {
	scheme  scheme
	present bool
	signers []*Signer
	issues  issue.List
}

// failed reports whether anything in the scheme's block failed.
func (f *found) failed() bool {
	return f.issues.Failed() || slices.ContainsFunc(f.signers, func(s *Signer) bool { return s.issues.Failed() })
}

// parse reads the scheme's block, which is a length-prefixed sequence of signers.
func (sc scheme) parse(b block, id uint32, limit int) *found {
	f := &found{scheme: sc}
	value, ok := b.get(id)
	if !ok {
		return f
	}
	f.present = true
	w := &wire{b: value}
	signers := w.sub()
	if w.err != nil {
		f.issues.Fail(sc.prefix+"_sig_malformed_signers", "%v", w.err)
		return f
	}
	for signers.more() {
		if len(f.signers) == limit {
			f.issues.Fail(sc.prefix+"_sig_max_signatures_exceeded", "more than %d signers", limit)
			return f
		}
		one := signers.sub()
		f.signers = append(f.signers, sc.parseSigner(one))
	}
	if len(f.signers) == 0 {
		f.issues.Fail(sc.prefix+"_sig_no_signers", "block without signers")
	}
	return f
}

// checkRanges demands that the ranges of v3 signers leave no hole and that lineages only grow with the SDK level.
func (f *found) checkRanges() {
	slices.SortStableFunc(f.signers, func(a, b *Signer) int { return a.MaxSDK - b.MaxSDK })
	for i := 1; i < len(f.signers); i++ {
		prev, s := f.signers[i-1], f.signers[i]
		if s.MinSDK != prev.MaxSDK+1 && (s.MinSDK != prev.MaxSDK || !s.attrs.devRelease) {
			f.issues.Fail("v3_inconsistent_sdk_versions", "SDK %d to %d, then %d to %d", prev.MinSDK, prev.MaxSDK, s.MinSDK, s.MaxSDK)
		}
		if s.lineage != nil && !prefixOf(prev.lineage, s.lineage) {
			f.issues.Fail("v3_inconsistent_lineages", "the lineage from SDK %d on does not continue the one before", s.MinSDK)
		}
	}
}

// newestFirst orders signers by the platforms they speak for. Those of v2 speak together, and keep their order.
func (f *found) newestFirst() []*Signer {
	out := slices.Clone(f.signers)
	if f.scheme.ranged {
		slices.Reverse(out)
	}
	return out
}

// covers reports whether signers speak for every SDK level from lo to hi; ranges are known to have no holes.
func (f *found) covers(lo, hi int) bool {
	if lo > hi {
		return true
	}
	return len(f.signers) > 0 && f.signers[0].MinSDK <= lo && f.signers[len(f.signers)-1].MaxSDK >= hi
}

// digests adds the content digests that the signers' verified signatures stand over.
func (f *found) digests(want map[Digest]bool) {
	for _, s := range f.signers {
		for _, d := range s.verified {
			want[d] = true
		}
	}
}

// lineage is the longest lineage of the scheme's signers.
func (f *found) lineage() []Node {
	var out []Node
	for _, s := range f.signers {
		if len(s.lineage) > len(out) {
			out = s.lineage
		}
	}
	return out
}

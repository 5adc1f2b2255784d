package intake_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
)

var required = []string{"clamav", "static"}

var verdicts = []intake.Verdict{intake.VerdictClean, intake.VerdictSuspicious, intake.VerdictMalicious, intake.VerdictFailed, "", "fine"}

// path is a package on its way through intake, with what a store would hold, and with what a test remembers of it.
type path struct {
	stored intake.Package // as after the last save: what a crash leaves
	round  []intake.Scan  // answers that the running round has; lost in a crash
	last   []intake.Scan  // answers of the last round that was judged
	judged bool           // last belongs to the present state, no other decision came after it
	person bool           // a person has cleared the suspicion of the last round
}

// move is To, as a use case calls it: the store keeps what it returns, or nothing at a refusal.
func (p *path) move(t *rapid.T, next intake.State) bool {
	was := p.stored
	got, err := p.stored.To(next, "why", at)
	if err != nil {
		require.ErrorIs(t, err, atlas.ErrTransition)
		require.Zero(t, got)
		require.Equal(t, was, p.stored)
		return false
	}
	p.stored = got
	return true
}

// begin takes the package for a round of scans; it takes again one that a crash has left in scanning.
func (p *path) begin(t *rapid.T) {
	if p.stored.State == intake.Scanning || p.move(t, intake.Scanning) {
		p.round, p.judged, p.person = nil, false, false
	}
}

// answer is one scanner's, or a stranger's, in a round.
func (p *path) answer(t *rapid.T) {
	if p.stored.State == intake.Scanning {
		who := rapid.SampledFrom(append([]string{"other"}, required...)).Draw(t, "scanner")
		p.round = append(p.round, scan(who, mostlyClean.Draw(t, "verdict")))
	}
}

var mostlyClean = rapid.SampledFrom(append(slices.Repeat([]intake.Verdict{intake.VerdictClean}, 8), verdicts...))

// judge ends a round.
func (p *path) judge(t *rapid.T) {
	if p.stored.State != intake.Scanning {
		return
	}
	state, _ := intake.Decide(required, p.round)
	if p.move(t, state) {
		p.last, p.round, p.judged, p.person = p.round, nil, true, false
	}
}

// decide is a person's, who may send back, reject, and clear a suspicion, and has no say while scanners work.
func (p *path) decide(t *rapid.T) {
	next := rapid.SampledFrom([]intake.State{intake.Clean, intake.Suspicious, intake.Rejected, intake.Quarantined, "", "odd"}).Draw(t, "next")
	if was := p.stored.State; was != intake.Scanning && p.move(t, next) {
		p.person = was == intake.Suspicious && next == intake.Clean
		p.judged = p.judged && (p.person || next == intake.Suspicious)
	}
}

// crash loses what was not stored.
func (p *path) crash(*rapid.T) { p.round = nil }

// agrees reports whether every required scanner of the last round said clean, and nobody else otherwise; or, where a
// person has judged, that each answered and none said worse than suspicious.
func (p *path) agrees() bool {
	said := map[string]bool{}
	for _, s := range p.last {
		if s.Verdict != intake.VerdictClean && (!p.person || s.Verdict != intake.VerdictSuspicious) {
			return false
		}
		said[s.Scanner] = true
	}
	return p.judged && said["clamav"] && said["static"]
}

// deliverable asks as a download does.
func (p *path) deliverable() bool {
	d := atlas.Device{ID: "d", Path: "root/a"}
	return intake.Deploy(p.stored, []intake.Assignment{{PackageID: "p", Path: "root"}}, d) == nil
}

func TestNoPathLeadsToADeviceWithoutEveryVerdictOfTheLastRound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &path{stored: intake.Package{ID: "p", Path: "root", State: intake.Quarantined}}
		t.Repeat(map[string]func(*rapid.T){
			"begin": p.begin, "answer": p.answer, "another answer": p.answer, "judge": p.judge, "decide": p.decide, "crash": p.crash,
			"": func(t *rapid.T) {
				require.Contains(t, intake.States(), p.stored.State)
				if p.deliverable() {
					require.True(t, p.agrees(), "%s with %v", p.stored.State, p.last)
				}
			},
		})
	})
}

// The steps of an upload's way, of which a crash can cut off any number.
func TestCrashAtEveryStepLeavesItUndeliverable(t *testing.T) {
	t.Parallel()
	says := func(who string) func(*path, *rapid.T) {
		return func(p *path, _ *rapid.T) { p.round = append(p.round, scan(who, intake.VerdictClean)) }
	}
	steps := []func(*path, *rapid.T){(*path).begin, says("clamav"), says("static"), (*path).judge}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom([]intake.State{intake.Quarantined, intake.Error, intake.Scanning}).Draw(t, "from")
		for done := range len(steps) {
			p := &path{stored: intake.Package{ID: "p", Path: "root", State: from}}
			for _, step := range steps[:done] {
				step(p, t)
				require.False(t, p.deliverable())
			}
			p.crash(t)
			require.False(t, p.deliverable(), "after %d steps", done)
			p.judge(t) // whoever comes after the crash has no answers yet
			require.False(t, p.deliverable(), "judged after %d steps and a crash", done)

			again := &path{stored: p.stored}
			for _, step := range steps {
				step(again, t)
			}
			require.True(t, again.deliverable(), "and nothing stays stuck")
		}
	})
}

func TestDecideDependsNeitherOnTheOrderOfTheAnswersNorOnThatOfTheScanners(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names, round := drawRound(t)
		state, _ := intake.Decide(names, round)
		for range 3 {
			got, _ := intake.Decide(rapid.Permutation(names).Draw(t, "names"), rapid.Permutation(round).Draw(t, "scans"))
			require.Equal(t, state, got)
		}
		twice, _ := intake.Decide(append(names[:len(names):len(names)], names...), append(round[:len(round):len(round)], round...))
		require.Equal(t, state, twice, "repetition says nothing new")
	})
}

func drawRound(t *rapid.T) ([]string, []intake.Scan) {
	name := rapid.SampledFrom([]string{"a", "b", "c"})
	names := rapid.SliceOfN(name, 0, 3).Draw(t, "required")
	round := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) intake.Scan {
		return scan(name.Draw(t, "scanner"), mostlyClean.Draw(t, "verdict"))
	}), 0, 6).Draw(t, "round")
	return names, round
}

// openness orders the states by how near they are to a device: what a machine says last, what it tries again, what a
// person may clear, what goes out.
var openness = map[intake.State]int{intake.Rejected: 0, intake.Error: 1, intake.Suspicious: 2, intake.Clean: 3}

// badness orders the verdicts likewise; words nobody knows count as no answer.
var badness = map[intake.Verdict]int{
	intake.VerdictClean: 3, intake.VerdictSuspicious: 2, intake.VerdictFailed: 1, "": 1, "fine": 1, intake.VerdictMalicious: 0,
}

func TestAWorseVerdictNeverOpensMore(t *testing.T) {
	t.Parallel()
	words := slices.Sorted(maps.Keys(badness))
	rapid.Check(t, func(t *rapid.T) {
		names, round := drawRound(t)
		before, _ := intake.Decide(names, round)
		if len(round) > 0 {
			n := rapid.IntRange(0, len(round)-1).Draw(t, "which")
			worse := slices.Clone(round)
			worse[n].Verdict = rapid.SampledFrom(words).Filter(func(v intake.Verdict) bool { return badness[v] <= badness[round[n].Verdict] }).Draw(t, "worse")
			after, _ := intake.Decide(names, worse)
			require.LessOrEqual(t, openness[after], openness[before], "%v to %v", round, worse)
		}
	})
}

func TestAnotherDissentingAnswerOrAnotherRequirementNeverOpensMore(t *testing.T) {
	t.Parallel()
	bad := rapid.SampledFrom(verdicts[1:])
	rapid.Check(t, func(t *rapid.T) {
		names, round := drawRound(t)
		before, _ := intake.Decide(names, round)
		more, _ := intake.Decide(names, append(round[:len(round):len(round)], scan("c", bad.Draw(t, "bad"))))
		// The first answer of a scanner that is required opens more than its silence did: a retry becomes a suspicion.
		if slices.ContainsFunc(round, func(s intake.Scan) bool { return s.Scanner == "c" }) || !slices.Contains(names, "c") {
			require.LessOrEqual(t, openness[more], openness[before])
		}
		require.NotEqual(t, intake.Clean, more)
		if len(names) > 0 {
			stricter, _ := intake.Decide(append(names[:len(names):len(names)], "d"), round)
			require.LessOrEqual(t, openness[stricter], openness[before])
			require.NotEqual(t, intake.Clean, stricter)
		}
	})
}

func TestReasonNamesTheSameScannerEachTime(t *testing.T) {
	t.Parallel()
	round := []intake.Scan{scan("c", intake.VerdictFailed), scan("a", intake.VerdictFailed), scan("b", intake.VerdictFailed)}
	_, want := intake.Decide([]string{"a", "b", "c"}, round)
	for range 50 {
		_, got := intake.Decide([]string{"a", "b", "c"}, round)
		require.Equal(t, want, got)
	}
}

package apk_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
)

// corpusRow is one line of expected.tsv or sweep.tsv.
type corpusRow map[string]string

func readTSV(t testing.TB, name string) []corpusRow {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	lines, err := r.ReadAll()
	require.NoError(t, err)
	var out []corpusRow
	for _, l := range lines[1:] {
		row := corpusRow{}
		for i, v := range l {
			row[lines[0][i]] = v
		}
		out = append(out, row)
	}
	return out
}

func sdk(s string) int {
	n, _ := strconv.Atoi(s) // "-" is not given, and so is 0
	return n
}

// answer is what was found about a file of the corpus. A package that can't be inspected does not verify.
type answer struct {
	apk.Signature
	refused error
}

func ask(t testing.TB, dir, file, minSDK, maxSDK string) answer {
	t.Helper()
	info, err := apk.InspectFile(filepath.Join(dir, "apks", file), apk.Options{MinSDK: sdk(minSDK), MaxSDK: sdk(maxSDK)})
	if err != nil {
		require.True(t, isInspectError(err), "%s: %v", file, err)
		return answer{refused: err}
	}
	return answer{Signature: info.Signature}
}

// identity lists the certificates of the signers that count.
func (a answer) identity() string {
	sums := []string{}
	for _, s := range a.Identity() {
		sums = append(sums, s.SHA256)
	}
	return strings.Join(sums, ",")
}

// names splits a cell of issue names or schemes.
func names(cell string) []string {
	return strings.FieldsFunc(strings.TrimPrefix(cell, "-"), func(r rune) bool { return strings.ContainsRune(",|+ ", r) })
}

// has reports whether an issue has the name that apksig gives it. What apksig ends with an exception about the format is
// refused as a whole here, or has the code malformed_apk.
func (a answer) has(list []apk.Issue, name string) bool {
	if strings.HasPrefix(name, "EXCEPTION:") && a.refused != nil {
		return true
	}
	return slices.ContainsFunc(list, func(i apk.Issue) bool {
		return i.Code == strings.ToLower(name) || strings.HasPrefix(name, "EXCEPTION:") && i.Code == "malformed_apk"
	})
}

// reference is what apksig says about one file and range.
type reference struct {
	verified                            bool
	errors, warnings, schemes, identity string
}

// difference says in what an answer differs from the reference; nothing is agreement.
func (a answer) difference(want reference) string {
	if a.Verified != want.verified {
		return fmt.Sprintf("verified %v, errors %v", a.Verified, a.Errors)
	}
	anyError := func(n string) bool { return a.has(a.Errors, n) }
	if !want.verified {
		if all := names(want.errors); len(all) > 0 && !slices.ContainsFunc(all, anyError) {
			return fmt.Sprintf("errors %v, want one of %v", a.Errors, all)
		}
		return ""
	}
	if n := names(want.identity); len(n) > 0 && a.identity() != want.identity {
		return "signer " + a.identity()
	}
	schemes := slices.DeleteFunc(names(want.schemes), func(s string) bool { return s == "stamp" })
	if !slices.Equal(schemes, a.Schemes) {
		return fmt.Sprintf("schemes %v, want %v", a.Schemes, schemes)
	}
	for _, w := range names(want.warnings) {
		if !a.has(slices.Concat(a.Warnings, a.SourceStampErrors), w) {
			return fmt.Sprintf("no warning %s among %v", w, a.Warnings)
		}
	}
	return ""
}

// stampDifference compares the source stamp alone.
func (a answer) stampDifference(verified bool, errors string) string {
	if (a.SourceStamp == "verified") != verified {
		return fmt.Sprintf("stamp %s: %v", a.SourceStamp, a.SourceStampErrors)
	}
	anyError := func(n string) bool { return a.has(a.SourceStampErrors, n) }
	if all := names(errors); !verified && len(all) > 0 && !slices.ContainsFunc(all, anyError) {
		return fmt.Sprintf("stamp errors %v, want one of %v", a.SourceStampErrors, all)
	}
	return ""
}

// leftOut are rows that the corpus itself takes back: the provider that answered could not do keys of this size, and
// an exception whose kind depended on the heap.
func leftOut(file string) bool {
	return strings.Contains(file, "pss") && strings.Contains(file, "16384") || file == "incorrect-manifest-size.apk"
}

// rowsThatDiffer lists, by file and range, the rows on which the reference is not followed, each with the reason. A row
// that agrees must not be in it.
var rowsThatDiffer = map[string]string{
	"v31-rsa-2048_2-tgt-33-1-tgt-28.apk 33 - ApkVerifier.verify": "the row lists what apksig's test asserts; the reference itself verifies v3 as well, as the same range in sweep.tsv says",
}

// tally counts agreement, and fails for a difference that is not listed and for a listed one that is gone.
type tally struct{ agreed, differ, total int }

func (c *tally) count(t testing.TB, key, difference string) {
	t.Helper()
	c.total++
	reason, listed := rowsThatDiffer[key]
	switch {
	case difference == "" && listed:
		t.Errorf("%s agrees, but is listed as differing: %s", key, reason)
	case difference == "":
		c.agreed++
	case listed:
		c.differ++
	default:
		t.Errorf("%s: %s", key, difference)
	}
}

func TestVerdictsAgreeWithTheReference(t *testing.T) {
	t.Parallel()
	dir := atlastest.CorpusDir(t, "apk-corpus")
	var verdicts, stamps tally
	for _, row := range readTSV(t, filepath.Join(dir, "expected.tsv")) {
		if leftOut(row["file"]) {
			continue
		}
		key := strings.Join([]string{row["file"], row["min_sdk"], row["max_sdk"], row["api"]}, " ")
		got := ask(t, dir, row["file"], row["min_sdk"], row["max_sdk"])
		want := row["expected"] == "verified"
		if row["api"] != "ApkVerifier.verify" {
			stamps.count(t, key, got.stampDifference(want, row["stamp_issues"]))
			continue
		}
		verdicts.count(t, key, got.difference(reference{
			verified: want, errors: row["issues_any_of"], warnings: row["warnings"], schemes: row["schemes"], identity: row["reference_signer_sha256"],
		}))
	}
	t.Logf("verdicts: %+v, stamps alone: %+v", verdicts, stamps)
	require.NotZero(t, verdicts.agreed)
	require.NotZero(t, stamps.agreed)
}

func TestSweepOverSDKRangesAgreesWithTheReference(t *testing.T) {
	t.Parallel()
	dir := atlastest.CorpusDir(t, "apk-corpus")
	var verdicts, stamps tally
	for _, row := range readTSV(t, filepath.Join(dir, "sweep.tsv")) {
		if leftOut(row["file"]) {
			continue
		}
		key := strings.Join([]string{row["file"], row["min"], row["max"]}, " ")
		got := ask(t, dir, row["file"], row["min"], row["max"])
		want := row["result"] == "verified"
		verdicts.count(t, key, got.difference(reference{
			verified: want, errors: row["errors"], warnings: row["warnings"], schemes: row["schemes"], identity: row["signer_sha256"],
		}))
		if want && names(row["stamp"]) != nil {
			stamps.count(t, key+" stamp", got.stampDifference(strings.HasPrefix(row["stamp"], "STAMP_VERIFIED"), strings.ReplaceAll(row["stamp_errors"], "w:", "")))
		}
	}
	t.Logf("verdicts: %+v, stamps: %+v", verdicts, stamps)
	require.NotZero(t, verdicts.agreed)
}

func TestEveryFileOfTheCorpusIsInspectedOrRefused(t *testing.T) {
	t.Parallel()
	dir := atlastest.CorpusDir(t, "apk-corpus")
	files, err := os.ReadDir(filepath.Join(dir, "apks"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		got := ask(t, dir, f.Name(), "-", "-")
		require.Equal(t, got.Verified, len(got.Schemes) > 0, f.Name())
	}
}

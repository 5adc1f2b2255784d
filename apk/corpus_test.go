package apk_test

import (
	"encoding/csv"
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

// verdict inspects a file of the corpus. A package that can't be inspected does not verify.
func verdict(t testing.TB, dir, file, minSDK, maxSDK string) (verified bool, codes []string, info *apk.Info) {
	t.Helper()
	info, err := apk.InspectFile(filepath.Join(dir, "apks", file), apk.Options{MinSDK: sdk(minSDK), MaxSDK: sdk(maxSDK)})
	if err != nil {
		require.True(t, isInspectError(err), "%s: %v", file, err)
		return false, []string{"EXCEPTION"}, nil
	}
	for _, e := range info.Signature.Errors {
		codes = append(codes, e.Code)
	}
	return info.Signature.Verified, codes, info
}

func TestNothingTheReferenceRejectsVerifies(t *testing.T) {
	t.Parallel()
	dir := atlastest.CorpusDir(t, "apk-corpus")
	for _, row := range readTSV(t, filepath.Join(dir, "expected.tsv")) {
		if row["api"] != "ApkVerifier.verify" || row["expected"] != "fails" {
			continue
		}
		got, _, _ := verdict(t, dir, row["file"], row["min_sdk"], row["max_sdk"])
		require.False(t, got, "%s for SDK %s to %s", row["file"], row["min_sdk"], row["max_sdk"])
	}
}

func TestEveryFileOfTheCorpusIsInspectedOrRefused(t *testing.T) {
	t.Parallel()
	dir := atlastest.CorpusDir(t, "apk-corpus")
	files, err := os.ReadDir(filepath.Join(dir, "apks"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		verified, _, info := verdict(t, dir, f.Name(), "-", "-")
		require.Equal(t, verified, info != nil && len(info.Signature.Schemes) > 0, f.Name())
		require.False(t, info != nil && slices.Contains(info.Signature.Schemes, "v1"), f.Name())
	}
}

func TestVerdictsOfModernSchemesAgreeWithTheReference(t *testing.T) {
	t.Parallel()
	dir := atlastest.CorpusDir(t, "apk-corpus")
	agreed, coded, failing := 0, 0, 0
	for _, row := range readTSV(t, filepath.Join(dir, "expected.tsv")) {
		if row["api"] != "ApkVerifier.verify" || !modern(row) {
			continue
		}
		got, codes, info := verdict(t, dir, row["file"], row["min_sdk"], row["max_sdk"])
		require.Equal(t, row["expected"] == "verified", got, "%s for SDK %s to %s: %v", row["file"], row["min_sdk"], row["max_sdk"], codes)
		agreed++
		if want := row["reference_signer_sha256"]; got && want != "-" {
			require.Equal(t, want, identity(info), row["file"])
		}
		if row["issues_any_of"] != "-" {
			failing++
			if anyCode(row["issues_any_of"], codes) {
				coded++
			} else {
				t.Logf("%s: got %v, the reference %s", row["file"], codes, row["issues_any_of"])
			}
		}
	}
	t.Logf("%d verdicts agree; %d of %d failing rows give one of the expected codes", agreed, coded, failing)
	require.NotZero(t, agreed)
}

// modern reports rows that turn on a v2 or later scheme. Rows whose verdict is that of a v1 signature are left out.
func modern(row corpusRow) bool {
	if row["expected"] == "verified" {
		return strings.Contains(row["schemes"], "v2") || strings.Contains(row["schemes"], "v3")
	}
	return !strings.HasPrefix(row["file"], "v1-")
}

// identity is the signer that current platforms see, or all signers of v2 together.
func identity(info *apk.Info) string {
	first := info.Signature.Signers[0]
	sums := []string{}
	for _, s := range info.Signature.Signers {
		if first.Scheme == "v2" {
			sums = append(sums, s.SHA256)
		}
	}
	if len(sums) == 0 {
		return first.SHA256
	}
	return strings.Join(sums, ",")
}

func anyCode(want string, got []string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(want, func(r rune) bool { return r == ',' || r == '|' || r == ' ' }), func(w string) bool {
		if strings.HasPrefix(w, "EXCEPTION:") {
			return slices.Contains(got, "EXCEPTION")
		}
		return slices.Contains(got, strings.ToLower(w))
	})
}

func TestSweepOverSDKRangesNeverVerifiesWhatTheReferenceRejects(t *testing.T) {
	t.Parallel()
	dir := atlastest.CorpusDir(t, "apk-corpus")
	same, stricter := 0, 0
	for _, row := range readTSV(t, filepath.Join(dir, "sweep.tsv")) {
		if row["mode"] != "verify" || strings.Contains(row["file"], "pss") && strings.Contains(row["file"], "16384") {
			continue
		}
		got, codes, _ := verdict(t, dir, row["file"], row["min"], row["max"])
		want := row["result"] == "verified"
		require.False(t, got && !want, "%s for SDK %s to %s", row["file"], row["min"], row["max"])
		if got == want {
			same++
			continue
		}
		stricter++
		if strings.Contains(row["schemes"], "v2") || strings.Contains(row["schemes"], "v3") {
			t.Logf("%s for SDK %s to %s (%s): %v", row["file"], row["min"], row["max"], row["schemes"], codes)
		}
	}
	t.Logf("%d verdicts agree, %d are stricter", same, stricter)
}

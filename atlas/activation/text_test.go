package activation_test

import (
	"bytes"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
)

func generated(t *testing.T, seed byte, prefix string) string {
	t.Helper()
	code, err := activation.Generate(mathrand.NewChaCha8([32]byte{seed}), prefix)
	require.NoError(t, err)
	return code
}

func TestACodeIsGroupsOfFourAfterItsPrefix(t *testing.T) {
	t.Parallel()
	require.Regexp(t, `^ACME(-[2-9A-HJKMNP-Z]{4}){4}$`, generated(t, 1, "ACME"))
	require.Regexp(t, `^[2-9A-HJKMNP-Z]{4}(-[2-9A-HJKMNP-Z]{4}){3}$`, generated(t, 1, ""))
	require.NotEqual(t, generated(t, 1, ""), generated(t, 2, ""))
}

func TestAPrefixHasUpToTwelveSymbols(t *testing.T) {
	t.Parallel()
	require.NoError(t, activation.CheckPrefix(""))
	require.NoError(t, activation.CheckPrefix(strings.Repeat("A", 12)))
	for _, prefix := range []string{strings.Repeat("A", 13), "acme", "A-B", "A0", "\u00c4"} {
		require.ErrorIs(t, activation.CheckPrefix(prefix), atlas.ErrInvalid, prefix)
		_, err := activation.Generate(mathrand.NewChaCha8([32]byte{}), prefix)
		require.ErrorIs(t, err, atlas.ErrInvalid)
	}
}

func TestGenerateReturnsTheSourcesError(t *testing.T) {
	t.Parallel()
	_, err := activation.Generate(bytes.NewReader(nil), "")
	require.Error(t, err)
}

func TestEverySymbolOfACodeIsEquallyLikely(t *testing.T) {
	t.Parallel()
	const codes = 67_000 // of 15 random symbols: a million
	source, count := mathrand.NewChaCha8([32]byte{9}), [256]float64{}
	for range codes {
		code, err := activation.Generate(source, "")
		require.NoError(t, err)
		code = strings.ReplaceAll(code, "-", "")
		for i := range 15 {
			count[code[i]]++
		}
	}
	expected, chi2 := float64(codes*15)/31, 0.0
	for _, sym := range []byte(atlas.Symbols) {
		chi2 += (count[sym] - expected) * (count[sym] - expected) / expected
	}
	require.Less(t, chi2, 59.7) // thirty degrees of freedom, one in a thousand
}

func TestNormalizeReadsWhatPeopleType(t *testing.T) {
	t.Parallel()
	code := generated(t, 1, "ACME")
	want := strings.ReplaceAll(code, "-", "")
	for _, typed := range []string{code, strings.ToLower(code), want, " " + strings.ReplaceAll(code, "-", " ") + " ", strings.ReplaceAll(code, "-", " - ")} {
		got, err := activation.Normalize(typed)
		require.NoError(t, err, typed)
		require.Equal(t, want, got)
	}
}

func TestNormalizeRefusesWhatIsNoCode(t *testing.T) {
	t.Parallel()
	code := generated(t, 1, "")
	for _, text := range []string{"", "-", code[:len(code)-1], code + "3", "\u00e9" + code, code + "\n", strings.Repeat(" ", 65), strings.Repeat("2", 65), strings.Repeat("A", 29)} {
		_, err := activation.Normalize(text)
		require.ErrorIs(t, err, atlas.ErrInvalid, "%q", text)
	}
}

func TestEveryWrongSymbolAndEverySwapOfNeighboursIsFound(t *testing.T) {
	t.Parallel()
	for seed, prefix := range []string{"", "A", "ACME", "ZZZZZZZZZZZZ", "2", "23456789ABCD"} {
		code := []byte(strings.ReplaceAll(generated(t, byte(seed), prefix), "-", ""))
		for i := range code {
			for _, wrong := range []byte(atlas.Symbols) {
				changed := bytes.Clone(code)
				if changed[i] = wrong; wrong != code[i] {
					_, err := activation.Normalize(string(changed))
					require.ErrorIs(t, err, atlas.ErrInvalid, "%s read as %s", code, changed)
				}
			}
			if i > 0 && code[i] != code[i-1] {
				swapped := bytes.Clone(code)
				swapped[i], swapped[i-1] = swapped[i-1], swapped[i]
				_, err := activation.Normalize(string(swapped))
				require.ErrorIs(t, err, atlas.ErrInvalid, "%s read as %s", code, swapped)
			}
		}
	}
}

func TestEveryGeneratedCodeIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		prefix := rapid.StringOfN(rapid.SampledFrom([]rune(atlas.Symbols)), 0, 12, -1).Draw(t, "prefix")
		var seed [32]byte
		seed[0], seed[1] = rapid.Byte().Draw(t, "seed"), rapid.Byte().Draw(t, "seed")
		code, err := activation.Generate(mathrand.NewChaCha8(seed), prefix)
		require.NoError(t, err)
		got, err := activation.Normalize(code)
		require.NoError(t, err)
		require.Equal(t, strings.ReplaceAll(code, "-", ""), got)
	})
}

func FuzzNormalize(f *testing.F) {
	f.Add("ACME-7KQ2-M9XR-4TGB-WD8P")
	f.Add("\u017f")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := activation.Normalize(text)
		if err != nil {
			require.ErrorIs(t, err, atlas.ErrInvalid)
			return
		}
		again, err := activation.Normalize(got)
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}

package activation

import (
	"io"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// A code's body is bodySymbols random symbols of atlas.Symbols, 74 bits, and
// one check symbol, written in groups of four.
const (
	bodySymbols = 15
	maxPrefix   = 12
	maxText     = 64
)

// Generate returns a new code such as "ACME-7KQ2-M9XR-4TGB-WD8P". The prefix
// is for people and carries no secret; it may be empty, or have up to 12
// symbols of atlas.Symbols.
func Generate(random io.Reader, prefix string) (string, error) {
	if err := CheckPrefix(prefix); err != nil {
		return "", err
	}
	body, err := atlas.RandomSymbols(random, bodySymbols)
	if err != nil {
		return "", err
	}
	body += string(check(prefix + body))
	groups := make([]string, 0, 5)
	if prefix != "" {
		groups = append(groups, prefix)
	}
	for i := 0; i < len(body); i += 4 {
		groups = append(groups, body[i:i+4])
	}
	return strings.Join(groups, "-"), nil
}

// CheckPrefix returns an ErrInvalid unless prefix can begin a code.
func CheckPrefix(prefix string) error {
	if len(prefix) > maxPrefix || strings.Trim(prefix, atlas.Symbols) != "" {
		return atlas.Invalid("prefix", "may have up to %d of the symbols %s", maxPrefix, atlas.Symbols)
	}
	return nil
}

// Normalize returns the symbols of a code as a person typed it: case, spaces
// and dashes don't matter. It returns an ErrInvalid if the text can't be a
// code, which its check symbol finds for every single wrong symbol and every
// swap of neighbours.
func Normalize(text string) (string, error) {
	bad := atlas.Invalid("activation_code", "is not an activation code; check it for typing errors")
	if len(text) > maxText {
		return "", bad
	}
	s := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(text))
	if len(s) <= bodySymbols || len(s) > maxPrefix+bodySymbols+1 || strings.Trim(s, atlas.Symbols) != "" {
		return "", bad
	}
	if last := len(s) - 1; s[last] != check(s[:last]) {
		return "", bad
	}
	return s, nil
}

// check returns the check symbol of s: the sum of each symbol's number times
// its place from the right, modulo the prime number of symbols. Places run
// from 2, so that swapping the last symbol with the check symbol shows.
func check(s string) byte {
	sum := 0
	for i := range len(s) {
		sum += strings.IndexByte(atlas.Symbols, s[i]) * (len(s) - i + 1)
	}
	n := len(atlas.Symbols)
	return atlas.Symbols[(n-sum%n)%n]
}

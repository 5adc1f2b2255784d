package identity

import (
	_ "embed"
	"strings"
	"unicode/utf8"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Bounds of a password (ASVS 5.0, 6.2.1 and 6.2.9).
const (
	// MinPassword is the fewest characters any policy accepts; 15 are
	// recommended.
	MinPassword = 8
	// MaxPassword is the most bytes a password may have. Nothing is ever cut
	// off.
	MaxPassword = 256
)

// commonPasswords are the best known passwords of 8 or more characters, in
// lower case, one a line.
//
//go:embed common_passwords.txt
var commonPasswords string

// PasswordPolicy says which passwords may be set. The zero value has the
// defaults. There are no rules of composition and no forced changes: both
// make passwords worse (ASVS 5.0, 6.2.5 and 6.2.10).
type PasswordPolicy struct {
	// MinLength is the fewest characters. Less than [MinPassword] counts as
	// MinPassword.
	MinLength int
	// Denied, if set, reports passwords known to attackers, such as those of
	// a list of breached ones, besides the short list that is built in.
	Denied func(password string) bool
}

// CheckPassword is [PasswordPolicy.Check] with the defaults.
func CheckPassword(username, password string) error {
	return PasswordPolicy{}.Check(username, password)
}

// Check returns an ErrInvalid unless password may be set for the account of
// that username. Letters compare without case in the list and the username;
// the password itself is never changed. The error never shows the password.
func (p PasswordPolicy) Check(username, password string) error {
	if len(password) > MaxPassword {
		return atlas.Invalid("password", "must have at most %d bytes", MaxPassword)
	}
	if !utf8.ValidString(password) || strings.ContainsRune(password, 0) {
		return atlas.Invalid("password", "has bytes that are not text")
	}
	if least := max(MinPassword, p.MinLength); utf8.RuneCountInString(password) < least {
		return atlas.Invalid("password", "must have at least %d characters", least)
	}
	if isCommon(password) || p.Denied != nil && p.Denied(password) {
		return atlas.Invalid("password", "is one that attackers try first")
	}
	if username != "" && strings.Contains(atlas.FoldUsername(password), atlas.FoldUsername(username)) {
		return atlas.Invalid("password", "must not contain the username")
	}
	return nil
}

func isCommon(password string) bool {
	for common := range strings.Lines(commonPasswords) {
		if strings.EqualFold(strings.TrimSuffix(common, "\n"), password) {
			return true
		}
	}
	return false
}

package atlas

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxDepth is the default bound on the number of accounts from an Admin down
// to a client: six levels of nested sub resellers.
const MaxDepth = 9

// Account is somebody in the tree. Its credits are in package ledger and its
// password in atlas/identity.
type Account struct {
	ID          AccountID `data:"account.ref"`
	Username    string    `data:"account.identity"` // as the person writes it
	UsernameKey string    `data:"account.identity"` // folded; unique
	DisplayName string    `data:"account.identity"`
	Role        Role      `data:"account.role"`
	ParentID    AccountID `data:"account.ref"`  // the truth about the tree; empty for an Admin
	Path        Path      `data:"account.role"` // derived
	Tenant      AccountID `data:"account.ref"`  // derived
	Status      Status    `data:"account.role"`
	Support     Support   `data:"account.role"`
	CreatedAt   time.Time `data:"account.role"`
	UpdatedAt   time.Time `data:"account.role"`
	Version     int64     `data:"none"`
}

// Resource returns the account as something to be authorized on.
func (a Account) Resource() Resource { return Resource{Path: a.Path} }

// Place returns a as it is below parent, or an error: ErrRefused if parent's
// role can't have such a child or the tree would become deeper than maxDepth.
// An Admin is placed below the zero Account.
func (a Account) Place(parent Account, maxDepth int) (Account, error) {
	if a.Role == Admin && parent.ID == "" {
		a.ParentID, a.Path, a.Tenant = "", Path("").Child(a.ID), a.ID
		return a, nil
	}
	if !parent.Role.MayParent(a.Role) {
		return Account{}, &PlaceError{Child: a.Role, Parent: parent.Role}
	}
	if parent.Path.Depth() >= maxDepth {
		return Account{}, &PlaceError{Child: a.Role, Parent: parent.Role, Depth: maxDepth}
	}
	a.ParentID, a.Path = parent.ID, parent.Path.Child(a.ID)
	a.Tenant = a.Path.Tenant()
	return a, nil
}

// PlaceError is the ErrRefused of an account that can't be where it was to
// be put.
type PlaceError struct {
	Child, Parent Role
	Depth         int // the bound that was met, or 0
}

// Error says which rule is in the way.
func (e *PlaceError) Error() string {
	if e.Depth > 0 {
		return "account: the tree would become deeper than allowed"
	}
	if e.Parent == "" {
		return "account: a " + string(e.Child) + " needs a parent"
	}
	return "account: a " + string(e.Child) + " can't be below a " + string(e.Parent)
}

// Is reports whether target is ErrRefused.
func (e *PlaceError) Is(target error) bool { return target == ErrRefused }

// FoldUsername returns the text by which usernames are unique, so that "Ana"
// and "ana" are one: every rune replaced by the smallest of its case
// variants (Unicode simple folding).
func FoldUsername(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// CheckUsername returns an ErrInvalid unless s can be a username: 3 to 64
// letters, digits and any of . _ - + @ in it. Combining marks are refused, so
// that two names that look alike can't differ in how they are composed.
func CheckUsername(s string) error {
	if n := utf8.RuneCountInString(s); !utf8.ValidString(s) || n < 3 || n > 64 {
		return Invalid("username", "must have 3 to 64 characters")
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-+@", r) {
			return Invalid("username", "may have letters, digits and . _ - + @ only")
		}
	}
	return nil
}

// CheckText returns an ErrInvalid unless s is valid UTF-8 of at most limit
// characters without control characters: what every backend stores alike and
// no terminal or page misreads. Device input goes through [CleanText].
func CheckText(field, s string, limit int) error {
	if !utf8.ValidString(s) {
		return Invalid(field, "is not valid UTF-8")
	}
	if utf8.RuneCountInString(s) > limit {
		return Invalid(field, "must have at most %d characters", limit)
	}
	if strings.ContainsFunc(s, badRune) {
		return Invalid(field, "has a control character")
	}
	return nil
}

// CleanText returns what of s can be kept of text that a device reported,
// which is hostile until proved otherwise: invalid bytes and control and
// direction-changing characters are dropped, and it is cut to limit runes.
func CleanText(s string, limit int) string {
	out := make([]rune, 0, min(len(s), limit))
	for _, r := range strings.ToValidUTF8(s, "") {
		if len(out) == limit {
			break
		}
		if !badRune(r) {
			out = append(out, r)
		}
	}
	return string(out)
}

// badRune reports characters that change how the text around them is shown.
func badRune(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

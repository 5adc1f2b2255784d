package atlas

import (
	"fmt"
	"slices"
	"strings"
)

// Actor is who asks, as the caller's authentication found it. It is an
// argument of every use case and never a context value, so that no call can
// forget it. The zero Actor is nobody, and is refused everywhere.
type Actor struct {
	// Account is the account that acts.
	Account AccountID
	// Impersonator is the account that really sits there, when one acts as
	// another; both are written to the audit log.
	Impersonator AccountID
	// Session identifies the session or API key that was shown; empty when
	// the embedder authenticated by other means.
	Session string
	// Origin is the network address of the request, for security events.
	Origin string
	// Purpose is why personal data is read; see [Purposes].
	Purpose Purpose
	// Only, unless nil, lists all actions that the credential shown is good
	// for: an API key made for less than its account may do.
	Only []Action
}

// Subject is an Actor together with what the store knows of it in the
// transaction that decides: never cached, so that a suspension holds from the
// next call on.
type Subject struct {
	Actor
	Role    Role
	Path    Path
	Status  Status // the effective one, see [Effective]
	Support Support
}

// SubjectOf returns the subject for an actor whose account and ancestors are
// line. A line without the actor's own account gives a Subject that may do
// nothing.
func SubjectOf(a Actor, line []Account) Subject {
	s := Subject{Actor: a, Status: Effective(line)}
	for _, acc := range line {
		if acc.ID == a.Account {
			s.Role, s.Path, s.Support = acc.Role, acc.Path, acc.Support
		}
	}
	return s
}

// Resource is what an action is done to, as far as the decision needs it: the
// place in the tree of the account that owns it. The zero Resource belongs to
// no tenant and is only within the reach Everywhere.
type Resource struct{ Path Path }

// Policy decides. The zero Policy allows nothing; [DefaultPolicy] has the
// built-in matrix. A Policy is never changed after it was made and is safe
// for concurrent use.
type Policy struct{ rules map[Action]Rule }

// NewPolicy returns a policy of the given rows. A row replaces an earlier one
// of the same action, so that embedders can append to [Matrix].
func NewPolicy(rules []Rule) Policy {
	p := Policy{rules: make(map[Action]Rule, len(rules))}
	for _, r := range rules {
		p.rules[r.Action] = r
	}
	return p
}

// DefaultPolicy returns the policy of [Matrix].
func DefaultPolicy() Policy { return NewPolicy(Matrix()) }

// Rule returns the row of an action.
func (p Policy) Rule(a Action) (Rule, bool) {
	r, ok := p.rules[a]
	return r, ok
}

// Authorize decides whether s may do action to r. It returns nil, or a
// *[Refusal] that wraps
//
//   - ErrUnauthenticated for the zero subject,
//   - ErrSuspended if the account or an ancestor is not active,
//   - ErrDenied if the role never does this, whatever r is, a support
//     permission is missing, or an Admin reads personal data without a
//     disclosure purpose,
//   - ErrNotFound if r is not the subject's to know of,
//   - ErrDenied if it is, but beyond the role's reach.
//
// It allocates only to refuse.
func (p Policy) Authorize(s Subject, action Action, r Resource) error {
	rule, err := p.admit(s, action)
	if err != nil {
		return err
	}
	reach := rule.Reach[s.Role]
	if reach == Nowhere {
		return refuse(s, action, ErrDenied, "not an action of the role")
	}
	if within(s.Path, reach, r.Path) {
		return nil
	}
	if s.Role != Admin && !s.Path.Contains(r.Path) {
		return refuse(s, action, ErrNotFound, "outside the actor's subtree")
	}
	return refuse(s, action, ErrDenied, "beyond what the role reaches")
}

// Scope is [Policy.Authorize] as a filter: it returns the set of places on
// which s may do action. It must be pushed into every list, count, search and
// export. The error is a *[Refusal]; the Scope beside an error is empty.
func (p Policy) Scope(s Subject, action Action) (Scope, error) {
	rule, err := p.admit(s, action)
	if err != nil {
		return Scope{}, err
	}
	reach := rule.Reach[s.Role]
	if reach == Nowhere {
		return Scope{}, refuse(s, action, ErrDenied, "not an action of the role")
	}
	return Scope{reach: reach, path: s.Path}, nil
}

// admit checks all that does not depend on the resource.
func (p Policy) admit(s Subject, action Action) (Rule, error) {
	if s.Account == "" {
		return Rule{}, refuse(s, action, ErrUnauthenticated, "no actor")
	}
	if s.Path == "" || s.Role == "" {
		return Rule{}, refuse(s, action, ErrUnauthenticated, "unknown actor")
	}
	if s.Status != Active {
		return Rule{}, refuse(s, action, ErrSuspended, "account or ancestor is "+string(s.Status))
	}
	rule, ok := p.rules[action]
	if !ok {
		return Rule{}, refuse(s, action, ErrDenied, "unknown action")
	}
	if s.Only != nil && !slices.Contains(s.Only, action) {
		return Rule{}, refuse(s, action, ErrDenied, "beyond what the API key is for")
	}
	if !s.Support.Has(rule.Support) {
		return Rule{}, refuse(s, action, ErrDenied, "support permission is missing")
	}
	if rule.Personal && s.Role == Admin && !s.Purpose.Discloses() {
		return Rule{}, refuse(s, action, ErrDenied, "an admin's read of personal data needs a purpose")
	}
	return rule, nil
}

func within(own Path, reach Reach, p Path) bool {
	switch reach {
	case Everywhere:
		return true
	case Subtree:
		return own.Contains(p)
	case Below:
		return own.Above(p)
	case Self:
		return own != "" && own == p
	}
	return false
}

// Scope is a set of places in the tree. The zero Scope is empty, so that a
// forgotten one shows nothing.
type Scope struct {
	reach Reach
	path  Path
}

// SubtreeOf returns the scope of p and everything below; of the empty path it
// is the empty scope.
func SubtreeOf(p Path) Scope {
	if p == "" {
		return Scope{}
	}
	return Scope{reach: Subtree, path: p}
}

// Contains reports whether p is in the scope.
func (s Scope) Contains(p Path) bool { return within(s.path, s.reach, p) }

// Reach and Path are what a backend builds its filter from: nothing, the path
// itself, the range of [Path.Bounds], both, or no filter.
func (s Scope) Reach() Reach { return s.reach }

// Path is the place that Reach counts from.
func (s Scope) Path() Path { return s.path }

// Narrow returns the part of s that lies in the subtree of p.
func (s Scope) Narrow(p Path) Scope {
	switch {
	case p == "":
		return Scope{}
	case s.reach == Everywhere:
		return SubtreeOf(p)
	case p.Contains(s.path):
		return s
	case s.Contains(p):
		return SubtreeOf(p)
	}
	return Scope{}
}

// Refusal is why an action was not allowed. Its text is for the security
// event; a client is told its kind only.
type Refusal struct {
	Actor  AccountID
	Action Action
	Reason string
	kind   error
}

func refuse(s Subject, a Action, kind error, reason string) error {
	return &Refusal{Actor: s.Account, Action: a, Reason: reason, kind: kind}
}

// Error names the action and the kind, and never the reason: the reason tells
// absent from forbidden.
func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s", r.Action, kindText(r.kind)) }

// Unwrap returns the kind.
func (r *Refusal) Unwrap() error { return r.kind }

func kindText(err error) string {
	text, _, _ := strings.Cut(err.Error(), " (")
	return text
}

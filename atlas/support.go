package atlas

import (
	"encoding/json"
	"fmt"
)

// Support is the set of remote-support permissions of an account (M-022). A
// child's set never exceeds its parent's, nor what its role allows.
type Support int64

// The support permissions.
const (
	OpenTicket Support = 1 << iota
	RequestView
	RequestControl
	RequestUnattended
)

var supportNames = []struct {
	bit  Support
	name string
}{
	{OpenTicket, "open_ticket"},
	{RequestView, "request_view"},
	{RequestControl, "request_control"},
	{RequestUnattended, "request_unattended"},
}

// SupportOf returns the most that an account of role r may hold.
func SupportOf(r Role) Support {
	switch r {
	case Admin, Reseller, SubReseller:
		return OpenTicket | RequestView | RequestControl | RequestUnattended
	case Client:
		return OpenTicket
	}
	return 0
}

// Has reports whether s holds all of p.
func (s Support) Has(p Support) bool { return s&p == p }

// Bound returns the part of s that an account of role r below a parent with
// the set parent may hold.
func (s Support) Bound(r Role, parent Support) Support { return s & SupportOf(r) & parent }

// Names returns the permissions of s by name.
func (s Support) Names() []string {
	out := []string{}
	for _, n := range supportNames {
		if s.Has(n.bit) {
			out = append(out, n.name)
		}
	}
	return out
}

// ParseSupport returns the set of the named permissions, or an ErrInvalid
// for an unknown name.
func ParseSupport(names []string) (Support, error) {
	var s Support
next:
	for _, name := range names {
		for _, n := range supportNames {
			if n.name == name {
				s |= n.bit
				continue next
			}
		}
		return 0, Invalid("support", "has an unknown permission %q", CleanText(name, 32))
	}
	return s, nil
}

// MarshalJSON writes the names.
func (s Support) MarshalJSON() ([]byte, error) { return json.Marshal(s.Names()) }

// UnmarshalJSON reads the names.
func (s *Support) UnmarshalJSON(b []byte) (err error) {
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return fmt.Errorf("atlas: support permissions: %w", err)
	}
	*s, err = ParseSupport(names)
	return err
}

package atlas

// Role is what an account is in the tree Admin > Reseller > Sub Reseller >
// Client. The text is what is stored and sent.
type Role string

// The four roles.
const (
	Admin       Role = "admin"
	Reseller    Role = "reseller"
	SubReseller Role = "sub_reseller"
	Client      Role = "client"
)

// Roles returns the four roles, highest first.
func Roles() []Role { return []Role{Admin, Reseller, SubReseller, Client} }

// ParseRole returns the role named s, or an ErrInvalid: there is no default.
func ParseRole(s string) (Role, error) {
	for _, r := range Roles() {
		if s == string(r) {
			return r, nil
		}
	}
	return "", Invalid("role", "is none of admin, reseller, sub_reseller, client")
}

// MayParent reports whether an account of role r may be the parent of one of
// role child: Reseller under Admin; Sub Reseller under Reseller or Sub
// Reseller; Client under any of the three. Admin has no parent.
func (r Role) MayParent(child Role) bool {
	switch child {
	case Reseller:
		return r == Admin
	case SubReseller:
		return r == Reseller || r == SubReseller
	case Client:
		return r == Admin || r == Reseller || r == SubReseller
	}
	return false
}

package atlas

import "slices"

// Purpose is why personal data is processed. The list is closed (M-010).
type Purpose string

// The seven purposes.
const (
	PurposeOperate  Purpose = "operate"  // operate the platform, manage devices and APKs
	PurposeSecurity Purpose = "security" // secure accounts
	PurposeAccess   Purpose = "access"   // verify role access
	PurposeSupport  Purpose = "support"  // support customers
	PurposeAbuse    Purpose = "abuse"    // investigate abuse
	PurposeBilling  Purpose = "billing"  // credits and what they paid for
	PurposeAudit    Purpose = "compliance"
)

// Purposes returns the closed list.
func Purposes() []Purpose {
	return []Purpose{PurposeOperate, PurposeSecurity, PurposeAccess, PurposeSupport, PurposeAbuse, PurposeBilling, PurposeAudit}
}

// ParsePurpose returns the purpose named s, or an ErrInvalid.
func ParsePurpose(s string) (Purpose, error) {
	if p := Purpose(s); slices.Contains(Purposes(), p) {
		return p, nil
	}
	return "", Invalid("purpose", "is not one of the purposes that data is processed for")
}

// Discloses reports whether p is one of the four purposes for which an Admin
// may read the data of tenants: billing, support, security, compliance
// (M-024).
func (p Purpose) Discloses() bool {
	return p == PurposeBilling || p == PurposeSupport || p == PurposeSecurity || p == PurposeAudit
}

// DataClass says what one kind of stored data is: the entry of the data map
// (M-003) that a record's field names in its `data` tag.
type DataClass struct {
	Name        string
	Category    string    // what kind of data, as the privacy policy lists it
	Subject     string    // whom it is about: operator, device_user, none
	Purposes    []Purpose // what it is kept for
	Retention   string    // which rule of the retention schedule ends it
	Sensitivity string    // none, personal, confidential, secret
}

// DataClasses returns the data map. Every field of every stored record names
// one of these classes; a test walks the records and fails on one that does
// not.
func DataClasses() []DataClass {
	operator, user := "operator", "device_user"
	return []DataClass{
		{"none", "technical", "none", nil, "with_record", "none"},
		{"account.ref", "account", operator, []Purpose{PurposeOperate, PurposeAccess, PurposeAudit}, "while_active", "personal"},
		{"account.identity", "account", operator, []Purpose{PurposeOperate, PurposeAccess, PurposeSupport}, "while_active", "personal"},
		{"account.role", "account", operator, []Purpose{PurposeAccess, PurposeSecurity}, "while_active", "personal"},
		{"account.secret", "credentials", operator, []Purpose{PurposeSecurity}, "while_active", "secret"},
		{"session", "security", operator, []Purpose{PurposeSecurity}, "session", "confidential"},
		{"network", "security", operator, []Purpose{PurposeSecurity, PurposeAbuse}, "network_address", "personal"},
		{"security", "security", operator, []Purpose{PurposeSecurity, PurposeAbuse}, "security_event", "confidential"},
		{"credit", "billing", operator, []Purpose{PurposeBilling, PurposeAudit}, "ledger", "confidential"},
		{"activation", "activation", user, []Purpose{PurposeOperate, PurposeBilling}, "while_active", "personal"},
		{"activation.secret", "activation", operator, []Purpose{PurposeOperate}, "while_active", "secret"},
		{"device.ref", "device", user, []Purpose{PurposeOperate}, "while_active", "personal"},
		{"device.identity", "device", user, []Purpose{PurposeOperate, PurposeSupport}, "while_active", "personal"},
		{"device.state", "device", user, []Purpose{PurposeOperate, PurposeSupport}, "while_active", "personal"},
		{"device.key", "device", user, []Purpose{PurposeSecurity}, "while_active", "confidential"},
		{"device.apps", "device", user, []Purpose{PurposeOperate, PurposeSupport}, "device_inventory", "confidential"},
		{"apk", "application", operator, []Purpose{PurposeOperate, PurposeSecurity}, "apk", "confidential"},
		{"apk.scan", "application", operator, []Purpose{PurposeSecurity}, "apk_scan", "confidential"},
		{"command", "command", user, []Purpose{PurposeOperate, PurposeAudit}, "command_history", "personal"},
		{"audit", "audit", operator, []Purpose{PurposeAudit, PurposeSecurity}, "audit", "confidential"},
	}
}

// ClassOf returns the class named name.
func ClassOf(name string) (DataClass, bool) {
	for _, c := range DataClasses() {
		if c.Name == name {
			return c, true
		}
	}
	return DataClass{}, false
}

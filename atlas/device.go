package atlas

import (
	"io"
	"time"
)

// SupportIDLength is the number of symbols of a support id.
const SupportIDLength = 8

// NewSupportID returns eight random symbols by which people name a device on
// the phone. It is a name, about 40 bits, and never a credential (M-027).
func NewSupportID(random io.Reader) (string, error) { return RandomSymbols(random, SupportIDLength) }

// Device is one managed phone. What it reported of itself (model, versions,
// capabilities) is hostile text that went through [CleanText].
type Device struct {
	ID        DeviceID  `data:"device.ref"`
	OwnerID   AccountID `data:"account.ref"`
	Path      Path      `data:"account.role"` // the owner's
	Tenant    AccountID `data:"account.ref"`  // the owner's
	FolderID  FolderID  `data:"device.state"`
	Name      string    `data:"device.identity"`
	SupportID string    `data:"device.identity"`

	PublicKey []byte `data:"device.key"` // SPKI, DER
	KeyID     string `data:"device.key"` // thumbprint of PublicKey; unique

	Manufacturer string   `data:"device.state"`
	Model        string   `data:"device.state"`
	OSVersion    string   `data:"device.state"`
	SDK          int64    `data:"device.state"` // Android API level
	ABIs         []string `data:"device.state"`
	AgentVersion string   `data:"device.state"`
	Capabilities []string `data:"device.state"` // command kinds the agent can run

	AgentEnabled   bool      `data:"device.state"`
	AgentChangedBy AccountID `data:"account.ref"`
	AgentReason    string    `data:"device.state"`
	AgentChangedAt time.Time `data:"device.state"`

	CodeID         string    `data:"activation"`
	PlanID         string    `data:"activation"`
	ActivatedAt    time.Time `data:"activation"`
	ActivatedUntil time.Time `data:"activation"` // zero: no end
	VerifiedAt     time.Time `data:"activation"` // last daily verification

	LastSeen       time.Time `data:"device.state"` // the server's clock, monotone
	CounterCeiling int64     `data:"none"`         // requests up to here are reserved, see Devices.Reserve in package store
	EnrolledAt     time.Time `data:"device.state"`
	Version        int64     `data:"none"`
}

// Resource returns the device as something to be authorized on.
func (d Device) Resource() Resource { return Resource{Path: d.Path} }

// OnlineWindow is the default time after its last contact during which a
// device counts as online: three of its 5-minute check-ins.
const OnlineWindow = 15 * time.Minute

// Online derives whether the device is online at now: its last contact is at
// most window old (M-033). It is never stored.
func (d Device) Online(now time.Time, window time.Duration) bool {
	return !d.LastSeen.IsZero() && now.Sub(d.LastSeen) <= window
}

// Seen returns d after an authenticated contact at now. LastSeen never moves
// back (M-032).
func (d Device) Seen(now time.Time) Device {
	if now.After(d.LastSeen) {
		d.LastSeen = now
	}
	return d
}

// App is one installed application as a device reported it.
type App struct {
	Package     string `json:"package"`
	VersionCode int64  `json:"version_code"`
	VersionName string `json:"version_name,omitempty"`
	Installer   string `json:"installer,omitempty"`
	// SHA256 is the hex checksum of the base APK, where the agent knows it.
	SHA256 string `json:"sha256,omitempty"`
}

// MaxApps is the most applications one report may list.
const MaxApps = 2000

// Inventory is the summary of the applications on a device (M-035): replaced
// whole by each report, and never more than [MaxApps].
type Inventory struct {
	ID         DeviceID  `data:"device.ref"`
	Apps       []App     `data:"device.apps"`
	ReportedAt time.Time `data:"device.apps"`
}

// Clean returns the inventory with every text cleaned, or an ErrLimited if
// there are too many applications.
func (v Inventory) Clean() (Inventory, error) {
	if len(v.Apps) > MaxApps {
		return Inventory{}, ErrTooLarge
	}
	apps := make([]App, len(v.Apps))
	for i, a := range v.Apps {
		apps[i] = App{
			Package: CleanText(a.Package, 255), VersionCode: a.VersionCode, VersionName: CleanText(a.VersionName, 128),
			Installer: CleanText(a.Installer, 255), SHA256: CleanText(a.SHA256, 64),
		}
	}
	v.Apps = apps
	return v, nil
}

// Find returns the application of that package name.
func (v Inventory) Find(pkg string) (App, bool) {
	for _, a := range v.Apps {
		if a.Package == pkg {
			return a, true
		}
	}
	return App{}, false
}

// Folder groups devices of one owner; folders of an owner form a tree.
type Folder struct {
	ID       FolderID  `data:"device.ref"`
	OwnerID  AccountID `data:"account.ref"`
	Path     Path      `data:"account.role"` // the owner's
	Tenant   AccountID `data:"account.ref"`
	ParentID FolderID  `data:"device.ref"` // empty: the owner's top
	Name     string    `data:"device.identity"`
	Version  int64     `data:"none"`
}

// Resource returns the folder as something to be authorized on.
func (f Folder) Resource() Resource { return Resource{Path: f.Path} }

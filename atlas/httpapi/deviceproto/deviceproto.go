// Package deviceproto is the device protocol on the wire: the JSON bodies that
// a device agent and an ATLAS server exchange below /device/v1. It imports the
// standard library only, so that an agent in Go can use it alone; PROTOCOL.md
// beside it is the specification from which an agent in any other language
// can be written.
//
// Every request but [PathEnrol] and [PathKeys] is signed by the device's key
// as package atlas/httpapi/httpsig describes, and so is every answer to them
// by the server's.
package deviceproto

import (
	"encoding/json"
	"time"
)

// Paths of the protocol.
const (
	PathEnrol   = "/device/v1/enroll"    // POST Enrol → Enrolled
	PathCheckIn = "/device/v1/checkin"   // POST CheckIn → Orders
	PathWait    = "/device/v1/wait"      // GET → Wake; a long poll
	PathAPK     = "/device/v1/apks/"     // GET {sha256} → the file, with ranges
	PathKeys    = "/device/v1/jwks.json" // GET → the server's public keys (RFC 7517)
)

// Bounds of the protocol.
const (
	MaxBody    = 2 << 20          // bytes of a request
	MaxReports = 100              // results in one check-in
	MaxApps    = 2000             // applications in one check-in
	MaxWait    = 55 * time.Second // how long a wait may last
)

// Enrol redeems an activation code and makes the key the device's own.
// Repeated with the same code and key it gives the first answer.
type Enrol struct {
	ActivationCode string `json:"activation_code" maxLength:"64"`
	// PublicKey is the device's public key, Ed25519 or ECDSA P-256, as SPKI
	// DER (RFC 5280) in standard base64.
	PublicKey    []byte   `json:"public_key"`
	Device       Device   `json:"device"`
	Capabilities []string `json:"capabilities" maxItems:"64"` // kinds of command the agent runs
}

// Device is what a device says of itself.
type Device struct {
	Name         string   `json:"name,omitempty"`
	Manufacturer string   `json:"manufacturer,omitempty"`
	Model        string   `json:"model,omitempty"`
	OSVersion    string   `json:"os_version,omitempty"`
	SDK          int64    `json:"sdk,omitempty"` // Android API level
	ABIs         []string `json:"abis,omitempty"`
	AgentVersion string   `json:"agent_version,omitempty"`
}

// Enrolled is the answer to Enrol. It is not signed; the lease in it is.
type Enrolled struct {
	DeviceID  string `json:"device_id"`
	SupportID string `json:"support_id"` // eight symbols that people read aloud
	KeyID     string `json:"key_id"`     // keyid of the device's signatures
	Lease     string `json:"lease"`      // compact JWS
	// Counter is the highest request counter that counts as used; the first
	// request must have a higher one.
	Counter    uint64          `json:"counter"`
	Keys       json.RawMessage `json:"keys"` // the server's keys, as at PathKeys
	ServerTime time.Time       `json:"server_time"`
}

// CheckIn is a device's report. All parts may be missing.
type CheckIn struct {
	Device       *Device  `json:"device,omitempty"`
	Capabilities []string `json:"capabilities,omitempty" maxItems:"64"`
	Results      []Report `json:"results,omitempty" maxItems:"100"`
	// Apps are all installed applications; absent means unchanged.
	Apps *[]App `json:"apps,omitempty"`
}

// Report is what came of one attempt of a command. It is repeated until a
// check-in that carried it was answered.
type Report struct {
	CommandID string `json:"command_id"`
	Attempt   int64  `json:"attempt"`
	// Outcome is acknowledged, succeeded, failed or unsupported.
	Outcome string `json:"outcome"`
	Detail  string `json:"detail,omitempty"`
}

// App is one installed application.
type App struct {
	Package     string `json:"package"`
	VersionCode int64  `json:"version_code"`
	VersionName string `json:"version_name,omitempty"`
	Installer   string `json:"installer,omitempty"`
	SHA256      string `json:"sha256,omitempty"` // of the base APK, lower-case hex
}

// Orders is the answer to CheckIn.
type Orders struct {
	Commands []Command `json:"commands"`
	// Lease renews the activation; it is absent when Activation says why not.
	Lease      string `json:"lease,omitempty"`
	Activation string `json:"activation"` // active, expired, suspended, revoked
	// AgentEnabled is false while the operator has disabled the agent.
	AgentEnabled bool `json:"agent_enabled"`
	// Rejected are reports that can't be used; they need not be repeated.
	Rejected []Rejected `json:"rejected,omitempty"`
	// NextCheckIn is in how many seconds the device should check in again,
	// unless it is woken before.
	NextCheckIn int64     `json:"next_check_in"`
	ServerTime  time.Time `json:"server_time"`
	// Keys are the server's keys from now on, in place of those the device
	// has; absent means unchanged. They count because a key that the device
	// has signed this answer: it is how keys are changed.
	Keys json.RawMessage `json:"keys,omitempty"`
}

// Rejected is a report that the server could not use.
type Rejected struct {
	CommandID string `json:"command_id"`
	Reason    string `json:"reason"`
}

// Command is one instruction. An agent runs each attempt of an id at most
// once, remembers its outcome, and reports it again when asked again.
type Command struct {
	ID        string          `json:"id"`
	Attempt   int64           `json:"attempt"`
	Kind      string          `json:"kind"`
	Params    json.RawMessage `json:"params"`
	Priority  int64           `json:"priority"`
	CreatedAt time.Time       `json:"created_at"`
	ExpiresAt time.Time       `json:"expires_at"`
}

// Install are the parameters of app.install and app.update as the device gets
// them. The agent checks the file's size and SHA-256 before it installs.
type Install struct {
	APKID       string   `json:"apk_id"`
	Package     string   `json:"package"`
	VersionCode int64    `json:"version_code"`
	VersionName string   `json:"version_name"`
	Size        int64    `json:"size"`
	SHA256      string   `json:"sha256"`
	Signers     []string `json:"signers"` // SHA-256 of the signing certificates, lower-case hex
}

// Target are the parameters of app.uninstall, app.clear_cache and
// app.clear_data.
type Target struct {
	Package string `json:"package"`
}

// Wake is the answer to a wait: whether there may be commands. It is a hint;
// only a check-in says for sure.
type Wake struct {
	Commands bool `json:"commands"`
}

// Problem is every error answer (RFC 9457). Type is a URN; those that an
// agent acts on are listed in PROTOCOL.md.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Counter is set for urn:atlas:problem:replay: the next request must have
	// a higher counter than this.
	Counter uint64 `json:"counter,omitempty"`
	// ServerTime is set for urn:atlas:problem:clock.
	ServerTime *time.Time `json:"server_time,omitempty"`
}

// Problem types that an agent acts on.
const (
	ProblemReplay  = "urn:atlas:problem:replay"
	ProblemClock   = "urn:atlas:problem:clock"
	ProblemUnknown = "urn:atlas:problem:unknown-device"
)

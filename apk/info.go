package apk

import "time"

// Info is what Inspect found in one package. No slice in it is nil, so that its JSON has arrays and never null.
type Info struct {
	// Size is the length of the file in bytes, SHA256 the digest of the whole file in lower-case hexadecimal.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`

	// Package is the application id from the manifest, which decides identity; Split names the split of a split APK.
	Package string `json:"package"`
	Split   string `json:"split"`
	// VersionCode is versionCodeMajor in the upper 32 bits and versionCode in the lower ones, the platform's
	// PackageInfo.getLongVersionCode.
	VersionCode int64  `json:"version_code"`
	VersionName string `json:"version_name"`
	// Label is the application's label in the default locale, and empty where the resource can't be resolved.
	Label string `json:"label"`

	// MinSDK is 1 where the manifest states none; TargetSDK is MinSDK then; MaxSDK is 0 where none is stated.
	MinSDK    int `json:"min_sdk"`
	TargetSDK int `json:"target_sdk"`
	MaxSDK    int `json:"max_sdk"`

	Debuggable bool `json:"debuggable"`
	TestOnly   bool `json:"test_only"`
	// UsesCleartext is usesCleartextTraffic, or else the platform's default: true where the target SDK is below 28. A
	// network security configuration, which is not read, can say otherwise from SDK 24 on.
	UsesCleartext bool `json:"uses_cleartext"`
	// AllowBackup is allowBackup, true by default: the application's data may leave the device in a backup.
	AllowBackup bool `json:"allow_backup"`
	// SharedUserID names the user id that the application shares with others of its signer; empty for none.
	SharedUserID string `json:"shared_user_id"`

	// Permissions holds the names of uses-permission and uses-permission-sdk-23, in the manifest's order, each once.
	Permissions []string    `json:"permissions"`
	Features    []Feature   `json:"features"`
	Components  []Component `json:"components"`
	// NativeABIs holds the folders below lib/ that contain native libraries, sorted.
	NativeABIs []string `json:"native_abis"`
	// Embedded holds files with the head of executable code or of an archive outside the places where the
	// platform loads them from. At most 256 are listed.
	Embedded []Embedded `json:"embedded"`

	Signature    Signature    `json:"signature"`
	Findings     []Finding    `json:"findings"`
	Provisioning Provisioning `json:"provisioning"`
}

// Feature is one uses-feature element with a name.
type Feature struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
}

// ComponentKind says which element of the manifest declared a component.
type ComponentKind string

// The kinds of component; an activity-alias is an activity of its own name.
const (
	Activity ComponentKind = "activity"
	Service  ComponentKind = "service"
	Receiver ComponentKind = "receiver"
	Provider ComponentKind = "provider"
)

// Component is one activity, service, receiver or provider of the manifest.
type Component struct {
	Kind ComponentKind `json:"kind"`
	// Name is the class, with a leading dot expanded by the package.
	Name string `json:"name"`
	// Exported is the effective value: the attribute, or else the platform's default (an intent filter exports;
	// a provider is exported by default where the target SDK is below 17).
	Exported bool `json:"exported"`
	// Permission is what a caller must hold; empty for none. For a provider it is the permission for reading and
	// writing, or the one for reading where only the two single ones are set.
	Permission string `json:"permission"`
	// DeviceAdmin marks a receiver that can become a device administrator.
	DeviceAdmin bool `json:"device_admin"`
	// Launcher marks an activity that a launcher shows.
	Launcher bool `json:"launcher"`
}

// Embedded is a file inside the package that looks like code or like another package.
type Embedded struct {
	Name string `json:"name"`
	// Kind is "dex", "zip" or "elf", by the first bytes of the content.
	Kind string `json:"kind"`
}

// Signature is the verdict on the package's signatures, for the range of SDK levels that was asked for.
type Signature struct {
	// Verified is true only where every platform of the range accepts the signature and everything that was relied on
	// was checked. Errors says why not.
	Verified bool `json:"verified"`
	// Schemes lists what verified, out of "v1", "v2", "v3", "v3.1" and "v4" (with v4.1); it is empty where Verified is false. A scheme that
	// no platform of the range looks at is not in it.
	Schemes []string `json:"schemes"`
	// Signers lists the signers of all schemes found in the range, also of such as failed (but for v1): look at
	// Verified first. The newest scheme comes first, and within v3 and v3.1 the signer for the newest platforms: of a
	// verified package the first one is the identity that current platforms compare at an update. Several signers of v1
	// or v2 are one identity together.
	Signers []Signer `json:"signers"`
	// Lineage is the proven history of signing certificates, oldest first, ending with the current one. It is
	// empty where Verified is false.
	Lineage []LineageNode `json:"lineage"`
	// SourceStamp is "none", "verified" or "failed", with the reasons in SourceStampErrors. It has no part in Verified:
	// a stamp says who distributed a package, by signing the digests that its signers signed, and means nothing about a
	// package that does not verify.
	SourceStamp       string  `json:"source_stamp"`
	SourceStampErrors []Issue `json:"source_stamp_errors"`
	// SourceStampSigner and SourceStampTime are whose stamp it is and when it was made (zero where it does not say).
	// They are set only where SourceStamp is "verified".
	SourceStampSigner *Signer   `json:"source_stamp_signer,omitempty"`
	SourceStampTime   time.Time `json:"source_stamp_time,omitzero"`
	Errors            []Issue   `json:"errors"`
	Warnings          []Issue   `json:"warnings"`
}

// Signer is one signer of one scheme.
type Signer struct {
	// Scheme is "v1", "v2", "v3" or "v3.1", and "stamp" for a source stamp.
	Scheme string `json:"scheme"`
	// SHA256 is the digest of the certificate's DER encoding in lower-case hexadecimal.
	SHA256    string    `json:"sha256"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// Key names algorithm and size: "RSA 2048", "EC P-256", "DSA 1024", or "unknown".
	Key string `json:"key"`
	// MinSDK and MaxSDK bound the platforms that this signer speaks for; MaxSDK is 0 for no bound.
	MinSDK int `json:"min_sdk"`
	MaxSDK int `json:"max_sdk"`
}

// LineageNode is one certificate in the history of signing keys.
type LineageNode struct {
	SHA256  string `json:"sha256"`
	Subject string `json:"subject"`
	// Flags are the capabilities still granted to the certificate (SigningCertificateLineage.SignerCapabilities).
	Flags uint32 `json:"flags"`
}

// Issue is one reason why a signature does not verify, or a warning about it.
type Issue struct {
	// Code is apksig's name of the issue in lower snake case and is stable.
	Code string `json:"code"`
	// Detail is for people and may change.
	Detail string `json:"detail"`
}

// Severity orders findings.
type Severity string

// The severities, from the least to the worst.
const (
	SeverityInfo     Severity = "info"
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// Finding is something in the package's structure that an honest build does not produce.
type Finding struct {
	// Code is stable; Detail is for people and may hold names out of the package, quoted.
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Detail   string   `json:"detail"`
}

// Provisioning holds the two checksums that Android's device-owner provisioning accepts, as URL-safe base64 without
// padding (DevicePolicyManager.EXTRA_PROVISIONING_DEVICE_ADMIN_PACKAGE_CHECKSUM and ..._SIGNATURE_CHECKSUM).
type Provisioning struct {
	// PackageChecksum is the SHA-256 of the file.
	PackageChecksum string `json:"package_checksum"`
	// SignatureChecksum is the SHA-256 of the signer's certificate; empty unless the signature verified.
	SignatureChecksum string `json:"signature_checksum"`
}

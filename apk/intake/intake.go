// Package intake holds the rules of taking APKs in: every upload is
// quarantined until all scanners agree that it is clean, and only a clean
// package is ever assigned, deployed or downloaded.
//
// The manifest decides what a package is, never the form that came with it.
// The same package name within a tenant means the same signer. Nothing here
// scans, reads files or keeps time: package apk inspects, package apk/scan
// judges, and the use cases in atlas/fleet carry their results here.
package intake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/atlas"
)

// State is where a package is on its way through quarantine (M-048).
type State string

// The states. Only Clean is deployable; Error is not clean.
const (
	Quarantined State = "quarantined"
	Scanning    State = "scanning"
	Clean       State = "clean"
	Suspicious  State = "suspicious" // a person may judge it
	Rejected    State = "rejected"
	Error       State = "error" // a scanner could not say; it is scanned again
)

var moves = map[State][]State{
	Quarantined: {Scanning, Rejected},
	Scanning:    {Clean, Suspicious, Rejected, Error, Quarantined},
	Clean:       {Quarantined, Suspicious, Rejected},
	Suspicious:  {Quarantined, Clean, Rejected},
	Error:       {Quarantined, Scanning, Rejected},
	Rejected:    {Quarantined},
}

// States returns all states.
func States() []State { return []State{Quarantined, Scanning, Clean, Suspicious, Rejected, Error} }

// CanBecome reports whether a package in state s may come to next.
func (s State) CanBecome(next State) bool { return slices.Contains(moves[s], next) }

// Deployable reports whether a package in state s may reach a device. The
// question is asked again at every download.
func (s State) Deployable() bool { return s == Clean }

// Errors of intake.
var (
	// ErrNotClean means that the package is not deployable as things stand.
	ErrNotClean = fmt.Errorf("intake: package is not clean (%w)", atlas.ErrRefused)
	// ErrUnassigned means that the package is not assigned to that place.
	ErrUnassigned = fmt.Errorf("intake: package is not assigned there (%w)", atlas.ErrRefused)
)

// Package is one uploaded APK. What describes it comes from its own bytes.
type Package struct {
	ID          string          `data:"apk"`
	OwnerID     atlas.AccountID `data:"account.ref"`
	Path        atlas.Path      `data:"account.role"` // the owner's
	Tenant      atlas.AccountID `data:"account.ref"`  // the owner's
	UploadedBy  atlas.AccountID `data:"account.ref"`
	UploadedAt  time.Time       `data:"apk"`
	FileName    string          `data:"apk"` // data only, never a path
	Size        int64           `data:"apk"`
	SHA256      string          `data:"apk"` // hex; the key of the file's bytes
	Package     string          `data:"apk"`
	VersionCode int64           `data:"apk"`
	VersionName string          `data:"apk"`
	Label       string          `data:"apk"`
	MinSDK      int64           `data:"apk"`
	TargetSDK   int64           `data:"apk"`
	ABIs        []string        `data:"apk"`
	Permissions []string        `data:"apk"`
	Verified    bool            `data:"apk"`
	Schemes     []string        `data:"apk"`
	Signers     []string        `data:"apk"` // SHA-256 of the signing certificates, hex, sorted
	Report      []byte          `data:"apk"` // the whole inspection, JSON of apk.Info
	Claimed     string          `data:"apk"` // the package name the form gave, if it lied
	State       State           `data:"apk.scan"`
	Reason      string          `data:"apk.scan"` // why it is in this state
	JudgedAt    time.Time       `data:"apk.scan"`
	Version     int64           `data:"none"`
}

// Resource returns the package as something to be authorized on.
func (p Package) Resource() atlas.Resource { return atlas.Resource{Path: p.Path} }

// Describe returns p with what the inspection found in the file. claimed is
// the package name that the upload's form gave, or "": if the manifest says
// otherwise, the manifest wins and the claim is kept as evidence (M-040).
func (p Package) Describe(info *apk.Info, report []byte, claimed string) Package {
	p.Size, p.SHA256 = info.Size, info.SHA256
	p.Package, p.VersionCode = atlas.CleanText(info.Package, 255), info.VersionCode
	p.VersionName, p.Label = atlas.CleanText(info.VersionName, 128), atlas.CleanText(info.Label, 128)
	p.MinSDK, p.TargetSDK = int64(info.MinSDK), int64(info.TargetSDK)
	p.ABIs, p.Permissions = info.NativeABIs, info.Permissions
	p.Verified, p.Schemes = info.Signature.Verified, info.Signature.Schemes
	p.Signers = signers(info)
	p.Report = report
	if claimed != "" && claimed != info.Package {
		p.Claimed = atlas.CleanText(claimed, 255)
	}
	return p
}

// signers lists the certificates that a device compares at an update: of a
// verified file only, for what did not verify has no signer.
func signers(info *apk.Info) []string {
	out := []string{}
	for _, s := range info.Signature.Identity() {
		out = append(out, s.SHA256)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// To returns the package in another state, or an ErrTransition.
func (p Package) To(next State, reason string, now time.Time) (Package, error) {
	if !p.State.CanBecome(next) {
		return Package{}, fmt.Errorf("intake: package %s is %s, can't become %s: %w", p.ID, p.State, next, atlas.ErrTransition)
	}
	p.State, p.Reason, p.JudgedAt = next, reason, now
	return p, nil
}

// Verdict is what one scanner says.
type Verdict string

// The verdicts of a scanner. Failed means that it could not say.
const (
	VerdictClean      Verdict = "clean"
	VerdictSuspicious Verdict = "suspicious"
	VerdictMalicious  Verdict = "malicious"
	VerdictFailed     Verdict = "failed"
)

// Scan is what one scanner said of one package (M-042).
type Scan struct {
	ID        string          `data:"apk.scan"`
	PackageID string          `data:"apk.scan"`
	Path      atlas.Path      `data:"account.role"`
	Tenant    atlas.AccountID `data:"account.ref"`
	Scanner   string          `data:"apk.scan"`
	Engine    string          `data:"apk.scan"` // version of the engine
	SignedAt  time.Time       `data:"apk.scan"` // date of its signatures; zero: it has none
	Verdict   Verdict         `data:"apk.scan"`
	Findings  []byte          `data:"apk.scan"` // JSON
	At        time.Time       `data:"apk.scan"`
}

// Decide returns the state that a round of scans leads to, whatever the order
// of the answers. Every one of the required scanners must have said clean;
// silence, failure, a word nobody knows and disagreement never yield Clean.
// One that says malicious is enough to reject, and one that could not say
// outweighs a suspicion, which a person could clear.
func Decide(required []string, scans []Scan) (State, string) {
	said := map[Verdict][]string{}
	for _, s := range scans {
		switch s.Verdict {
		case VerdictMalicious, VerdictSuspicious, VerdictClean:
			said[s.Verdict] = append(said[s.Verdict], s.Scanner)
		default:
			said[VerdictFailed] = append(said[VerdictFailed], s.Scanner)
		}
	}
	for _, name := range required {
		if !slices.ContainsFunc(scans, func(s Scan) bool { return s.Scanner == name }) {
			said[VerdictFailed] = append(said[VerdictFailed], name)
		}
	}
	switch {
	case len(said[VerdictMalicious]) > 0:
		return Rejected, "malicious according to " + slices.Min(said[VerdictMalicious])
	case len(said[VerdictFailed]) > 0:
		return Error, "no answer from " + slices.Min(said[VerdictFailed])
	case len(required) == 0:
		return Error, "no scanner is configured"
	case len(said[VerdictSuspicious]) > 0:
		return Suspicious, "suspicious according to " + slices.Min(said[VerdictSuspicious])
	}
	return Clean, "clean according to every scanner"
}

// Consistent returns the reason why p can't join the packages that a tenant
// has under the same name, or "": an Android device refuses an update by
// another signer, so the second signer is either a mistake or an attack.
func Consistent(p Package, sameName []Package) string {
	for _, q := range sameName {
		if q.ID != p.ID && q.State == Clean && !slices.Equal(q.Signers, p.Signers) {
			return "signed by another certificate than version " + q.VersionName + " of the same package"
		}
	}
	return ""
}

// Assignment says which devices may receive a package: all below an account,
// those in one folder, or one device. Its place is inside the subtree of
// whoever assigns it (M-046).
type Assignment struct {
	ID        string          `data:"apk"`
	PackageID string          `data:"apk"`
	Path      atlas.Path      `data:"account.role"`
	Tenant    atlas.AccountID `data:"account.ref"`
	FolderID  atlas.FolderID  `data:"device.ref"`
	DeviceID  atlas.DeviceID  `data:"device.ref"`
	ByID      atlas.AccountID `data:"account.ref"`
	At        time.Time       `data:"apk"`
}

// Of reports whether the assignment is one of p that counts: made for a place
// within its owner's subtree, and still there after accounts were moved.
func (a Assignment) Of(p Package) bool { return a.PackageID == p.ID && p.Path.Contains(a.Path) }

// Covers reports whether the assignment lets d have the package.
func (a Assignment) Covers(d atlas.Device) bool {
	switch {
	case a.DeviceID != "":
		return a.DeviceID == d.ID && a.Path.Contains(d.Path)
	case a.FolderID != "":
		return a.FolderID == d.FolderID && a.Path.Contains(d.Path)
	}
	return a.Path.Contains(d.Path)
}

// Shows reports whether the assignment lets the account at a place see the
// package: everybody below for a whole account, the owner alone for a folder
// or device of its own.
func (a Assignment) Shows(place atlas.Path) bool {
	if a.FolderID != "" || a.DeviceID != "" {
		return a.Path != "" && a.Path == place
	}
	return a.Path.Contains(place)
}

// Deploy returns nil if p may go to d as things stand: it is clean, and one
// of its assignments covers the device. It is asked when a command is queued,
// when it is delivered and when the file is downloaded.
func Deploy(p Package, as []Assignment, d atlas.Device) error {
	if !p.State.Deployable() {
		return fmt.Errorf("%w: it is %s", ErrNotClean, p.State)
	}
	for _, a := range as {
		if a.Of(p) && a.Covers(d) {
			return nil
		}
	}
	return fmt.Errorf("%w: device %s", ErrUnassigned, d.ID)
}

// Packages is what this package's rules need of storage, inside one
// transaction.
type Packages interface {
	// Package returns the package id, or ErrNotFound.
	Package(ctx context.Context, id string) (Package, error)
	// Insert adds p with Version 1, or returns ErrExists.
	Insert(ctx context.Context, p Package) error
	// Save writes p and adds one to its Version. It returns ErrStale unless
	// p.Version is the stored one.
	Save(ctx context.Context, p Package) error
	// SameName returns the tenant's packages of that package name, by ID.
	SameName(ctx context.Context, tenant atlas.AccountID, name string) ([]Package, error)
}

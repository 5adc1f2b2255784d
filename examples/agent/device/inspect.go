package device

import (
	"fmt"
	"slices"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// inspect reads the package in file and checks that it is the one that was
// ordered, by its manifest and its signers. sdk is the device's API level; 0
// judges for every platform that the manifest names.
func inspect(file string, p deviceproto.Install, sdk int) (*apk.Info, error) {
	info, err := apk.InspectFile(file, apk.Options{MinSDK: sdk, MaxSDK: sdk})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	switch {
	case !info.Signature.Verified:
		return nil, fmt.Errorf("%w: signature does not verify", ErrFile)
	case info.Package != p.Package:
		return nil, fmt.Errorf("%w: manifest says %s, ordered is %s", ErrFile, info.Package, p.Package)
	case info.VersionCode != p.VersionCode:
		return nil, fmt.Errorf("%w: manifest says version %d, ordered is %d", ErrFile, info.VersionCode, p.VersionCode)
	case sdk > 0 && info.MinSDK > sdk:
		return nil, fmt.Errorf("%w: needs API level %d, the device has %d", ErrFile, info.MinSDK, sdk)
	}
	for _, sum := range identity(info) {
		if !slices.Contains(p.Signers, sum) {
			return nil, fmt.Errorf("%w: signed by a certificate that was not ordered", ErrFile)
		}
	}
	return info, nil
}

// identity is what the platform compares at an update: the signer for the
// newest platforms, or all signers of v2 together.
func identity(info *apk.Info) []string {
	var out []string
	for _, s := range info.Signature.Identity() {
		out = append(out, s.SHA256)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// installedData is the capability of an earlier signer that lets an update
// take over the data of the installed version (INSTALLED_DATA in AOSP's
// SigningCertificateLineage).
const installedData = 1

// mayReplace checks an update as the platform does: the same signers or one
// that proves its descent from them, and no older version.
func mayReplace(have folderApp, info *apk.Info) error {
	if info.VersionCode < have.VersionCode {
		return fmt.Errorf("%w: version %d is older than the installed %d", ErrFile, info.VersionCode, have.VersionCode)
	}
	if slices.Equal(have.Signers, identity(info)) {
		return nil
	}
	for _, n := range info.Signature.Lineage {
		if len(have.Signers) == 1 && n.SHA256 == have.Signers[0] && n.Flags&installedData != 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: %s is installed with another signer", ErrFile, have.Package)
}

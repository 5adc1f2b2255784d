package scan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/apk"
)

// Previous is what a fleet has of a package already, against which an update is judged.
type Previous struct {
	VersionCode int64
	TargetSDK   int
	// SHA256 is the digest of the file, Signers those of its signing certificates, all in hexadecimal.
	SHA256      string
	Signers     []string
	Permissions []string
}

// fleetRules returns the rules that the options switch on. All of them are there whatever o says; those without their
// option match nothing.
func fleetRules(o *StaticOptions) []rule {
	return []rule{
		{"signer_not_allowed", high, "The package name belongs to another signer: this is not the application it claims to be.", o.foreignSigner},
		{"signer_expired", low, "The certificate has ended, or has not begun.", o.expired},
		{"permission_forbidden", high, "It asks for what the fleet's owner forbids.", o.forbidden},
		{"file_too_large", medium, "The file is larger than the fleet's owner allows.", o.tooLarge},

		{"fleet_abi_missing", medium, "It has no native code for the fleet's devices and can't be installed there.", o.noABI},
		{"fleet_abi_partial", low, "It has no native code for some of the fleet's devices.", o.someABI},
		{
			"fleet_min_sdk", medium, "It needs a newer Android than the fleet's oldest devices have.",
			sdk(func(i *apk.Info) bool { return o.FleetMinSDK > 0 && i.MinSDK > o.FleetMinSDK }),
		},
		{
			"fleet_max_sdk", medium, "It excludes the Android version of the fleet's newest devices.",
			sdk(func(i *apk.Info) bool { return o.FleetMaxSDK > 0 && i.MaxSDK > 0 && i.MaxSDK < o.FleetMaxSDK }),
		},
		{
			"fleet_target_blocked", medium, "The fleet's newest devices refuse applications built for so old an Android.",
			sdk(func(i *apk.Info) bool { return i.TargetSDK < lowestTarget(o.FleetMaxSDK) }),
		},
		{
			"fleet_target_old", low, "It is built for an Android further behind the fleet's newest than its owner allows.",
			sdk(func(i *apk.Info) bool { return o.MaxTargetSDKAge > 0 && i.TargetSDK < o.FleetMaxSDK-o.MaxTargetSDKAge }),
		},

		{
			"version_downgrade", medium, "The fleet has a newer version, which devices refuse to replace by this one.",
			o.update(func(i *apk.Info, p Previous) []string {
				return iff(i.VersionCode < p.VersionCode, "%d, not %d", i.VersionCode, p.VersionCode)
			}),
		},
		{
			"version_reused", medium, "It is another file than the fleet has under the same version number.",
			o.update(func(i *apk.Info, p Previous) []string {
				same := i.VersionCode == p.VersionCode && p.SHA256 != "" && !strings.EqualFold(p.SHA256, i.SHA256)
				return iff(same, "version %d is %s and %s", i.VersionCode, p.SHA256, i.SHA256)
			}),
		},
		{"signer_changed", high, "It is signed by somebody else than the version that the fleet has, without proof of the change.", o.update(changedSigner)},
		{
			"target_lowered", medium, "It is built for an older Android than the version before, which takes protections away.",
			o.update(func(i *apk.Info, p Previous) []string {
				return iff(i.TargetSDK < p.TargetSDK, "%d, not %d", i.TargetSDK, p.TargetSDK)
			}),
		},
		{"permissions_added", low, "It asks for more of its user's private things than the version before.", o.update(added)},
	}
}

// iff is the formatted evidence where is holds.
func iff(is bool, format string, args ...any) []string {
	if !is {
		return nil
	}
	return []string{fmt.Sprintf(format, args...)}
}

// lowestTarget is the target SDK below which a platform refuses to install: 23 from SDK 34 on, 24 from SDK 35 on
// (developer.android.com/about/versions/14/behavior-changes-all and 15).
func lowestTarget(platform int) int {
	switch {
	case platform >= 35:
		return 24
	case platform == 34:
		return 23
	}
	return 0
}

func (o *StaticOptions) update(judge func(*apk.Info, Previous) []string) match {
	return func(i *apk.Info) []string {
		if p, ok := o.Previous[i.Package]; ok {
			return judge(i, p)
		}
		return nil
	}
}

// installedData is SignerCapabilities.INSTALLED_DATA of a lineage's node: what that key signed may be updated.
const installedData = 1

// identity is the set of certificates that platforms know an application by: those of the newest scheme's first
// signer, or of all v2 or v1 signers together. The keys whose applications it may update come with it.
func identity(i *apk.Info) (current, history []string) {
	if !i.Signature.Verified || len(i.Signature.Signers) == 0 {
		return nil, nil
	}
	first := i.Signature.Signers[0]
	for _, s := range i.Signature.Signers {
		if s.SHA256 == first.SHA256 || s.Scheme == first.Scheme && !strings.HasPrefix(s.Scheme, "v3") {
			current = append(current, s.SHA256)
		}
	}
	for _, n := range i.Signature.Lineage {
		if n.Flags&installedData != 0 {
			history = append(history, n.SHA256)
		}
	}
	slices.Sort(current)
	return slices.Compact(current), history
}

func (o *StaticOptions) foreignSigner(i *apk.Info) []string {
	allowed, ok := o.AllowedSigners[i.Package]
	if !ok {
		return nil
	}
	list := digests(allowed)
	current, _ := identity(i)
	if len(current) == 0 {
		return []string{"no verified signer"}
	}
	return slices.DeleteFunc(current, func(c string) bool { return list[c] })
}

// changedSigner matches where the new identity neither is the old one nor has it in its proven history.
func changedSigner(i *apk.Info, p Previous) []string {
	if len(p.Signers) == 0 {
		return nil
	}
	old := digests(p.Signers)
	current, history := identity(i)
	same := len(current) == len(old) && !slices.ContainsFunc(current, func(c string) bool { return !old[c] })
	if same || slices.ContainsFunc(history, func(c string) bool { return old[c] }) {
		return nil
	}
	return append(current, "instead of "+strings.Join(p.Signers, " "))
}

func added(i *apk.Info, p Previous) []string {
	return slices.DeleteFunc(asks(private...)(i), func(name string) bool { return slices.Contains(p.Permissions, name) })
}

func (o *StaticOptions) expired(i *apk.Info) []string {
	if o.Now == nil {
		return nil
	}
	now := o.Now()
	var out []string
	for _, s := range i.Signature.Signers {
		if !s.NotAfter.IsZero() && (now.After(s.NotAfter) || now.Before(s.NotBefore)) {
			out = append(out, fmt.Sprintf("%s: %s to %s", s.Subject, s.NotBefore.Format(time.DateOnly), s.NotAfter.Format(time.DateOnly)))
		}
	}
	return out
}

func (o *StaticOptions) forbidden(i *apk.Info) []string {
	var out []string
	for _, p := range i.Permissions {
		if slices.Contains(o.ForbiddenPermissions, p) {
			out = append(out, p)
		}
	}
	return out
}

func (o *StaticOptions) tooLarge(i *apk.Info) []string {
	return iff(o.MaxSize > 0 && i.Size > o.MaxSize, "%d bytes, at most %d", i.Size, o.MaxSize)
}

func (o *StaticOptions) noABI(i *apk.Info) []string {
	if len(o.FleetABIs) == 0 {
		return nil
	}
	return without(o.FleetABIs...)(i)
}

func (o *StaticOptions) someABI(i *apk.Info) []string {
	if len(i.NativeABIs) == 0 || len(o.noABI(i)) > 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(o.FleetABIs), func(a string) bool { return slices.Contains(i.NativeABIs, a) })
}

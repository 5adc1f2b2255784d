package scan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk"
)

var manifestRules = []rule{
	{"debuggable", high, "The application is debuggable: whoever can reach adb runs code in it.", when(func(i *apk.Info) bool { return i.Debuggable })},
	{"test_only", high, "The application is marked testOnly and can't be installed in the ordinary way.", when(func(i *apk.Info) bool { return i.TestOnly })},
	{"uses_cleartext", low, "It may send data over the network without encryption.", when(func(i *apk.Info) bool { return i.UsesCleartext })},
	{"allow_backup", info, "Its data may leave the device in a backup.", when(func(i *apk.Info) bool { return i.AllowBackup })},
	{
		"shared_user_id", low, "It shares its data and rights with every application of the same signer that asks for it.",
		when(func(i *apk.Info) bool { return i.SharedUserID != "" && !systemUser(i) }),
	},
	{"shared_user_id_system", high, "It wants to be part of the system, which only the device's maker can grant.", when(systemUser)},
	{
		"target_before_runtime_permissions", medium, "It is built for so old an Android that it gets all permissions without a question.",
		sdk(func(i *apk.Info) bool { return i.TargetSDK < 23 }),
	},
	{
		"target_before_hardening", low, "It is built for an old Android and is spared many of the protections added since.",
		sdk(func(i *apk.Info) bool { return i.TargetSDK >= 23 && i.TargetSDK < 28 }),
	},
	{
		"target_below_min", low, "It is built for an older Android than it needs, which honest tools refuse.",
		sdk(func(i *apk.Info) bool { return i.TargetSDK < i.MinSDK }),
	},
	{
		"sdk_range_empty", medium, "No Android version can install it: the newest allowed is older than the oldest.",
		sdk(func(i *apk.Info) bool { return i.MaxSDK > 0 && i.MaxSDK < i.MinSDK }),
	},
	{"sdk_max_set", low, "It excludes newer Android versions.", sdk(func(i *apk.Info) bool { return i.MaxSDK >= i.MinSDK && i.MaxSDK > 0 })},
	{"version_missing", low, "It has no version number, so that updates can't be told apart.", when(func(i *apk.Info) bool { return i.VersionCode <= 0 && i.Split == "" })},
	{
		"version_highest", medium, "Its version number is the highest there is, so that no update can replace it.",
		when(func(i *apk.Info) bool { return i.VersionCode >= highestVersion }),
	},
	{"label_missing", info, "It shows an icon and no name.", labelMissing},
	{"label_deceptive", medium, "Its name holds invisible characters.", label(invisible)},
	{"label_impersonates", high, "It calls itself a part of the system and is not: how malware is kept from being removed.", impersonates},
	{"package_reserved_prefix", low, "Its package name is in the space of Android or Google: compare the signer.", when(reserved)},
	{
		"package_example", low, "Its package name is that of a tutorial, and anybody else's as well.",
		when(func(i *apk.Info) bool { return strings.HasPrefix(i.Package, "com.example.") }),
	},
	{"split_alone", low, "It is a part of an application and can't be installed alone.", when(func(i *apk.Info) bool { return i.Split != "" })},
	{"no_components", low, "It has no code that Android would start.", when(func(i *apk.Info) bool { return len(i.Components) == 0 && i.Split == "" })},
}

// highestVersion is the limit of Google Play (developer.android.com/studio/publish/versioning).
const highestVersion = 2_100_000_000

func sdk(is func(*apk.Info) bool) match {
	return func(i *apk.Info) []string {
		if !is(i) {
			return nil
		}
		return []string{fmt.Sprintf("min %d, target %d, max %d", i.MinSDK, i.TargetSDK, i.MaxSDK)}
	}
}

func label(is func(string) bool) match {
	return func(i *apk.Info) []string {
		if is(i.Label) {
			return []string{fmt.Sprintf("%+q", i.Label)}
		}
		return nil
	}
}

func labelMissing(i *apk.Info) []string {
	if i.Label != "" || len(unseen(i)) > 0 || i.Split != "" || len(i.Components) == 0 {
		return nil
	}
	return []string{i.Package}
}

// systemUser matches the user ids that the platform's own packages share (android.uid.system, .phone, .bluetooth, …).
func systemUser(i *apk.Info) bool { return strings.HasPrefix(i.SharedUserID, "android.") }

// systemLabels are names of services of the system, as malware takes them on.
var systemLabels = []string{
	"android system", "android system webview", "android update", "android security update", "chrome update", "google play",
	"google play protect", "google play services", "google play store", "google services framework", "play protect",
	"security update", "system service", "system services", "system update", "update service",
}

func impersonates(i *apk.Info) []string {
	name := strings.ToLower(strings.Join(strings.Fields(i.Label), " "))
	if reserved(i) || !slices.Contains(systemLabels, name) {
		return nil
	}
	return []string{fmt.Sprintf("%+q", i.Label), i.Package}
}

func reserved(i *apk.Info) bool {
	for _, p := range []string{"android.", "com.android.", "com.google."} {
		if strings.HasPrefix(i.Package, p) {
			return true
		}
	}
	return i.Package == "android"
}

var componentRules = []rule{
	{"device_admin", low, "It can become device administrator: lock the device, or wipe it.", deviceAdmin},
	{"device_admin_unprotected", medium, "A device-admin receiver can be reached by any application.", found(func(c apk.Component) bool {
		return c.DeviceAdmin && c.Exported && c.Permission != permissionPrefix+"BIND_DEVICE_ADMIN"
	})},
	{"exported_provider", medium, "Its data can be reached by every application.", exported(apk.Provider)},
	{"exported_service", low, "Every application can use its services.", exported(apk.Service)},
	{"exported_component", info, "Every application can open its screens or send it messages.", exported(apk.Activity, apk.Receiver)},
	{"component_unnamed", medium, "A component has no name, which honest tools refuse.", nameless},
	{
		"component_deceptive_name", medium, "A component's name holds invisible characters.",
		found(func(c apk.Component) bool { return invisible(c.Name) }),
	},
	{"component_duplicate", low, "A component is declared twice, so that tools can disagree on which counts.", twice},
	{"launcher_missing", low, "It shows no icon, so that its user doesn't see that it is there.", unseen},
	{"launchers_many", low, "It shows more than three icons.", manyLaunchers},
}

func nameless(i *apk.Info) []string {
	for _, c := range i.Components {
		if c.Name == "" {
			return []string{string(c.Kind)}
		}
	}
	return nil
}

func twice(i *apk.Info) []string {
	seen, out := map[apk.Component]bool{}, []string(nil)
	for _, c := range i.Components {
		key := apk.Component{Kind: c.Kind, Name: c.Name}
		if seen[key] && c.Name != "" {
			out = append(out, c.Name)
		}
		seen[key] = true
	}
	return out
}

func manyLaunchers(i *apk.Info) []string {
	if shown := found(func(c apk.Component) bool { return c.Launcher })(i); len(shown) > 3 {
		return shown
	}
	return nil
}

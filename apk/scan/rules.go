package scan

import (
	"strconv"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk"
)

// rule is one static check: match returns what it found, or nothing.
type rule struct {
	code     string
	severity apk.Severity
	sentence string
	match    func(*apk.Info) []string
}

// rules are all static checks. The combinations of permissions are those with which malware of the families seen most
// (bankers, droppers, lockers, stalkerware) does its work, and which Play Protect warns of when an app from elsewhere
// declares them (developers.google.com/android/play-protect/warning-dev-guidance).
var rules = []rule{
	{"signature_unverified", apk.SeverityHigh, "The signature does not verify, so nobody vouches for the file.", unverified},
	{"signature_v1_unchecked", apk.SeverityInfo, "Platforms before SDK 24 check another signature, which was not verified.", v1Unchecked},
	{"signer_debug_certificate", apk.SeverityHigh, "The signer is a development tool's debug key, which anyone can have.", debugSigner},
	{"signer_aosp_test_key", apk.SeverityHigh, "The signer is a test key of the Android sources, whose private half is public.", aospSigner},
	{"signer_weak_key", apk.SeverityMedium, "The signing key is weaker than is held safe today.", weakKey},
	{"debuggable", apk.SeverityHigh, "The application is debuggable: whoever can reach adb runs code in it.", when(func(i *apk.Info) bool { return i.Debuggable })},
	{"test_only", apk.SeverityHigh, "The application is marked testOnly and can't be installed in the ordinary way.", when(func(i *apk.Info) bool { return i.TestOnly })},

	{
		"accessibility_overlay", apk.SeverityHigh, "It can draw over other applications and press their buttons: the tools of banking trojans.",
		all(binds("BIND_ACCESSIBILITY_SERVICE"), asks("SYSTEM_ALERT_WINDOW")),
	},
	{
		"accessibility_install", apk.SeverityHigh, "It can install packages and confirm the questions itself: the tools of droppers.",
		all(binds("BIND_ACCESSIBILITY_SERVICE"), asks("REQUEST_INSTALL_PACKAGES")),
	},
	{
		"accessibility_sms", apk.SeverityHigh, "It can read messages and operate other applications: the tools of thieves of one-time passwords.",
		all(binds("BIND_ACCESSIBILITY_SERVICE"), asksAny("RECEIVE_SMS", "READ_SMS")),
	},
	{
		"admin_overlay", apk.SeverityHigh, "It can become device administrator and cover the screen: the tools of screen lockers.",
		all(deviceAdmin, asks("SYSTEM_ALERT_WINDOW")),
	},
	{
		"hidden_installer", apk.SeverityHigh, "It carries a package of its own and can install packages: the tools of droppers.",
		all(asks("REQUEST_INSTALL_PACKAGES"), embeds("zip", "dex")),
	},
	{"sms_network", apk.SeverityMedium, "It can read messages and send them away.", all(asksAny("RECEIVE_SMS", "READ_SMS"), asks("INTERNET"))},
	{
		"notifications_network", apk.SeverityMedium, "It can read all notifications and send them away.",
		all(binds("BIND_NOTIFICATION_LISTENER_SERVICE"), asks("INTERNET")),
	},
	{
		"surveillance", apk.SeverityMedium, "It can record sound and follow the position in the background: the tools of stalkerware.",
		all(asks("RECORD_AUDIO"), asks("ACCESS_BACKGROUND_LOCATION"), asks("INTERNET")),
	},
	{"starts_unseen", apk.SeverityMedium, "It starts with the device and shows no icon.", all(asks("RECEIVE_BOOT_COMPLETED"), noLauncher)},
	{"query_all_packages", apk.SeverityLow, "It can list all installed applications.", asks("QUERY_ALL_PACKAGES")},
	{"vpn_service", apk.SeverityLow, "It can carry all traffic of the device.", binds("BIND_VPN_SERVICE")},

	{"device_admin_unprotected", apk.SeverityMedium, "A device-admin receiver can be reached by any application.", unprotectedAdmin},
	{"exported_provider", apk.SeverityMedium, "A content provider is open to every application.", exported(apk.Provider)},
	{"exported_component", apk.SeverityLow, "Components are open to every application.", exported(apk.Activity, apk.Service, apk.Receiver)},

	{"hidden_dex", apk.SeverityHigh, "Code lies where the platform does not load it from, and is loaded past its checks.", embeds("dex")},
	{"hidden_archive", apk.SeverityMedium, "Archives lie among the assets, and may be packages.", embeds("zip")},
	{"hidden_native_code", apk.SeverityMedium, "Native code lies outside lib/, and is loaded past the platform's checks.", embeds("elf")},
}

func unverified(i *apk.Info) []string {
	if i.Signature.Verified {
		return nil
	}
	out := []string{}
	for _, e := range i.Signature.Errors {
		out = append(out, e.Code)
	}
	return append(out, "not verified")
}

func v1Unchecked(i *apk.Info) []string {
	for _, w := range i.Signature.Warnings {
		if w.Code == "v1_not_checked" {
			return []string{w.Detail}
		}
	}
	return nil
}

func debugSigner(i *apk.Info) []string {
	return signers(i, func(s apk.Signer) bool { return hasRDN(s.Subject, "CN=Android Debug") })
}

// aospTestKey is the certificate of build/make/target/product/security/testkey. The other keys there share its subject.
const aospTestKey = "a40da80a59d170caa950cf15c18c454d47a39b26989d8b640ecd745ba71bf5dc"

func aospSigner(i *apk.Info) []string {
	return signers(i, func(s apk.Signer) bool {
		return s.SHA256 == aospTestKey || hasRDN(s.Subject, "CN=Android", "OU=Android", "O=Android", "L=Mountain View")
	})
}

// hasRDN reports whether a distinguished name has all the given parts.
func hasRDN(name string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(","+name+",", ","+p+",") {
			return false
		}
	}
	return true
}

// weakKey follows NIST SP 800-131A: RSA and DSA below 2048 bits, and curves below 224 bits.
func weakKey(i *apk.Info) []string {
	return signers(i, func(s apk.Signer) bool {
		kind, size, _ := strings.Cut(s.Key, " ")
		bits, _ := strconv.Atoi(strings.TrimPrefix(size, "P-"))
		return kind == "unknown" || kind == "EC" && bits < 224 || kind != "EC" && bits < 2048
	})
}

func signers(i *apk.Info, is func(apk.Signer) bool) []string {
	var out []string
	for _, s := range i.Signature.Signers {
		if is(s) {
			out = append(out, s.Scheme+" "+s.Key+" "+s.Subject)
		}
	}
	return out
}

func unprotectedAdmin(i *apk.Info) []string {
	return components(i, func(c apk.Component) bool {
		return c.DeviceAdmin && c.Exported && c.Permission != "android.permission.BIND_DEVICE_ADMIN"
	})
}

func noLauncher(i *apk.Info) []string {
	if len(components(i, func(c apk.Component) bool { return c.Launcher })) > 0 {
		return nil
	}
	return []string{"no launcher activity"}
}

func deviceAdmin(i *apk.Info) []string {
	return components(i, func(c apk.Component) bool { return c.DeviceAdmin })
}

package scan_test

import (
	"slices"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/scan"
)

// permissionPairs has, for a check of one permission, another permission as the quiet case, and for one of several
// things the same package without one of them.
func permissionPairs() map[string]pair {
	out := map[string]pair{
		"system_permissions": {fires: on(asks("REBOOT")), quiet: on(asks("RECEIVE_BOOT_COMPLETED"))},
		"permissions_many":   {fires: on(asks(private[:15]...)), quiet: on(asks(private[:14]...), asks("INTERNET"))},
		"permission_malformed": {
			fires: on(func(i *apk.Info) { i.Permissions = []string{"android.permission.internet"} }),
			quiet: on(func(i *apk.Info) { i.Permissions = []string{"dev.app.permission.mine"} }),
		},
	}
	for code, permission := range map[string]string{
		"query_all_packages": "QUERY_ALL_PACKAGES", "overlay": "SYSTEM_ALERT_WINDOW", "install_packages": "REQUEST_INSTALL_PACKAGES",
		"delete_packages": "REQUEST_DELETE_PACKAGES", "install_silently": "INSTALL_PACKAGES", "inject_events": "INJECT_EVENTS",
		"read_logs": "READ_LOGS", "superuser": "ACCESS_SUPERUSER", "write_settings": "WRITE_SETTINGS", "all_files": "MANAGE_EXTERNAL_STORAGE",
		"usage_stats": "PACKAGE_USAGE_STATS", "kill_processes": "KILL_BACKGROUND_PROCESSES", "disable_keyguard": "DISABLE_KEYGUARD",
		"battery_exempt": "REQUEST_IGNORE_BATTERY_OPTIMIZATIONS", "full_screen_intent": "USE_FULL_SCREEN_INTENT",
		"background_location": "ACCESS_BACKGROUND_LOCATION", "screen_capture": "FOREGROUND_SERVICE_MEDIA_PROJECTION",
		"call_phone": "CALL_PHONE", "outgoing_calls": "PROCESS_OUTGOING_CALLS", "sms_send": "SEND_SMS",
	} {
		out[code] = pair{fires: on(asks(permission)), quiet: on(asks(permission + "_NOT"))}
	}
	for code, service := range map[string]string{
		"accessibility_service": "ACCESSIBILITY_SERVICE", "notification_listener": "NOTIFICATION_LISTENER_SERVICE", "vpn_service": "VPN_SERVICE",
		"input_method": "INPUT_METHOD", "autofill_service": "AUTOFILL_SERVICE", "call_redirection": "CALL_REDIRECTION_SERVICE",
		"card_emulation": "NFC_SERVICE",
	} {
		out[code] = pair{fires: on(binds(service)), quiet: on(binds("JOB_SERVICE"), asks("BIND_"+service))}
	}
	for code, parts := range abuses {
		out[code] = pair{fires: parts, quiet: parts[1:]}
	}
	return out
}

// private are fifteen permissions that the platform asks its user about.
var private = strings.Fields(`READ_CALENDAR WRITE_CALENDAR READ_CALL_LOG WRITE_CALL_LOG CAMERA READ_CONTACTS WRITE_CONTACTS GET_ACCOUNTS
	ACCESS_FINE_LOCATION ACCESS_COARSE_LOCATION RECORD_AUDIO READ_PHONE_STATE CALL_PHONE READ_SMS BODY_SENSORS`)

// abuses are what the combinations are made of. Without any one of its parts, the check is quiet.
var abuses = map[string][]change{
	"accessibility_overlay": {binds("ACCESSIBILITY_SERVICE"), asks("SYSTEM_ALERT_WINDOW")},
	"accessibility_install": {binds("ACCESSIBILITY_SERVICE"), asks("REQUEST_INSTALL_PACKAGES")},
	"accessibility_sms":     {binds("ACCESSIBILITY_SERVICE"), asks("READ_SMS")},
	"accessibility_admin":   {binds("ACCESSIBILITY_SERVICE"), admin},
	"accessibility_screen":  {binds("ACCESSIBILITY_SERVICE"), asks("FOREGROUND_SERVICE_MEDIA_PROJECTION")},
	"accessibility_unseen":  {binds("ACCESSIBILITY_SERVICE"), unseen},
	"admin_overlay":         {admin, asks("SYSTEM_ALERT_WINDOW")},
	"admin_sms":             {admin, asks("RECEIVE_SMS")},
	"sms_unseen":            {asks("SEND_SMS"), unseen},
	"installer_unseen":      {asks("REQUEST_INSTALL_PACKAGES"), asks("RECEIVE_BOOT_COMPLETED"), unseen},
	"hidden_installer":      {asks("REQUEST_INSTALL_PACKAGES"), embedded("assets/x", "zip")},
	"sms_network":           {asks("READ_SMS"), asks("INTERNET")},
	"notifications_network": {binds("NOTIFICATION_LISTENER_SERVICE"), asks("INTERNET")},
	"call_log_network":      {asks("READ_CALL_LOG"), asks("INTERNET")},
	"contacts_network":      {asks("READ_CONTACTS"), asks("INTERNET")},
	"typed_text_network":    {binds("INPUT_METHOD"), asks("INTERNET")},
	"card_relay":            {binds("NFC_SERVICE"), asks("NFC"), asks("INTERNET")},
	"surveillance":          {asks("RECORD_AUDIO"), asks("ACCESS_BACKGROUND_LOCATION"), asks("INTERNET")},
	"starts_unseen":         {asks("RECEIVE_BOOT_COMPLETED"), unseen},
}

var contentPairs = map[string]pair{
	"hidden_dex":          {fires: on(embedded("assets/x", "dex")), quiet: on(embedded("assets/x", "elf"))},
	"hidden_package":      {fires: on(embedded("assets/x.APK", "zip")), quiet: on(embedded("assets/x.zip", "zip"))},
	"hidden_archive":      {fires: on(embedded("assets/x.zip", "zip")), quiet: on(embedded("assets/x.apk", "zip"))},
	"hidden_native_code":  {fires: on(embedded("assets/x", "elf")), quiet: on(embedded("assets/x", "dex"))},
	"disguised_code":      {fires: on(embedded("assets/logo.PNG", "zip")), quiet: on(embedded("assets/logo.zip", "zip"))},
	"code_in_meta_inf":    {fires: on(embedded("META-INF/x", "elf")), quiet: on(embedded("META-INF/x", "zip"))},
	"deceptive_file_name": {fires: on(embedded("assets/\u202egnp.x", "elf")), quiet: on(embedded("assets/größe", "elf"))},
	"embedded_many":       {fires: slices.Repeat(on(embedded("assets/x.zip", "zip")), 32), quiet: slices.Repeat(on(embedded("assets/x.zip", "zip")), 31)},
	"packer": {
		fires: on(embedded("assets/libjiagu_x86.so", "elf")),
		quiet: on(embedded("assets/libgood.so", "elf"), component(apk.Component{Kind: apk.Service, Name: "com.stubborn.Service"})),
	},
	"repackaged":  {fires: on(embedded("assets/lspatch/origin.apk", "zip")), quiet: on(embedded("assets/original.apk", "zip"))},
	"attack_tool": {fires: on(embedded("assets/bin/su", "elf")), quiet: on(embedded("assets/bin/sum", "elf"))},

	"abi_unknown":       {fires: on(abis("arm64-v8a", "arm64")), quiet: on(abis("arm64-v8a", "riscv64"))},
	"abi_obsolete":      {fires: on(abis("arm64-v8a", "armeabi")), quiet: on(abis("arm64-v8a", "armeabi-v7a"))},
	"abi_no_64_bit":     {fires: on(abis("armeabi-v7a", "x86")), quiet: on(abis("armeabi-v7a", "arm64-v8a"))},
	"abi_emulator_only": {fires: on(abis("x86", "x86_64")), quiet: on(abis("x86", "armeabi-v7a"))},
}

func previous(p scan.Previous) scan.StaticOptions {
	return scan.StaticOptions{Previous: map[string]scan.Previous{"dev.atlasmdm.good": p, "dev.other": {VersionCode: 99, TargetSDK: 99, Signers: []string{"x"}}}}
}

func clock(at time.Time) func() time.Time { return func() time.Time { return at } }

var fleetPairs = map[string]pair{
	"signer_not_allowed": {
		o:     scan.StaticOptions{AllowedSigners: map[string][]string{"dev.atlasmdm.good": {"C1"}}},
		fires: on(signer(func(s *apk.Signer) { s.SHA256 = "c2" })), quiet: on(nothing),
	},
	"signer_expired": {
		o:     scan.StaticOptions{Now: clock(end)},
		fires: on(signer(func(s *apk.Signer) { s.NotAfter = end.Add(-1) })), quiet: on(nothing),
	},
	"permission_forbidden": {o: scan.StaticOptions{ForbiddenPermissions: []string{"android.permission.NFC"}}, fires: on(asks("NFC")), quiet: on(asks("CAMERA"))},
	"file_too_large":       {o: scan.StaticOptions{MaxSize: 100}, fires: on(func(i *apk.Info) { i.Size = 101 }), quiet: on(nothing)},
	"fleet_abi_missing":    {o: scan.StaticOptions{FleetABIs: []string{"arm64-v8a"}}, fires: on(abis("x86")), quiet: on(abis())},
	"fleet_abi_partial":    {o: scan.StaticOptions{FleetABIs: []string{"arm64-v8a", "armeabi-v7a"}}, fires: on(abis("arm64-v8a")), quiet: on(abis("x86"))},
	"fleet_min_sdk":        {o: scan.StaticOptions{FleetMinSDK: 28}, fires: on(sdk(29, 35, 0)), quiet: on(sdk(28, 35, 0))},
	"fleet_max_sdk":        {o: scan.StaticOptions{FleetMaxSDK: 36}, fires: on(sdk(28, 35, 35)), quiet: on(sdk(28, 35, 36))},
	"fleet_target_blocked": {o: scan.StaticOptions{FleetMaxSDK: 35}, fires: on(sdk(21, 23, 0)), quiet: on(sdk(21, 24, 0))},
	"fleet_target_old":     {o: scan.StaticOptions{FleetMaxSDK: 36, MaxTargetSDKAge: 2}, fires: on(sdk(28, 33, 0)), quiet: on(sdk(28, 34, 0))},
	"version_downgrade":    {o: previous(scan.Previous{VersionCode: 7}), fires: on(version(6)), quiet: on(nothing)},
	"version_reused":       {o: previous(scan.Previous{VersionCode: 7, SHA256: "F1"}), fires: on(func(i *apk.Info) { i.SHA256 = "f2" }), quiet: on(nothing)},
	"signer_changed": {
		o:     previous(scan.Previous{Signers: []string{"C0"}}),
		fires: on(lineage(apk.LineageNode{SHA256: "c0", Flags: 2}, apk.LineageNode{SHA256: "c1", Flags: 31})),
		quiet: on(lineage(apk.LineageNode{SHA256: "c0", Flags: 1}, apk.LineageNode{SHA256: "c1", Flags: 31})),
	},
	"target_lowered":    {o: previous(scan.Previous{TargetSDK: 35}), fires: on(sdk(26, 34, 0)), quiet: on(nothing)},
	"permissions_added": {o: previous(scan.Previous{Permissions: []string{"android.permission.CAMERA"}}), fires: on(asks("READ_SMS")), quiet: on(asks("CAMERA", "VIBRATE"))},
}

package scan

import (
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk"
)

// permissionRules say what an application can do by itself. They are for reading, not for stopping it.
var permissionRules = []rule{
	{"query_all_packages", low, "It can list all installed applications.", asks("QUERY_ALL_PACKAGES")},
	{"overlay", low, "It can draw over other applications.", asks("SYSTEM_ALERT_WINDOW")},
	{"install_packages", low, "It can ask to install other applications.", asks("REQUEST_INSTALL_PACKAGES")},
	{"delete_packages", low, "It can ask to remove other applications.", asks("REQUEST_DELETE_PACKAGES")},
	{
		"install_silently", medium, "It wants to install or remove applications without asking, which only parts of the system may.",
		asks("INSTALL_PACKAGES", "DELETE_PACKAGES"),
	},
	{"inject_events", medium, "It wants to press keys in other applications, which only parts of the system may.", asks("INJECT_EVENTS")},
	{"read_logs", low, "It wants to read the logs of all applications.", asks("READ_LOGS")},
	{"system_permissions", low, "It wants rights that only parts of the system may have.", asks(
		"WRITE_SECURE_SETTINGS", "MASTER_CLEAR", "REBOOT", "SHUTDOWN", "READ_FRAME_BUFFER", "FORCE_STOP_PACKAGES", "DEVICE_POWER",
		"GRANT_RUNTIME_PERMISSIONS", "CHANGE_COMPONENT_ENABLED_STATE", "MANAGE_USERS", "INTERACT_ACROSS_USERS_FULL", "MOUNT_UNMOUNT_FILESYSTEMS")},
	{"superuser", medium, "It asks for root, which a fleet's devices should not have.", asks("ACCESS_SUPERUSER")},
	{"write_settings", info, "It can change the device's settings.", asks("WRITE_SETTINGS")},
	{"all_files", low, "It can read and change all files of its user.", asks("MANAGE_EXTERNAL_STORAGE")},
	{"usage_stats", low, "It can follow which applications are used and when.", asks("PACKAGE_USAGE_STATS")},
	{"kill_processes", low, "It can end other applications, for example those that protect the device.", asks("KILL_BACKGROUND_PROCESSES")},
	{"disable_keyguard", low, "It can take away an unprotected lock screen.", asks("DISABLE_KEYGUARD")},
	{"battery_exempt", info, "It asks to be spared the limits on work in the background.", asks("REQUEST_IGNORE_BATTERY_OPTIMIZATIONS")},
	{"full_screen_intent", info, "It can fill the screen of a locked device.", asks("USE_FULL_SCREEN_INTENT")},
	{"background_location", low, "It can follow the position while it isn't used.", asks("ACCESS_BACKGROUND_LOCATION")},
	{"screen_capture", low, "It can record the screen, after a question.", asks("FOREGROUND_SERVICE_MEDIA_PROJECTION")},
	{"call_phone", low, "It can make calls without asking.", asks("CALL_PHONE")},
	{"outgoing_calls", low, "It can follow and redirect outgoing calls.", asks("PROCESS_OUTGOING_CALLS")},
	{"sms_send", low, "It can send messages, which can cost money.", asks("SEND_SMS")},
	{"permissions_many", low, "It asks for more of its user's private things than most.", many},
	{"permission_malformed", low, "It asks for permissions whose names are none.", malformed},

	{"accessibility_service", low, "It can read the screen and operate other applications, once allowed.", accessibility},
	{"notification_listener", low, "It can read all notifications, once allowed.", binds("BIND_NOTIFICATION_LISTENER_SERVICE")},
	{"vpn_service", low, "It can carry all traffic of the device.", binds("BIND_VPN_SERVICE")},
	{"input_method", low, "It can be the keyboard, and sees all that is typed then.", binds("BIND_INPUT_METHOD")},
	{"autofill_service", low, "It can fill in passwords, and is given them.", binds("BIND_AUTOFILL_SERVICE")},
	{"call_redirection", low, "It can send calls elsewhere.", binds("BIND_CALL_REDIRECTION_SERVICE")},
	{"card_emulation", low, "It can act as a payment card.", binds("BIND_NFC_SERVICE")},
}

// abuseRules are combinations with which malware of the families seen most (bankers, droppers, lockers, stalkerware)
// does its work, and which Play Protect warns of when an app from elsewhere declares them
// (developers.google.com/android/play-protect/warning-dev-guidance).
var abuseRules = []rule{
	{
		"accessibility_overlay", high, "It can draw over other applications and press their buttons: the tools of banking trojans.",
		all(accessibility, asks("SYSTEM_ALERT_WINDOW")),
	},
	{
		"accessibility_install", high, "It can install packages and confirm the questions itself: the tools of droppers.",
		all(accessibility, asks("REQUEST_INSTALL_PACKAGES")),
	},
	{
		"accessibility_sms", high, "It can read messages and operate other applications: the tools of thieves of one-time passwords.",
		all(accessibility, readsSMS),
	},
	{"accessibility_admin", high, "It can become device administrator and press the buttons that would remove it.", all(accessibility, deviceAdmin)},
	{
		"accessibility_screen", high, "It can show the screen to somebody and operate the device for them: the tools of remote control.",
		all(accessibility, asks("FOREGROUND_SERVICE_MEDIA_PROJECTION")),
	},
	{"accessibility_unseen", high, "It can operate other applications and shows no icon.", all(accessibility, unseen)},
	{
		"admin_overlay", high, "It can become device administrator and cover the screen: the tools of screen lockers.",
		all(deviceAdmin, asks("SYSTEM_ALERT_WINDOW")),
	},
	{"admin_sms", high, "It can become device administrator and read messages: the tools of thieves of one-time passwords.", all(deviceAdmin, readsSMS)},
	{"sms_unseen", high, "It can read or send messages and shows no icon: the tools of spies.", all(asks("RECEIVE_SMS", "READ_SMS", "SEND_SMS"), unseen)},
	{
		"installer_unseen", high, "It can ask to install packages, starts with the device and shows no icon.",
		all(asks("REQUEST_INSTALL_PACKAGES"), asks("RECEIVE_BOOT_COMPLETED"), unseen),
	},
	{
		"hidden_installer", high, "It carries a package or code of its own and can install packages: the tools of droppers.",
		all(asks("REQUEST_INSTALL_PACKAGES"), embeds("zip", "dex")),
	},
	{"sms_network", medium, "It can read messages and send them away.", all(readsSMS, network)},
	{"notifications_network", medium, "It can read all notifications and send them away.", all(binds("BIND_NOTIFICATION_LISTENER_SERVICE"), network)},
	{"call_log_network", medium, "It can read who was called and send it away.", all(asks("READ_CALL_LOG"), network)},
	{"contacts_network", info, "It can read the contacts and send them away.", all(asks("READ_CONTACTS"), network)},
	{"typed_text_network", low, "It can see all that is typed and send it away.", all(binds("BIND_INPUT_METHOD"), network)},
	{"card_relay", medium, "It can act as a payment card and pass on what it is asked: the tools of relay theft.", all(binds("BIND_NFC_SERVICE"), asks("NFC"), network)},
	{
		"surveillance", medium, "It can record sound and follow the position in the background: the tools of stalkerware.",
		all(asks("RECORD_AUDIO"), asks("ACCESS_BACKGROUND_LOCATION"), network),
	},
	{"starts_unseen", medium, "It starts with the device and shows no icon.", all(asks("RECEIVE_BOOT_COMPLETED"), unseen)},
}

// private are the permissions behind which the platform keeps what is private (protection level dangerous).
var private = strings.Fields(`READ_CALENDAR WRITE_CALENDAR READ_CALL_LOG WRITE_CALL_LOG CAMERA READ_CONTACTS WRITE_CONTACTS GET_ACCOUNTS
	ACCESS_FINE_LOCATION ACCESS_COARSE_LOCATION ACCESS_BACKGROUND_LOCATION RECORD_AUDIO READ_PHONE_STATE READ_PHONE_NUMBERS CALL_PHONE
	ANSWER_PHONE_CALLS ADD_VOICEMAIL USE_SIP BODY_SENSORS SEND_SMS RECEIVE_SMS READ_SMS RECEIVE_WAP_PUSH RECEIVE_MMS
	READ_EXTERNAL_STORAGE WRITE_EXTERNAL_STORAGE READ_MEDIA_IMAGES READ_MEDIA_VIDEO READ_MEDIA_AUDIO ACTIVITY_RECOGNITION
	BLUETOOTH_CONNECT BLUETOOTH_SCAN NEARBY_WIFI_DEVICES POST_NOTIFICATIONS PROCESS_OUTGOING_CALLS`)

func many(i *apk.Info) []string {
	if got := asks(private...)(i); len(got) >= 15 {
		return got
	}
	return nil
}

// malformed matches names that the platform can't know, such as one in the wrong case, on which tools disagree.
func malformed(i *apk.Info) []string {
	var out []string
	for _, p := range i.Permissions {
		name, ours := strings.CutPrefix(p, permissionPrefix)
		space := slices.ContainsFunc([]rune(p), func(r rune) bool { return r <= ' ' || r == 0x7f })
		if space || invisible(p) || ours && name != strings.ToUpper(name) {
			out = append(out, p)
		}
	}
	return out
}

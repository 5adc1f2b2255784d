package scan

import (
	"slices"

	"github.com/atlas-mdm/atlas-go/apk"
)

// rule is one static check.
type rule struct {
	code     string
	severity apk.Severity
	sentence string
	match    match
}

// The severities, short for the tables.
const (
	info   = apk.SeverityInfo
	low    = apk.SeverityLow
	medium = apk.SeverityMedium
	high   = apk.SeverityHigh
)

// rules returns the checks that need nothing but the inspection, in the order of their findings. High is kept for what
// people must look at before a device gets it, since ordinary applications ask for much, too.
func rules() []rule {
	return slices.Concat(signerRules, manifestRules, componentRules, permissionRules, abuseRules, contentRules)
}

// Check describes one static check, for documents and settings.
type Check struct {
	Code     string       `json:"code"`
	Severity apk.Severity `json:"severity"`
	Sentence string       `json:"sentence"`
}

// Checks returns all checks of the static scanner: the deny lists, the rules, those that need an option, and the
// inspector's own findings. The codes are stable.
func Checks() []Check {
	out := []Check{
		{deniedFile, apk.SeverityCritical, deniedFileSentence},
		{deniedSigner, apk.SeverityCritical, deniedSignerSentence},
	}
	for _, r := range slices.Concat(rules(), fleetRules(&StaticOptions{})) {
		out = append(out, Check{r.code, r.severity, r.sentence})
	}
	return append(out, inspectorChecks...)
}

// inspectorChecks explains what package apk reports by itself.
var inspectorChecks = []Check{
	{"janus", apk.SeverityCritical, "The file is code and a package at once, so that old Android versions run code which nobody signed (CVE-2017-13156)."},
	{"zip_duplicate_entry", apk.SeverityCritical, "A file name occurs twice, so that what was checked need not be what runs."},
	{"zip_encrypted_flag", high, "Files claim to be encrypted, which Android ignores and which stops scanners from looking."},
	{"zip_unknown_method", high, "Files claim an unknown compression, which stops scanners from looking."},
	{"zip_unsafe_name", high, "File names point outside of the package, and can overwrite files of whoever unpacks it."},
	{"manifest_invalid_package_name", high, "The package name is not one that Android accepts."},
	{"resources_unreadable", medium, "The resource table can't be read, so that the application's name is unknown."},
}

// explain returns the sentence for a finding of the inspector, which may be newer than this table.
func explain(code string) string {
	if n := slices.IndexFunc(inspectorChecks, func(c Check) bool { return c.Code == code }); n >= 0 {
		return inspectorChecks[n].Sentence
	}
	return "The file is built in a way that honest tools do not produce."
}

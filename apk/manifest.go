package apk

import (
	"fmt"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk/internal/axml"
	"github.com/atlas-mdm/atlas-go/apk/internal/zip"
)

const (
	manifestName = "AndroidManifest.xml"
	maxPackage   = 255
	maxName      = 1024
	maxNames     = 4 << 20
)

// Resource ids of the attributes read from a manifest (android.R.attr), which never change once published.
const (
	attrLabel            = 0x01010001
	attrName             = 0x01010003
	attrPermission       = 0x01010006
	attrReadPermission   = 0x01010007
	attrSharedUserID     = 0x0101000b
	attrDebuggable       = 0x0101000f
	attrExported         = 0x01010010
	attrMinSDK           = 0x0101020c
	attrVersionCode      = 0x0101021b
	attrVersionName      = 0x0101021c
	attrTargetSDK        = 0x01010270
	attrMaxSDK           = 0x01010271
	attrTestOnly         = 0x01010272
	attrAllowBackup      = 0x01010280
	attrRequired         = 0x0101028e
	attrUsesCleartext    = 0x010104ec
	attrSandboxVersion   = 0x0101054c
	attrVersionCodeMajor = 0x01010576
)

// manifest is what the binary manifest says. Text that refers to a resource is resolved after the walk, so that the
// resource table is read only for packages that need it.
type manifest struct {
	pkg, split, shared string
	code, codeMajor    int64
	versionName, label axml.Value
	minSDK, targetSDK  axml.Value
	maxSDK             int64
	debuggable         axml.Value
	testOnly           axml.Value
	cleartext, backup  axml.Value
	sandboxVersion     int
	permissions        []string
	features           []Feature
	components         []component

	path         []string
	applications int
	resolver     resolver
	seen         map[string]bool // permissions
	names        int             // bytes of all names taken so far
	tooLong      error
}

// readManifest finds and decodes the manifest.
func readManifest(dir *zip.Directory, lim Limits) (*manifest, error) {
	e, ok := dir.Lookup(manifestName)
	if !ok {
		return nil, fmt.Errorf("%w: no %s", ErrNotAPK, manifestName)
	}
	data, err := dir.Read(e, lim.ManifestBytes)
	if err != nil {
		return nil, err
	}
	m := &manifest{seen: map[string]bool{}, resolver: resolver{dir: dir, limit: lim.ResourcesBytes}}
	if err := axml.Walk(data, axml.Limits{Elements: lim.Elements, Depth: lim.Depth}, m); err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, manifestName)
	}
	if m.pkg == "" || len(m.pkg) > maxPackage {
		return nil, fmt.Errorf("%w: %s has a package name of %d bytes", ErrMalformed, manifestName, len(m.pkg))
	}
	return m, nil
}

// Start handles one element by its place in the tree.
func (m *manifest) Start(e *axml.Element) error {
	m.path = append(m.path, e.Name)
	switch len(m.path) {
	case 1:
		if err := m.root(e); err != nil {
			return err
		}
	case 2:
		m.topLevel(e)
	case 3:
		if m.path[1] == "application" && m.applications == 1 {
			m.component(e)
		}
	default:
		if m.path[1] == "application" && m.applications == 1 {
			m.insideComponent(e)
		}
	}
	return m.tooLong
}

// End leaves an element.
func (m *manifest) End() error {
	m.path = m.path[:len(m.path)-1]
	return nil
}

func (m *manifest) root(e *axml.Element) error {
	if e.Name != "manifest" {
		return fmt.Errorf("%w: root element %.40q", ErrMalformed, e.Name)
	}
	m.pkg, m.split = m.name(e, 0, "package"), m.name(e, 0, "split")
	m.shared = m.name(e, attrSharedUserID, "sharedUserId")
	m.code, m.codeMajor = number(e, attrVersionCode, "versionCode"), number(e, attrVersionCodeMajor, "versionCodeMajor")
	m.versionName, _ = e.Attr(attrVersionName, "versionName")
	m.sandboxVersion = int(number(e, attrSandboxVersion, "targetSandboxVersion"))
	return nil
}

func (m *manifest) topLevel(e *axml.Element) {
	switch e.Name {
	case "uses-sdk":
		m.usesSDK(e)
	case "uses-permission", "uses-permission-sdk-23", "uses-permission-sdk-m":
		if name := m.name(e, attrName, "name"); name != "" && !m.seen[name] {
			m.seen[name] = true
			m.permissions = append(m.permissions, name)
		}
	case "uses-feature":
		if name := m.name(e, attrName, "name"); name != "" {
			m.features = append(m.features, Feature{Name: name, Required: truth(e, attrRequired, "required", true)})
		}
	case "application":
		if m.applications++; m.applications > 1 {
			return // the platform ignores all but the first
		}
		m.label, _ = e.Attr(attrLabel, "label")
		m.debuggable, _ = e.Attr(attrDebuggable, "debuggable")
		m.testOnly, _ = e.Attr(attrTestOnly, "testOnly")
		m.cleartext, _ = e.Attr(attrUsesCleartext, "usesCleartextTraffic")
		m.backup, _ = e.Attr(attrAllowBackup, "allowBackup")
	}
}

// usesSDK reads one uses-sdk; of several, the highest minimum counts, as in apksig.
func (m *manifest) usesSDK(e *axml.Element) {
	if v, ok := e.Attr(attrMinSDK, "minSdkVersion"); ok && sdkLevel(v, 1) >= sdkLevel(m.minSDK, 1) {
		m.minSDK = v
	}
	if v, ok := e.Attr(attrTargetSDK, "targetSdkVersion"); ok {
		m.targetSDK = v
	}
	m.maxSDK = max(m.maxSDK, number(e, attrMaxSDK, "maxSdkVersion"))
}

// describe copies the manifest into the result.
func (m *manifest) describe(i *Info) {
	i.Package, i.Split = m.pkg, m.split
	i.VersionCode = m.codeMajor<<32 | m.code&0xffffffff
	i.VersionName, i.Label = m.resolver.text(m.versionName), m.resolver.text(m.label)
	i.MinSDK = sdkLevel(m.resolver.value(m.minSDK), 1)
	i.TargetSDK = sdkLevel(m.resolver.value(m.targetSDK), i.MinSDK)
	i.MaxSDK = int(m.maxSDK)
	i.Debuggable, _ = m.resolver.value(m.debuggable).Bool()
	i.TestOnly, _ = m.resolver.value(m.testOnly).Bool()
	i.UsesCleartext = m.resolver.truth(m.cleartext, i.TargetSDK < 28)
	i.AllowBackup = m.resolver.truth(m.backup, true)
	i.SharedUserID = m.shared
	i.Permissions = append(i.Permissions, m.permissions...)
	i.Features = append(i.Features, m.features...)
	for _, c := range m.components {
		i.Components = append(i.Components, c.describe(m.pkg, i.TargetSDK))
	}
	if !validPackage(m.pkg) {
		i.find("manifest_invalid_package_name", SeverityHigh, "%q, which the platform refuses", m.pkg)
	}
	if m.resolver.failed != nil {
		i.find("resources_unreadable", SeverityMedium, "%v", m.resolver.failed)
	}
}

// name reads a name that becomes part of the result. Many elements can share one long string of the pool, so each name
// and the sum of them are bounded; the platform itself allows 255 characters in what it makes files of.
func (m *manifest) name(e *axml.Element, id uint32, attr string) string {
	s := text(e, id, attr)
	if m.names += len(s); len(s) > maxName || m.names > maxNames {
		m.tooLong = fmt.Errorf("%w: name of %d bytes, %d in all", ErrLimit, len(s), m.names)
		return ""
	}
	return s
}

// validPackage applies the platform's rule for application ids: at least two parts of letters, digits and underscores,
// each beginning with a letter.
func validPackage(name string) bool {
	if name == "android" {
		return true
	}
	parts := strings.Split(name, ".")
	for _, p := range parts {
		for i, c := range p {
			letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
			if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
				return false
			}
		}
		if p == "" {
			return false
		}
	}
	return len(parts) > 1
}

func text(e *axml.Element, id uint32, name string) string {
	v, _ := e.Attr(id, name)
	return v.Text
}

func number(e *axml.Element, id uint32, name string) int64 {
	v, _ := e.Attr(id, name)
	n, _ := v.Int()
	return n
}

func truth(e *axml.Element, id uint32, name string, otherwise bool) bool {
	v, ok := e.Attr(id, name)
	if b, isBool := v.Bool(); ok && isBool {
		return b
	}
	return otherwise
}

// codenames maps the first letter of a platform's code name to the SDK level before that platform, which is what a
// package built against a preview may be installed on (ApkUtils.getMinSdkVersionForCodename of apksig).
var codenames = map[byte]int{
	'C': 2, 'D': 3, 'E': 4, 'F': 7, 'G': 8, 'H': 10, 'I': 13, 'J': 15, 'K': 18, 'L': 20, 'M': 22, 'N': 23, 'O': 25,
}

// sdkLevel reads an SDK level, which may be the code name of a preview platform.
func sdkLevel(v axml.Value, otherwise int) int {
	if n, ok := v.Int(); ok {
		return int(n)
	}
	if !v.IsString() || v.Text == "" {
		return otherwise
	}
	c := v.Text[0]
	if n, ok := codenames[c]; ok {
		return n
	}
	if c > 'O' && c <= 'Z' {
		return codenames['O'] + int(c-'O')
	}
	return otherwise
}

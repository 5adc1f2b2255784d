package apk

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk/internal/zip"
)

const (
	maxEmbedded = 256
	maxHeads    = 4096 // entries whose first bytes are looked at
	maxFindings = 100
)

// find adds a finding, up to a bound that hostile archives reach.
func (i *Info) find(code string, s Severity, format string, args ...any) {
	if len(i.Findings) < maxFindings {
		i.Findings = append(i.Findings, Finding{Code: code, Severity: s, Detail: fmt.Sprintf(format, args...)})
	}
}

// describeEntries reports what the archive's directory shows: native code, hidden code, and signs of tampering.
func describeEntries(i *Info, dir *zip.Directory) {
	for _, name := range dir.Duplicates {
		i.find("zip_duplicate_entry", SeverityCritical, "%.200q occurs more than once", name)
	}
	if bytes.HasPrefix(dir.First(4), []byte("dex\n")) {
		i.find("janus", SeverityCritical, "the file begins as a DEX file (CVE-2017-13156)")
	}
	abis := map[string]bool{}
	heads, head := 0, make([]byte, 8)
	for _, e := range dir.Entries {
		if abi, ok := nativeABI(e.Name); ok {
			abis[abi] = true
		}
		entryFindings(i, e)
		if mayHide(e.Name) && heads < maxHeads && len(i.Embedded) < maxEmbedded {
			heads++
			if kind := headKind(dir.Head(e, head)); kind != "" {
				i.Embedded = append(i.Embedded, Embedded{Name: e.Name, Kind: kind})
			}
		}
	}
	i.NativeABIs = append(i.NativeABIs, slices.Sorted(maps.Keys(abis))...)
}

// nativeABI is the folder of a native library, lib/<abi>/<file>.so.
func nativeABI(name string) (string, bool) {
	parts := strings.Split(name, "/")
	ok := len(parts) == 3 && parts[0] == "lib" && parts[1] != "" && len(parts[1]) < 32 && strings.HasSuffix(name, ".so")
	if !ok {
		return "", false
	}
	return parts[1], true
}

func entryFindings(i *Info, e zip.Entry) {
	if e.Encrypted() {
		i.find("zip_encrypted_flag", SeverityHigh, "%.200q is marked as encrypted, which the platform ignores", e.Name)
	}
	if e.Method != 0 && e.Method != 8 {
		i.find("zip_unknown_method", SeverityHigh, "%.200q has compression method %d", e.Name, e.Method)
	}
	if unsafeName(e.Name) {
		i.find("zip_unsafe_name", SeverityHigh, "%.200q", e.Name)
	}
}

// unsafeName reports names that mean another place when extracted, or that tools show otherwise than they are.
func unsafeName(name string) bool {
	if name == "" || name[0] == '/' || strings.ContainsAny(name, "\x00\r\n\\") {
		return true
	}
	clean := path.Clean(name)
	return clean == ".." || strings.HasPrefix(clean, "../") || strings.Contains(name, "/../")
}

// mayHide reports the places where nothing executable belongs.
func mayHide(name string) bool {
	return strings.HasPrefix(name, "assets/") || strings.HasPrefix(name, "res/raw/") || strings.HasPrefix(name, "META-INF/")
}

func headKind(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("dex\n")):
		return "dex"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "zip"
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		return "elf"
	}
	return ""
}

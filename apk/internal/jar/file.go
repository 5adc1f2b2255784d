package jar

import (
	"slices"
	"strconv"
	"strings"
)

// maxAbsent bounds the names in a signature file that no entry has, which it is allowed to mention once each.
const maxAbsent = 10_000

// verifyFile verifies the manifest against a signature file.
func (v *verification) verifyFile(s *signer, file []byte) {
	s.entries = make([]bool, len(v.Dir.Entries))
	f := fileCheck{verification: v, signer: s, absent: map[string]bool{}}
	first := true
	for sec := range sections(file) {
		if first {
			first = false
			if !f.mainSection(sec.attributes()) {
				return
			}
			continue
		}
		if f.number++; !f.entrySection(sec) {
			return
		}
	}
	if first {
		f.mainSection(nil)
	}
}

// maxSchemes that a signature file names are looked at; more are refused.
const maxSchemes = 1000

// fileCheck is the verification of one signature file on its way.
type fileCheck struct {
	*verification
	*signer
	signtool bool // made by a tool that counts digests otherwise
	whole    bool // the digest of the whole manifest matches, so that those of its sections need not be looked at
	number   int
	absent   map[string]bool
}

// mainSection reports whether the sections behind it are to be looked at.
func (f *fileCheck) mainSection(a attributes) bool {
	if _, ok := a.get("Signature-Version"); !ok {
		f.drop("jar_sig_missing_version_attr_in_sig_file", "%.100q", f.file.Name)
		return false
	}
	if f.MaxSDK >= sdkN {
		f.stripping(a)
		if f.issues.Failed() {
			return false
		}
	}
	by, _ := a.get("Created-By")
	f.signtool = strings.Contains(by, "signtool")
	f.whole = f.manifestDigest(a)
	if !f.signtool {
		f.mainDigest(a)
	}
	return !f.issues.Failed()
}

// drop makes the platform ignore the signer.
func (f *fileCheck) drop(code, format string, args ...any) {
	f.issues.Fail(code, format, args...)
	f.ignored = true
}

// digestsOf is digests, with what can't be decoded among the signer's errors.
func (f *fileCheck) digestsOf(a attributes, suffix string) []named {
	d, err := f.digests(a, suffix)
	if err != nil {
		f.issues.Fail("jar_sig_parse_exception", "%.100q: %v", f.file.Name, err)
	}
	return d
}

// stripping refuses a package whose signature file says that newer schemes were there which are not.
func (f *fileCheck) stripping(a attributes) {
	list, ok := a.get("X-Android-APK-Signed")
	if !ok {
		if len(f.Schemes) > 0 {
			f.issues.Warn("jar_sig_no_apk_sig_strip_protection", "%.100q does not name the newer schemes", f.file.Name)
		}
		return
	}
	if strings.Count(list, ",") >= maxSchemes {
		f.issues.Fail("jar_sig_parse_exception", "%.100q names more than %d schemes", f.file.Name, maxSchemes)
		return
	}
	for text := range strings.SplitSeq(list, ",") {
		id, err := strconv.Atoi(strings.TrimSpace(text))
		switch {
		case err != nil:
		case id != 2 && (id != 3 || f.MaxSDK < sdkP):
			f.issues.Warn("jar_sig_unknown_apk_sig_scheme_id", "%.100q names scheme %d", f.file.Name, id)
		case !slices.Contains(f.Schemes, id):
			f.issues.Fail("jar_sig_missing_apk_sig_referenced", "%.100q says that a v%d signature was there", f.file.Name, id)
		}
	}
}

// manifestDigest reports whether the digest of the whole manifest matches. That it does not is no error by itself.
func (f *fileCheck) manifestDigest(a attributes) bool {
	suffix := "-Digest-Manifest"
	if f.signtool {
		suffix = "-Digest"
	}
	all := f.digestsOf(a, suffix)
	if len(all) == 0 {
		f.issues.Warn("jar_sig_no_manifest_digest_in_sig_file", "%.100q", f.file.Name)
		return false
	}
	ok := true
	for _, d := range all {
		if !d.matches(f.manifest) {
			f.issues.Warn("jar_sig_zip_entry_digest_did_not_verify", "%s of %s in %.100q", d.hash, manifestName, f.file.Name)
			ok = false
		}
	}
	return ok
}

func (f *fileCheck) mainDigest(a attributes) {
	for _, d := range f.digestsOf(a, "-Digest-Manifest-Main-Attributes") {
		if !d.matches(f.main.raw) {
			f.issues.Fail("jar_sig_manifest_main_section_digest_did_not_verify", "%s in %.100q", d.hash, f.file.Name)
		}
	}
}

// entrySection reports whether the sections behind it are to be looked at.
func (f *fileCheck) entrySection(s section) bool {
	if !s.named {
		f.drop("jar_sig_unnnamed_sig_file_section", "section %d of %.100q", f.number, f.file.Name)
		return false
	}
	i, ok := f.Dir.Index(s.name)
	if ok && f.entries[i] || !ok && f.absent[s.name] || len(f.absent) == maxAbsent {
		f.drop("jar_sig_duplicate_sig_file_section", "%.200q in %.100q", s.name, f.file.Name)
		return false
	}
	if ok {
		f.entries[i] = true
	} else {
		f.absent[s.name] = true
	}
	switch {
	case f.whole:
	case !ok || f.sections[i] == nil:
		f.drop("jar_sig_no_zip_entry_digest_in_sig_file", "%.200q of %.100q is not in the manifest", s.name, f.file.Name)
	default:
		f.sectionDigest(s, f.sections[i])
	}
	return true
}

func (f *fileCheck) sectionDigest(s section, raw []byte) {
	all := f.digestsOf(s.attributes(), "-Digest")
	if len(all) == 0 {
		f.issues.Fail("jar_sig_no_zip_entry_digest_in_sig_file", "%.200q in %.100q", s.name, f.file.Name)
		return
	}
	if f.signtool && strings.HasSuffix(string(raw[max(0, len(raw)-2):]), "\n\n") {
		raw = raw[:len(raw)-1]
	}
	for _, d := range all {
		if !d.matches(raw) {
			f.issues.Fail("jar_sig_manifest_section_digest_did_not_verify", "%s of %.200q in %.100q", d.hash, s.name, f.file.Name)
		}
	}
}

// Package jar verifies JAR signatures (APK Signature Scheme v1) as the platforms of a range of SDK levels do together:
// what one of them refuses does not verify. The format is that of
// https://docs.oracle.com/javase/8/docs/technotes/guides/jar/jar.html#Signed_JAR_File, with Android's deviations.
package jar

import (
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk/internal/cert"
	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
	"github.com/atlas-mdm/atlas-go/apk/internal/issue"
	"github.com/atlas-mdm/atlas-go/apk/internal/zip"
)

const (
	folder       = "META-INF/"
	manifestName = folder + "MANIFEST.MF"

	maxSigners = 10
	maxBlock   = 1 << 20 // bytes of a signature block; honest ones have a few thousand
)

// Input is a package to verify.
type Input struct {
	Dir            *zip.Directory
	MinSDK, MaxSDK int
	// Schemes are the ids of the newer schemes that the package is signed with.
	Schemes []int
	// FileLimit bounds the manifest and each signature file, ContentLimit all entries together, in bytes.
	FileLimit, ContentLimit int64
}

// Result is the verdict. Without errors, and only then, there are signers.
type Result struct {
	Signers []cert.Cert
	issue.List
}

// verification is one verification on its way.
type verification struct {
	Input
	out      *Result
	reader   *zip.Reader
	manifest []byte
	main     section
	sections [][]byte // of the manifest, by the entry's place in the directory
	signers  []*signer
}

// Verify judges the JAR signature. An error means that the file could not be read, or passed a limit; an entry that
// contradicts the format of archives is among the result's errors as malformed_apk.
func Verify(in Input) (*Result, error) {
	v := &verification{Input: in, out: &Result{}, reader: in.Dir.NewReader()}
	err := v.run()
	if errors.Is(err, fault.ErrMalformed) {
		v.out.Fail("malformed_apk", "%v", err)
		err = nil
	}
	if v.out.Failed() {
		v.out.Signers = nil
	}
	return v.out, err
}

func (v *verification) run() error {
	for _, name := range v.Dir.Duplicates {
		v.out.Fail("jar_sig_duplicate_zip_entry", "%.200q", name)
	}
	if v.out.Failed() {
		return nil
	}
	for _, step := range []func() error{v.readManifest, v.findSigners, v.verifyBlocks, v.verifyFiles, v.verifyEntries} {
		if err := step(); err != nil || v.out.Failed() {
			return err
		}
	}
	return nil
}

// readManifest reads the manifest, all of whose sections must be about entries of the archive.
func (v *verification) readManifest() (err error) {
	e, ok := v.Dir.Lookup(manifestName)
	if !ok {
		v.out.Fail("jar_sig_no_manifest", "no %s", manifestName)
		return nil
	}
	if v.manifest, err = v.reader.Bytes(e, v.FileLimit); err != nil {
		return err
	}
	v.sections = make([][]byte, len(v.Dir.Entries))
	n := -1
	for s := range sections(v.manifest) {
		if n++; n == 0 {
			v.main = s
			continue
		}
		i, ok := v.Dir.Index(s.name)
		switch {
		case !s.named:
			v.out.Fail("jar_sig_unnnamed_manifest_section", "section %d", n)
		case !ok:
			v.out.Fail("jar_sig_missing_zip_entry_referenced_in_manifest", "%.200q", s.name)
		case v.sections[i] != nil:
			v.out.Fail("jar_sig_duplicate_manifest_section", "%.200q", s.name)
		default:
			v.sections[i] = s.raw
		}
		if len(v.out.Errors) >= maxFailures {
			return nil
		}
	}
	return nil
}

// findSigners pairs signature blocks with signature files.
func (v *verification) findSigners() error {
	for _, e := range v.Dir.Entries {
		if !isBlock(e.Name) {
			continue
		}
		base := e.Name[:strings.LastIndexByte(e.Name, '.')]
		file, ok := v.Dir.Lookup(base + ".SF")
		if !ok {
			v.out.Warn("jar_sig_missing_file", "%.100q has no signature file", e.Name)
			continue
		}
		v.signers = append(v.signers, &signer{file: file, block: e})
	}
	switch n := len(v.signers); {
	case n == 0:
		v.out.Fail("jar_sig_no_signatures", "no JAR signature")
	case n > maxSigners:
		v.out.Fail("jar_sig_max_signatures_exceeded", "%d signers, at most %d are allowed", n, maxSigners)
	}
	return nil
}

func isBlock(name string) bool {
	return strings.HasPrefix(name, folder) &&
		(strings.HasSuffix(name, ".RSA") || strings.HasSuffix(name, ".DSA") || strings.HasSuffix(name, ".EC"))
}

// verifyBlocks verifies every signature file against its block.
func (v *verification) verifyBlocks() error {
	for _, s := range v.signers {
		block, err := v.reader.Bytes(s.block, min(maxBlock, v.FileLimit))
		if err != nil {
			return err
		}
		file, err := v.reader.Bytes(s.file, v.FileLimit)
		if err != nil {
			return err
		}
		s.verifyBlock(v.Input, block, file)
		v.out.Add(s.issues)
		s.issues = issue.List{}
	}
	return nil
}

// verifyFiles verifies the manifest against every signature file, and leaves out the signers that the platform ignores.
func (v *verification) verifyFiles() error {
	var used []*signer
	for _, s := range v.signers {
		file, err := v.reader.Bytes(s.file, v.FileLimit)
		if err != nil {
			return err
		}
		v.verifyFile(s, file)
		if s.ignored {
			v.ignore(s)
			continue
		}
		v.out.Add(s.issues)
		used = append(used, s)
	}
	if v.signers = used; len(used) == 0 && !v.out.Failed() {
		v.out.Fail("jar_sig_no_signatures", "no JAR signature that the platform would look at")
	}
	return nil
}

// ignore keeps what is wrong with an ignored signer as warnings.
func (v *verification) ignore(s *signer) {
	for _, i := range append(s.issues.Errors, s.issues.Warnings...) {
		v.out.Warn(i.Code, "%s", i.Detail)
	}
}

// ManifestDigest is the SHA-256 of the manifest, which is what a source stamp takes for the content of a package with a
// JAR signature. There is none where the package has no manifest.
func ManifestDigest(dir *zip.Directory, limit int64) (sum []byte, ok bool, err error) {
	e, ok := dir.Lookup(manifestName)
	if !ok {
		return nil, false, nil
	}
	data, err := dir.NewReader().Bytes(e, limit)
	if err != nil {
		return nil, false, err
	}
	digest := sha256.Sum256(data)
	return digest[:], true, nil
}

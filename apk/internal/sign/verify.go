// Package sign verifies the signatures of Android packages: APK Signature Scheme v2, v3 and v3.1, and v1 by package jar
// (https://source.android.com/docs/security/features/apksigning), for a range of SDK levels.
package sign

import (
	"crypto/sha256"
	"io"
	"slices"
	"sync"

	"github.com/atlas-mdm/atlas-go/apk/internal/issue"
	"github.com/atlas-mdm/atlas-go/apk/internal/jar"
	"github.com/atlas-mdm/atlas-go/apk/internal/zip"
)

// Input is a package whose archive was read already.
type Input struct {
	R    io.ReaderAt
	Size int64
	// DirectoryOffset and DirectorySize place the central directory; EOCD is the end record, with which the file ends.
	DirectoryOffset, DirectorySize int64
	EOCD                           []byte
	// MinSDK and MaxSDK are the range to judge for.
	MinSDK, MaxSDK int
	// SandboxVersion is targetSandboxVersion of the manifest: above 1 it demands v2 or later.
	SandboxVersion int
	// TargetSDK is targetSdkVersion of the manifest: from 30 on it demands v2 or later.
	TargetSDK int
	// Dir is the archive's directory, which a JAR signature is about.
	Dir *zip.Directory
	// V4 is the file with the v4 signature; nil where it is not to be verified.
	V4 *io.SectionReader
	// BlockLimit is the largest signing block to read, FileLimit the largest file of a JAR signature, and ContentLimit
	// what all entries may have together where a JAR signature makes it necessary to read them, in bytes.
	BlockLimit, FileLimit, ContentLimit int64
}

// Result is the verdict.
type Result struct {
	FileSHA256       [sha256.Size]byte
	Verified         bool
	Schemes          []string
	Signers          []*Signer // of the newest scheme first, and within it for the newest platforms first
	Lineage          []Node    // like Schemes, only where Verified is true
	Stamp            *Stamp
	Errors, Warnings []issue.Issue

	current *Signer
}

// Current is the signer that the newest platform of the range sees. It is there only where Verified is true.
func (r *Result) Current() *Signer { return r.current }

// check is one verification on its way.
type check struct {
	in          Input
	block       block
	v2, v3, v31 *found
	jar         *jar.Result // nil where no platform of the range looks at it
	v4          bool        // the v4 signature verified
	issues      issue.List
}

// Verify judges the signature and digests the file. An error means that the file could not be read, or passed a limit.
func Verify(in Input) (*Result, error) {
	b, err := findBlock(in)
	if err != nil {
		return nil, err
	}
	c := &check{in: in, block: b}
	c.parse()
	sums, err := c.read()
	if err != nil {
		return nil, err
	}
	for _, f := range c.schemes() {
		for _, s := range f.signers {
			s.checkContent(sums)
		}
	}
	if in.MinSDK > in.MaxSDK {
		c.issues.Fail("sdk_range_empty", "SDK %d to %d", in.MinSDK, in.MaxSDK)
	} else {
		c.judge()
	}
	if in.V4 != nil && in.MaxSDK >= sdkN && !c.issues.Failed() {
		if err := c.verifyV4(); err != nil {
			return nil, err
		}
	}
	r := c.result(sums)
	r.Stamp, err = c.stamp()
	return r, err
}

// read digests the file, and its entries where a JAR signature counts, both at the same time.
func (c *check) read() (sums Sums, err error) {
	want := map[Digest]bool{}
	for _, f := range c.schemes() {
		f.digests(want)
	}
	var wg sync.WaitGroup
	var jarErr error
	if c.in.MinSDK <= c.in.MaxSDK && (c.in.MinSDK < sdkN || len(c.ids()) == 0) {
		wg.Go(func() {
			c.jar, jarErr = jar.Verify(jar.Input{
				Dir: c.in.Dir, MinSDK: c.in.MinSDK, MaxSDK: c.in.MaxSDK, Schemes: c.ids(),
				FileLimit: c.in.FileLimit, ContentLimit: c.in.ContentLimit,
			})
		})
	}
	at := layout{content: c.block.offset, directory: c.in.DirectoryOffset, end: c.in.Size - int64(len(c.in.EOCD)), eocd: c.in.EOCD}
	sums, err = digest(c.in.R, at, want)
	wg.Wait()
	if err == nil {
		err = jarErr
	}
	return sums, err
}

// ids are those of the schemes in the signing block, as X-Android-APK-Signed of a JAR signature lists them.
func (c *check) ids() (out []int) {
	for _, f := range c.schemes() {
		if f.present {
			out = append(out, schemeIDs[f.scheme.name])
		}
	}
	return out
}

var schemeIDs = map[string]int{"v2": 2, "v3": 3, "v3.1": 31}

// schemes are those that were looked at, newest first.
func (c *check) schemes() []*found { return []*found{c.v31, c.v3, c.v2} }

// parse reads the blocks that platforms of the range would look at.
func (c *check) parse() {
	lo, hi := c.in.MinSDK, c.in.MaxSDK
	c.v31, c.v3, c.v2 = &found{}, &found{}, &found{}
	if hi >= sdkT {
		c.v31 = scheme{name: "v3.1", prefix: "v3", ranged: true}.parse(c.block, idV31, maxV3Signers)
		c.v31.checkRanges()
	}
	if hi >= sdkP {
		c.v3 = scheme{name: "v3", prefix: "v3", ranged: true}.parse(c.block, idV3, maxV3Signers)
		c.v3.checkRanges()
	}
	if hi >= sdkN && (lo < sdkP || !c.v3.present && !c.v31.present) {
		c.v2 = scheme{name: "v2", prefix: "v2", min: max(lo, sdkN), max: hi}.parse(c.block, idV2, maxV2Signers)
	}
}

// result gathers everything. Only a check without any error, over at least one scheme, is verified.
func (c *check) result(sums Sums) *Result {
	r := &Result{FileSHA256: sums.File, Lineage: c.fullLineage()}
	for _, f := range c.schemes() {
		c.collect(f, r)
	}
	c.collectJAR(r)
	r.Errors, r.Warnings = append(r.Errors, c.issues.Errors...), append(r.Warnings, c.issues.Warnings...)
	slices.Reverse(r.Schemes)
	if c.v4 {
		r.Schemes = append(r.Schemes, "v4")
	}
	r.Verified = len(r.Errors) == 0 && len(r.Schemes) > 0
	if !r.Verified {
		r.Schemes, r.Lineage, r.current = nil, nil, nil
	}
	return r
}

func (c *check) collect(f *found, r *Result) {
	if !f.present {
		return
	}
	r.Errors, r.Warnings = append(r.Errors, f.issues.Errors...), append(r.Warnings, f.issues.Warnings...)
	for _, s := range f.newestFirst() {
		if s.Cert.Raw != nil {
			r.Signers = append(r.Signers, s)
		}
		r.Errors, r.Warnings = append(r.Errors, s.issues.Errors...), append(r.Warnings, s.issues.Warnings...)
		// A signer that nothing verified for must never pass by having no error.
		if len(s.verified) == 0 && !s.issues.Failed() {
			r.Errors = append(r.Errors, issue.Issue{Code: f.scheme.prefix + "_sig_no_supported_signatures", Detail: "signer without a verified signature"})
		}
	}
	if !f.failed() && len(f.signers) > 0 {
		r.Schemes = append(r.Schemes, f.scheme.name)
		if r.current == nil {
			r.current = f.newestFirst()[0]
		}
	}
}

// collectJAR adds the JAR signature, which is the oldest scheme.
func (c *check) collectJAR(r *Result) {
	if c.jar == nil {
		return
	}
	r.Errors, r.Warnings = append(r.Errors, c.jar.Errors...), append(r.Warnings, c.jar.Warnings...)
	hi := c.in.MaxSDK
	if len(c.ids()) > 0 {
		hi = min(hi, sdkN-1)
	}
	for _, signer := range c.jarSigners() {
		s := &Signer{Scheme: "v1", MinSDK: c.in.MinSDK, MaxSDK: hi, Cert: signer}
		r.Signers = append(r.Signers, s)
		if r.current == nil {
			r.current = s
		}
	}
	if len(c.jarSigners()) > 0 {
		r.Schemes = append(r.Schemes, "v1")
	}
}

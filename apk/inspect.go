package apk

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
	"github.com/atlas-mdm/atlas-go/apk/internal/sign"
	"github.com/atlas-mdm/atlas-go/apk/internal/zip"
)

// The errors of Inspect, matched with errors.Is. A bad signature is none of them: it is in Info.Signature.
var (
	// ErrNotAPK says that the bytes are no Android package: no ZIP archive, or one without a manifest.
	ErrNotAPK = fault.ErrNotAPK
	// ErrMalformed says that the archive or the manifest contradicts its format, so that identity can't be known.
	ErrMalformed = fault.ErrMalformed
	// ErrLimit says that something is larger than Options.Limits allows.
	ErrLimit = fault.ErrLimit
)

// Options narrows an inspection. The zero value is what an installer wants.
type Options struct {
	// MinSDK and MaxSDK are the range of platforms the signature is judged for. Zero takes the manifest's
	// minSdkVersion, and no upper bound.
	MinSDK, MaxSDK int
	// V4 is the file with the v4 signature (.idsig) that came with the package; nil verifies none. A v4 signature that
	// does not verify, or is for another package, leaves the package unverified. It counts in no range that ends before
	// SDK 24, where nothing looks at it.
	V4 *io.SectionReader
	// Limits bounds the work.
	Limits Limits
}

// anySDK stands for "every later platform", as in apksig.
const anySDK = math.MaxInt32

// Inspect reads the package in the first size bytes of r. It answers nil and an error that matches ErrNotAPK,
// ErrMalformed or ErrLimit where there is no package to speak of, and the error of r where reading fails; in all other
// cases it answers an Info, whose Signature.Verified must be looked at. Several goroutines may call it with the same r.
func Inspect(r io.ReaderAt, size int64, o Options) (*Info, error) {
	lim := o.Limits.withDefaults(size)
	if size > lim.FileSize {
		return nil, fmt.Errorf("%w: file of %d bytes, limit %d", ErrLimit, size, lim.FileSize)
	}
	dir, err := zip.Open(r, size, zip.Limits{Entries: lim.Entries, DirectoryBytes: lim.DirectoryBytes})
	if err != nil {
		return nil, err
	}
	man, err := readManifest(dir, lim)
	if err != nil {
		return nil, err
	}
	info := newInfo(size)
	man.describe(info)
	describeEntries(info, dir)
	if err := info.verify(r, dir, man, o, lim); err != nil {
		return nil, err
	}
	return info, nil
}

// InspectFile is Inspect over a file of the file system.
func InspectFile(name string, o Options) (*Info, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("apk: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("apk: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrNotAPK, name)
	}
	return Inspect(f, st.Size(), o)
}

func newInfo(size int64) *Info {
	return &Info{
		Size: size, Permissions: []string{}, Features: []Feature{}, Components: []Component{}, NativeABIs: []string{},
		Embedded: []Embedded{}, Findings: []Finding{},
		Signature: Signature{
			Schemes: []string{}, Signers: []Signer{}, Lineage: []LineageNode{}, SourceStamp: "none",
			SourceStampErrors: []Issue{}, Errors: []Issue{}, Warnings: []Issue{},
		},
	}
}

// verify fills in what needs the whole file: its digest, the signature, and the checksums made of both.
func (i *Info) verify(r io.ReaderAt, dir *zip.Directory, man *manifest, o Options, lim Limits) error {
	in := sign.Input{
		R: r, Size: i.Size, DirectoryOffset: dir.Offset, DirectorySize: dir.Size, EOCD: dir.EOCD,
		MinSDK: o.MinSDK, MaxSDK: o.MaxSDK, SandboxVersion: man.sandboxVersion, TargetSDK: i.TargetSDK, Dir: dir, V4: o.V4,
		BlockLimit: lim.SigningBlockBytes, FileLimit: lim.SignatureFileBytes, ContentLimit: lim.ContentBytes,
	}
	if in.MinSDK <= 0 {
		in.MinSDK = i.MinSDK
	}
	if in.MaxSDK <= 0 {
		in.MaxSDK = anySDK
	}
	res, err := sign.Verify(in)
	if err != nil {
		return err
	}
	i.SHA256 = hex.EncodeToString(res.FileSHA256[:])
	i.Provisioning.PackageChecksum = base64.RawURLEncoding.EncodeToString(res.FileSHA256[:])
	i.Signature = signatureOf(res, dir)
	if i.Signature.Verified {
		sum := res.Current().Cert.SHA256
		i.Provisioning.SignatureChecksum = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return nil
}

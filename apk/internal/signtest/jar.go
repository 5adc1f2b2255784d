package signtest

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// File is a file of a package.
type File struct {
	Name    string
	Content []byte
}

func digest64(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Section is the section of a manifest or signature file for one file, with the SHA-256 of data.
func Section(name string, data []byte) string {
	return fmt.Sprintf("Name: %s\r\nSHA-256-Digest: %s\r\n\r\n", name, digest64(data))
}

// Manifest is META-INF/MANIFEST.MF for files.
func Manifest(files ...File) string {
	out := "Manifest-Version: 1.0\r\n\r\n"
	for _, f := range files {
		out += Section(f.Name, f.Content)
	}
	return out
}

// SignatureFile is a signature file for a manifest. Its main section has more as well, lines that end with CR and LF.
func SignatureFile(manifest, more string) string {
	out := "Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: " + digest64([]byte(manifest)) + "\r\n" + more + "\r\n"
	for s := range strings.SplitAfterSeq(manifest, "\r\n\r\n") {
		if name, ok := strings.CutPrefix(s, "Name: "); ok {
			name, _, _ = strings.Cut(name, "\r\n")
			out += Section(name, []byte(s))
		}
	}
	return out
}

var (
	oidData        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidSHA256      = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidECDSASHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
)

type signerInfo struct {
	Version   int
	Issuer    issuerAndSerial
	Digest    pkix.AlgorithmIdentifier
	Algorithm pkix.AlgorithmIdentifier
	Signature []byte
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type signedData struct {
	Version      int
	Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
	Content      struct{ Type asn1.ObjectIdentifier }
	Certificates asn1.RawValue `asn1:"optional"`
	Signers      []signerInfo  `asn1:"set"`
}

// SignatureBlock is a signature block over a signature file, with one signer for each key.
func SignatureBlock(t testing.TB, file string, keys ...Key) []byte {
	t.Helper()
	d := signedData{Version: 1, Digests: []pkix.AlgorithmIdentifier{{Algorithm: oidSHA256}}}
	d.Content.Type = oidData
	var bag []byte
	for _, k := range keys {
		c, err := x509.ParseCertificate(k.Cert)
		require.NoError(t, err)
		bag = append(bag, k.Cert...)
		d.Signers = append(d.Signers, signerInfo{
			Version: 1, Issuer: issuerAndSerial{asn1.RawValue{FullBytes: c.RawIssuer}, c.SerialNumber},
			Digest: d.Digests[0], Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidECDSASHA256}, Signature: k.sign(t, []byte(file)),
		})
	}
	if len(bag) > 0 {
		d.Certificates = asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: bag}
	}
	inner, err := asn1.Marshal(d)
	require.NoError(t, err)
	out, err := asn1.Marshal(struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}{oidSignedData, asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: inner}})
	require.NoError(t, err)
	return out
}

// SignJAR returns the files of a JAR signature over files, by one key.
func SignJAR(t testing.TB, k Key, files ...File) []File {
	t.Helper()
	manifest := Manifest(files...)
	file := SignatureFile(manifest, "")
	return []File{
		{"META-INF/MANIFEST.MF", []byte(manifest)},
		{"META-INF/A.SF", []byte(file)},
		{"META-INF/A.EC", SignatureBlock(t, file, k)},
	}
}

// V4 is the file of a v4 signature over a signed package, whose first signer of v2 must be the key. Tree may be nil.
func V4(t testing.TB, k Key, signed, contentDigest, tree []byte, root [sha256.Size]byte) []byte {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(k.Private.Public())
	require.NoError(t, err)
	data := le.AppendUint64(make([]byte, 4), uint64(len(signed)))
	data = append(le.AppendUint32(data, 1), 12)
	data = append(data, Prefixed(nil, root[:], contentDigest, k.Cert, nil)...)
	le.PutUint32(data, uint32(len(data)))
	hashing := append(append(U32(1), 12), Prefixed(nil, root[:])...)
	info := append(Prefixed(contentDigest, k.Cert, nil, spki), U32(ecdsaSHA256)...)
	info = append(info, Prefixed(k.sign(t, data))...)
	out := append(U32(2), Prefixed(hashing, info)...)
	if tree != nil {
		out = append(out, Prefixed(tree)...)
	}
	return out
}

// Stamp is the content of a source stamp's block for a package with a v2 signature over the digest. The attributes are
// signed as well.
func Stamp(t testing.TB, k Key, contentDigest []byte, attributes ...[]byte) []byte {
	t.Helper()
	signatures := func(data []byte) []byte {
		return Prefixed(append(U32(ecdsaSHA256), Prefixed(k.sign(t, data))...))
	}
	const v2, chunkedSHA256 = 2, 1
	digests := Prefixed(append(U32(chunkedSHA256), Prefixed(contentDigest)...))
	schemes := Prefixed(append(U32(v2), Prefixed(signatures(digests))...))
	attrs := Prefixed(Prefixed(attributes...))
	return Prefixed(Prefixed(k.Cert, schemes, attrs, signatures(attrs)))
}

package sign

import (
	"crypto"
	_ "crypto/sha256" // the hashes of the table below
	_ "crypto/sha512"

	"github.com/atlas-mdm/atlas-go/apk/internal/cert"
)

// Digest is a way to digest the content of a package.
type Digest int

// The content digests, weakest first: of several signatures the platform checks the one over the strongest digest.
const (
	ChunkedSHA256 Digest = iota
	VeritySHA256
	ChunkedSHA512
)

const (
	sdkN = 24 // the first platform that knows v2
	sdkO = 26 // targetSandboxVersion
	sdkP = 28 // v3
	sdkR = 30 // packages that target it or later need v2
	sdkT = 33 // v3.1
)

// algorithm is one row of the table of signature algorithms.
type algorithm struct {
	id     uint32
	digest Digest
	hash   crypto.Hash
	check  cert.Check
	minSDK int
}

// algorithms is the table in https://source.android.com/docs/security/features/apksigning/v2 with the fs-verity rows
// that v3 of the platform knows. 0x0501 (ML-DSA, scheme v3.2) is not among them.
var algorithms = []algorithm{
	{0x0101, ChunkedSHA256, crypto.SHA256, cert.PSS, sdkN},
	{0x0102, ChunkedSHA512, crypto.SHA512, cert.PSS, sdkN},
	{0x0103, ChunkedSHA256, crypto.SHA256, cert.PKCS1, sdkN},
	{0x0104, ChunkedSHA512, crypto.SHA512, cert.PKCS1, sdkN},
	{0x0201, ChunkedSHA256, crypto.SHA256, cert.ECDSA, sdkN},
	{0x0202, ChunkedSHA512, crypto.SHA512, cert.ECDSA, sdkN},
	{0x0301, ChunkedSHA256, crypto.SHA256, cert.DSA, sdkN},
	{0x0421, VeritySHA256, crypto.SHA256, cert.PKCS1, sdkP},
	{0x0423, VeritySHA256, crypto.SHA256, cert.ECDSA, sdkP},
	{0x0425, VeritySHA256, crypto.SHA256, cert.DSA, sdkP},
}

func algorithmByID(id uint32) (algorithm, bool) {
	for _, a := range algorithms {
		if a.id == id {
			return a, true
		}
	}
	return algorithm{}, false
}

// verify checks a signature over data.
func (a algorithm) verify(key any, data, sig []byte) error {
	h := a.hash.New()
	h.Write(data)
	return a.check(key, a.hash, h.Sum(nil), sig)
}

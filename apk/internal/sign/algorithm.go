package sign

import (
	"crypto"
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of the table below
	_ "crypto/sha512"
	"encoding/asn1"
	"errors"
	"math/big"
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
	sdkP = 28 // v3
	sdkT = 33 // v3.1
)

// algorithm is one row of the table of signature algorithms.
type algorithm struct {
	id     uint32
	digest Digest
	hash   crypto.Hash
	check  func(key any, hash crypto.Hash, digest, sig []byte) error
	minSDK int
}

// algorithms is the table in https://source.android.com/docs/security/features/apksigning/v2 with the fs-verity rows
// that v3 of the platform knows. 0x0501 (ML-DSA, scheme v3.2) is not among them.
var algorithms = []algorithm{
	{0x0101, ChunkedSHA256, crypto.SHA256, checkPSS, sdkN},
	{0x0102, ChunkedSHA512, crypto.SHA512, checkPSS, sdkN},
	{0x0103, ChunkedSHA256, crypto.SHA256, checkPKCS1, sdkN},
	{0x0104, ChunkedSHA512, crypto.SHA512, checkPKCS1, sdkN},
	{0x0201, ChunkedSHA256, crypto.SHA256, checkECDSA, sdkN},
	{0x0202, ChunkedSHA512, crypto.SHA512, checkECDSA, sdkN},
	{0x0301, ChunkedSHA256, crypto.SHA256, checkDSA, sdkN},
	{0x0421, VeritySHA256, crypto.SHA256, checkPKCS1, sdkP},
	{0x0423, VeritySHA256, crypto.SHA256, checkECDSA, sdkP},
	{0x0425, VeritySHA256, crypto.SHA256, checkDSA, sdkP},
}

func algorithmByID(id uint32) (algorithm, bool) {
	for _, a := range algorithms {
		if a.id == id {
			return a, true
		}
	}
	return algorithm{}, false
}

var (
	errKeyType   = errors.New("key does not fit the algorithm")
	errSignature = errors.New("signature does not verify")
)

// verify checks a signature over data.
func (a algorithm) verify(key any, data, sig []byte) error {
	h := a.hash.New()
	h.Write(data)
	return a.check(key, a.hash, h.Sum(nil), sig)
}

// maxRSABits bounds the cost of one verification; Android's own library refuses larger keys.
const maxRSABits = 16384

// maxDSABits is above what FIPS 186-4 allows (3072) and bounds the cost in the same way.
const maxDSABits = 4096

func rsaKey(key any) (*rsa.PublicKey, error) {
	k, ok := key.(*rsa.PublicKey)
	if !ok || k.N.BitLen() > maxRSABits {
		return nil, errKeyType
	}
	return k, nil
}

func checkPKCS1(key any, hash crypto.Hash, digest, sig []byte) error {
	k, err := rsaKey(key)
	if err != nil {
		return err
	}
	return rsa.VerifyPKCS1v15(k, hash, digest, sig)
}

// checkPSS demands the salt length that the schemes fix, the length of the digest.
func checkPSS(key any, hash crypto.Hash, digest, sig []byte) error {
	k, err := rsaKey(key)
	if err != nil {
		return err
	}
	return rsa.VerifyPSS(k, hash, digest, sig, &rsa.PSSOptions{SaltLength: hash.Size()})
}

func checkECDSA(key any, _ crypto.Hash, digest, sig []byte) error {
	k, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return errKeyType
	}
	if !ecdsa.VerifyASN1(k, digest, sig) {
		return errSignature
	}
	return nil
}

// checkDSA cuts the digest to the length of the subgroup, as FIPS 186-3 section 4.6 asks.
func checkDSA(key any, _ crypto.Hash, digest, sig []byte) error {
	k, ok := key.(*dsa.PublicKey)
	if !ok || k.P.BitLen() > maxDSABits || k.Q.BitLen() > 512 || k.Q.BitLen()%8 != 0 {
		return errKeyType
	}
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(sig, &rs); err != nil || len(rest) != 0 {
		return errSignature
	}
	if n := k.Q.BitLen() / 8; len(digest) > n {
		digest = digest[:n]
	}
	if !dsa.Verify(k, digest, rs.R, rs.S) {
		return errSignature
	}
	return nil
}

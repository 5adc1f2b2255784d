package cert

import (
	"bytes"
	"crypto"
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/asn1"
	"errors"
	"math/big"
)

// The errors of the checks below.
var (
	// ErrKeyType says that the key is of another kind than the algorithm, or larger than any platform takes.
	ErrKeyType = errors.New("key does not fit the algorithm")
	// ErrSignature says that the signature is not one of this key over this digest.
	ErrSignature = errors.New("signature does not verify")
)

// Check verifies a signature over a digest made with hash.
type Check func(key any, hash crypto.Hash, digest, sig []byte) error

const (
	maxRSABits = 16384 // bounds the cost of one verification; Android's own library refuses larger keys
	maxDSABits = 4096  // above what FIPS 186-4 allows (3072), and a bound in the same way
	minRSABits = 1024  // below it crypto/rsa refuses keys, which Android takes
)

func rsaKey(key any) (*rsa.PublicKey, error) {
	k, ok := key.(*rsa.PublicKey)
	if !ok || k.N.BitLen() > maxRSABits {
		return nil, ErrKeyType
	}
	return k, nil
}

// PKCS1 is RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
func PKCS1(key any, hash crypto.Hash, digest, sig []byte) error {
	k, err := rsaKey(key)
	if err != nil {
		return err
	}
	if k.N.BitLen() < minRSABits {
		return smallPKCS1(k, hash, digest, sig)
	}
	return rsa.VerifyPKCS1v15(k, hash, digest, sig)
}

// digestPrefixes are the DER encodings of DigestInfo before the digest (RFC 8017 section 9.2, note 1).
var digestPrefixes = map[crypto.Hash][]byte{
	crypto.MD5:    {0x30, 0x20, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05, 0x05, 0x00, 0x04, 0x10},
	crypto.SHA1:   {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14},
	crypto.SHA224: {0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04, 0x05, 0x00, 0x04, 0x1c},
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

// smallPKCS1 verifies with keys that are too small for crypto/rsa. Whether such a key is good enough is for whoever
// reads the signer's key to say; Android installs what it signed. It is for verifying only, and takes no secret.
func smallPKCS1(k *rsa.PublicKey, hash crypto.Hash, digest, sig []byte) error {
	size := (k.N.BitLen() + 7) / 8
	prefix, known := digestPrefixes[hash]
	pad := size - 3 - len(prefix) - len(digest)
	s := new(big.Int).SetBytes(sig)
	if !known || pad < 8 || len(sig) != size || k.E < 2 || s.Cmp(k.N) >= 0 || len(digest) != hash.Size() {
		return ErrSignature
	}
	want := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, pad)...)
	want = append(append(append(want, 0), prefix...), digest...)
	got := new(big.Int).Exp(s, big.NewInt(int64(k.E)), k.N).FillBytes(make([]byte, size))
	if subtle.ConstantTimeCompare(got, want) != 1 {
		return ErrSignature
	}
	return nil
}

// PSS is RSASSA-PSS with a salt as long as the digest, which the schemes fix.
func PSS(key any, hash crypto.Hash, digest, sig []byte) error {
	k, err := rsaKey(key)
	if err != nil {
		return err
	}
	return rsa.VerifyPSS(k, hash, digest, sig, &rsa.PSSOptions{SaltLength: hash.Size()})
}

// ECDSA verifies a signature in its ASN.1 form.
func ECDSA(key any, _ crypto.Hash, digest, sig []byte) error {
	k, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return ErrKeyType
	}
	if !ecdsa.VerifyASN1(k, digest, sig) {
		return ErrSignature
	}
	return nil
}

// DSA cuts the digest to the length of the subgroup, as FIPS 186-3 section 4.6 asks.
func DSA(key any, _ crypto.Hash, digest, sig []byte) error {
	k, ok := key.(*dsa.PublicKey)
	if !ok || k.P.BitLen() > maxDSABits || k.Q.BitLen() > 512 || k.Q.BitLen()%8 != 0 {
		return ErrKeyType
	}
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(sig, &rs); err != nil || len(rest) != 0 {
		return ErrSignature
	}
	if n := k.Q.BitLen() / 8; len(digest) > n {
		digest = digest[:n]
	}
	if !dsa.Verify(k, digest, rs.R, rs.S) {
		return ErrSignature
	}
	return nil
}

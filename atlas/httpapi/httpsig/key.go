package httpsig

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
)

// The names of the algorithms on the wire (RFC 9421, section 6.2.2).
const (
	algEd25519 = "ed25519"
	algP256    = "ecdsa-p256-sha256"
)

// signatureSize is the length of a signature of either algorithm.
const signatureSize = 64

// maxKeySize bounds the SPKI of a key; that of P-256 has 91 bytes.
const maxKeySize = 256

// ParsePublicKey reads the public key of a device from its SPKI in DER, which
// the protocol carries in base64. It returns ErrKey for anything that is not
// exactly one Ed25519 or P-256 key in its usual encoding.
func ParsePublicKey(der []byte) (crypto.PublicKey, error) {
	if len(der) > maxKeySize {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrKey, maxKeySize)
	}
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: not a public key in SPKI form", ErrKey)
	}
	same, err := MarshalPublicKey(pub)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(same, der) {
		return nil, fmt.Errorf("%w: not in its usual encoding", ErrKey)
	}
	return pub, nil
}

// MarshalPublicKey returns the SPKI of a key in DER, or ErrKey if it is
// neither Ed25519 nor P-256.
func MarshalPublicKey(pub crypto.PublicKey) ([]byte, error) {
	if _, err := algorithmOf(pub); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("%w: it does not encode", ErrKey)
	}
	return der, nil
}

// KeyID returns the name of a key: the SHA-256 of its SPKI in base64url, 43
// characters. It names the key as a thumbprint of RFC 7638 does, but for keys
// that never exist as a JWK.
func KeyID(pub crypto.PublicKey) (string, error) {
	der, err := MarshalPublicKey(pub)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

func algorithmOf(pub crypto.PublicKey) (string, error) {
	switch k := pub.(type) {
	case ed25519.PublicKey:
		if len(k) == ed25519.PublicKeySize {
			return algEd25519, nil
		}
	case *ecdsa.PublicKey:
		if k != nil && k.Curve == elliptic.P256() {
			return algP256, nil
		}
	}
	return "", fmt.Errorf("%w: neither Ed25519 nor P-256", ErrKey)
}

// signBase returns the signature of base in the form of RFC 9421, section 3.3.
func signBase(key crypto.Signer, base string) ([]byte, error) {
	alg, err := algorithmOf(key.Public())
	if err != nil {
		return nil, err
	}
	if alg == algEd25519 {
		return key.Sign(rand.Reader, []byte(base), crypto.Hash(0))
	}
	sum := sha256.Sum256([]byte(base))
	der, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return rawECDSA(der)
}

// rawECDSA turns the ASN.1 that every crypto.Signer makes into r and s.
func rawECDSA(der []byte) ([]byte, error) {
	var v struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &v)
	if err != nil || len(rest) > 0 || v.R.Sign() <= 0 || v.S.Sign() <= 0 || v.R.BitLen() > 256 || v.S.BitLen() > 256 {
		return nil, fmt.Errorf("%w: it made something that is not a P-256 signature", ErrKey)
	}
	raw := make([]byte, signatureSize)
	v.R.FillBytes(raw[:32])
	v.S.FillBytes(raw[32:])
	return raw, nil
}

// verifyBase reports whether sig is pub's over base by that algorithm.
func verifyBase(pub crypto.PublicKey, alg, base string, sig []byte) bool {
	want, err := algorithmOf(pub)
	if err != nil || want != alg || len(sig) != signatureSize {
		return false
	}
	if k, ok := pub.(ed25519.PublicKey); ok {
		return ed25519.Verify(k, []byte(base), sig)
	}
	sum := sha256.Sum256([]byte(base))
	r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	return ecdsa.Verify(pub.(*ecdsa.PublicKey), sum[:], r, s)
}

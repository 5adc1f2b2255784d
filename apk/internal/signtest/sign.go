// Package signtest signs packages for tests with APK Signature Scheme v2, v3 and v3.1, including such as no honest tool
// would make. It shares no code with the verifier.
package signtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The ids of the schemes' blocks, and of the one algorithm used.
const (
	V2  = 0x7109871a
	V3  = 0xf05368c0
	V31 = 0x1b93ad61

	ecdsaSHA256 = 0x0201
)

var le = binary.LittleEndian

// Key is a signing key with its certificate.
type Key struct {
	Private *ecdsa.PrivateKey
	Cert    []byte
}

// NewKey makes a P-256 key and a certificate for it.
func NewKey(t testing.TB, name string) Key {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(4e9, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, priv.Public(), priv)
	require.NoError(t, err)
	return Key{priv, der}
}

func (k Key) sign(t testing.TB, data []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(data)
	sig, err := k.Private.Sign(rand.Reader, sum[:], crypto.SHA256)
	require.NoError(t, err)
	return sig
}

// Signer is one signer of a block.
type Signer struct {
	Key            Key
	MinSDK, MaxSDK int // of v3 and v3.1
	Attributes     [][]byte
}

// Block is one scheme's block.
type Block struct {
	ID      uint32
	Signers []Signer
	// Raw, where it is not nil, is the block's content instead.
	Raw []byte
}

// Prefixed puts a length of 32 bits before each part.
func Prefixed(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(le.AppendUint32(out, uint32(len(p))), p...)
	}
	return out
}

// U32 encodes a number.
func U32(v uint32) []byte { return le.AppendUint32(nil, v) }

// Attribute is an additional attribute with a number as its value.
func Attribute(id, value uint32) []byte { return append(U32(id), U32(value)...) }

// Lineage is the attribute that proves that each key handed over to the next.
func Lineage(t testing.TB, keys ...Key) []byte {
	t.Helper()
	out := U32(1)
	for i, k := range keys {
		signed := append(Prefixed(k.Cert), U32(ecdsaSHA256)...)
		var sig []byte
		if i == 0 {
			signed = append(Prefixed(k.Cert), U32(0)...)
		} else {
			sig = keys[i-1].sign(t, signed)
		}
		node := append(Prefixed(signed), U32(23)...)
		node = append(append(node, U32(ecdsaSHA256)...), Prefixed(sig)...)
		out = append(out, Prefixed(node)...)
	}
	return append(U32(0x3ba06f8c), out...)
}

// Sign puts a signing block into an unsigned package.
func Sign(t testing.TB, unsigned []byte, blocks ...Block) []byte {
	t.Helper()
	end := len(unsigned) - 22 // packages in tests have no comment
	require.Equal(t, uint32(0x06054b50), le.Uint32(unsigned[end:]))
	dir := int(le.Uint32(unsigned[end+16:]))
	content := Digest(unsigned[:dir], unsigned[dir:end], unsigned[end:])
	var pairs []byte
	for _, b := range blocks {
		value := b.Raw
		if value == nil {
			value = encode(t, b, content)
		}
		pairs = le.AppendUint64(pairs, uint64(4+len(value)))
		pairs = append(le.AppendUint32(pairs, b.ID), value...)
	}
	size := uint64(len(pairs) + 24)
	block := append(le.AppendUint64(nil, size), pairs...)
	block = append(le.AppendUint64(block, size), "APK Sig Block 42"...)
	out := append(append([]byte(nil), unsigned[:dir]...), block...)
	out = append(out, unsigned[dir:]...)
	le.PutUint32(out[len(out)-6:], uint32(dir+len(block)))
	return out
}

func encode(t testing.TB, b Block, content []byte) []byte {
	t.Helper()
	var signers [][]byte
	for _, s := range b.Signers {
		spki, err := x509.MarshalPKIXPublicKey(s.Key.Private.Public())
		require.NoError(t, err)
		signed := Prefixed(Prefixed(append(U32(ecdsaSHA256), Prefixed(content)...)), Prefixed(s.Key.Cert))
		var sdk []byte
		if b.ID != V2 {
			sdk = append(U32(uint32(s.MinSDK)), U32(uint32(s.MaxSDK))...)
		}
		signed = append(append(signed, sdk...), Prefixed(Prefixed(s.Attributes...))...)
		signer := append(Prefixed(signed), sdk...)
		signer = append(signer, Prefixed(Prefixed(append(U32(ecdsaSHA256), Prefixed(s.Key.sign(t, signed))...)), spki)...)
		signers = append(signers, signer)
	}
	return Prefixed(Prefixed(signers...))
}

// Digest is the chunked SHA-256 content digest of the three parts.
func Digest(parts ...[]byte) []byte {
	const chunk = 1 << 20
	var sums []byte
	for _, p := range parts {
		for len(p) > 0 {
			n := min(chunk, len(p))
			sum := sha256.Sum256(append(append([]byte{0xa5}, U32(uint32(n))...), p[:n]...))
			sums, p = append(sums, sum[:]...), p[n:]
		}
	}
	top := sha256.Sum256(append(append([]byte{0x5a}, U32(uint32(len(sums)/sha256.Size))...), sums...))
	return top[:]
}

package cert_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/internal/cert"
)

// issue makes a certificate with a key usage and more extensions.
func issue(t testing.TB, usage x509.KeyUsage, more ...pkix.Extension) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Some Name"}, KeyUsage: usage, ExtraExtensions: more}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	require.NoError(t, err)
	return der
}

func TestUsageDecidesAboutSigning(t *testing.T) {
	t.Parallel()
	odd := func(critical bool) pkix.Extension {
		return pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: critical, Value: []byte{5, 0}}
	}
	for _, c := range []struct {
		der []byte
		may bool
	}{
		{issue(t, 0), true},
		{issue(t, x509.KeyUsageDigitalSignature), true},
		{issue(t, x509.KeyUsageContentCommitment), true},
		{issue(t, x509.KeyUsageCertSign), false},
		{issue(t, 0, odd(false)), true},
		{issue(t, 0, odd(true)), false},
	} {
		parsed, err := cert.Parse(c.der)
		require.NoError(t, err)
		require.Equal(t, c.may, parsed.MaySign() == nil)
	}
}

func TestCertificateThatIsNotDERIsReadAndKeepsItsBytes(t *testing.T) {
	t.Parallel()
	der := issue(t, 0)
	require.Equal(t, byte(0x82), der[1])
	long := append([]byte{der[0], 0x83, 0}, der[2:]...) // a length with a zero in front
	_, err := x509.ParseCertificate(long)
	require.Error(t, err)
	c, err := cert.Parse(long)
	require.NoError(t, err)
	require.Equal(t, long, c.Raw)
	require.Equal(t, sha256.Sum256(long), c.SHA256)
	require.Equal(t, "CN=Some Name", c.Subject)
	require.EqualValues(t, 7, c.Serial.Int64())
}

func TestIssuersAreComparedAsNames(t *testing.T) {
	t.Parallel()
	c, err := cert.Parse(issue(t, 0))
	require.NoError(t, err)
	for name, same := range map[string]bool{"Some Name": true, "some  NAME": true, "Other": false} {
		der, err := asn1.Marshal(pkix.Name{CommonName: name}.ToRDNSequence())
		require.NoError(t, err)
		require.Equal(t, same, c.HasIssuer(der), name)
	}
	require.False(t, c.HasIssuer(nil))
}

// smallKey is an RSA key of 512 bits, which crypto/rsa neither makes nor uses.
func smallKey(t *testing.T) (*rsa.PublicKey, *big.Int) {
	t.Helper()
	for {
		p, err := rand.Prime(rand.Reader, 256)
		require.NoError(t, err)
		q, err := rand.Prime(rand.Reader, 256)
		require.NoError(t, err)
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(big.NewInt(65537), phi)
		n := new(big.Int).Mul(p, q)
		if d != nil && n.BitLen() == 512 {
			return &rsa.PublicKey{N: n, E: 65537}, d
		}
	}
}

func TestSmallRSAKeysVerifyWhatTheySignedAndNothingElse(t *testing.T) {
	t.Parallel()
	k, d := smallKey(t)
	sum := sha256.Sum256([]byte("signed"))
	prefix := []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	padded := []byte{0, 1}
	for len(padded) < 64-1-len(prefix)-len(sum) {
		padded = append(padded, 0xff)
	}
	padded = append(append(append(padded, 0), prefix...), sum[:]...)
	sign := func(em []byte) []byte {
		return new(big.Int).Exp(new(big.Int).SetBytes(em), d, k.N).FillBytes(make([]byte, 64))
	}
	require.NoError(t, cert.PKCS1(k, crypto.SHA256, sum[:], sign(padded)))
	for i := range padded[1:] {
		padded[i+1] ^= 1
		require.ErrorIs(t, cert.PKCS1(k, crypto.SHA256, sum[:], sign(padded)), cert.ErrSignature)
		padded[i+1] ^= 1
	}
	require.Error(t, cert.PKCS1(k, crypto.SHA256, sum[:], append([]byte{0}, sign(padded)...)))
	require.Error(t, cert.PKCS1(k, crypto.SHA1, sum[:20], sign(padded)))
	require.Error(t, cert.PKCS1(k, crypto.SHA256, sum[:], make([]byte, 64)))
	require.Error(t, cert.PKCS1(k, crypto.SHA512, make([]byte, 64), sign(padded)))
}

func TestModulusThatReadsAsNegativeIsTakenWithoutASign(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "n"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	require.NoError(t, err)
	c, err := cert.Parse(withoutLeadingZero(t, der, key.N))
	require.NoError(t, err)
	require.Zero(t, key.N.Cmp(c.PublicKey.(*rsa.PublicKey).N))
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	require.True(t, c.HasKey(spki))
}

// withoutLeadingZero puts the modulus into the certificate without the octet that makes it positive.
func withoutLeadingZero(t *testing.T, der []byte, n *big.Int) []byte {
	t.Helper()
	var outer struct{ TBS, Alg, Sig asn1.RawValue }
	_, err := asn1.Unmarshal(der, &outer)
	require.NoError(t, err)
	key, err := asn1.Marshal(struct {
		N asn1.RawValue
		E int
	}{asn1.RawValue{Tag: asn1.TagInteger, Bytes: n.Bytes()}, 65537})
	require.NoError(t, err)
	spki, err := asn1.Marshal(struct {
		Alg pkix.AlgorithmIdentifier
		Key asn1.BitString
	}{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, Parameters: asn1.NullRawValue}, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}})
	require.NoError(t, err)
	var fields []byte
	seen := 0
	for rest := outer.TBS.Bytes; len(rest) > 0; seen++ {
		var v asn1.RawValue
		rest, err = asn1.Unmarshal(rest, &v)
		require.NoError(t, err)
		if seen == 6 { // after version, serial, algorithm, issuer, validity and subject
			v.FullBytes = spki
		}
		fields = append(fields, v.FullBytes...)
	}
	tbs, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: fields})
	require.NoError(t, err)
	outer.TBS = asn1.RawValue{FullBytes: tbs}
	out, err := asn1.Marshal(outer)
	require.NoError(t, err)
	return out
}

func FuzzParse(f *testing.F) {
	f.Add(issue(f, x509.KeyUsageDigitalSignature))
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := cert.Parse(der)
		if err == nil && (c.Serial == nil || len(c.SPKI) == 0) {
			t.Fatal("a certificate without a serial number or a key")
		}
		_ = c.MaySign()
	})
}

// Package cert reads signing certificates as Android takes them, as names of keys, and verifies with their keys.
package cert

import (
	"bytes"
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/apk/internal/ber"
)

// Cert is a signing certificate. Nothing in it is checked against an authority or a clock.
type Cert struct {
	// Raw is the encoding as it was found, which SHA256 digests and which is the signer's identity.
	Raw                 []byte
	SHA256              [sha256.Size]byte
	Subject, Issuer     string
	NotBefore, NotAfter time.Time
	Key                 string // algorithm and size, for people

	PublicKey any
	SPKI      []byte // the encoded subjectPublicKeyInfo
	Serial    *big.Int
	RawIssuer []byte

	extensions []pkix.Extension
}

// Parse reads a certificate. It accepts what crypto/x509 refuses for faults that no platform looks at, such as an odd
// serial number or an encoding that is not DER, as long as key and names can be read.
func Parse(raw []byte) (Cert, error) {
	c, err := parse(raw)
	if err != nil {
		v, rest, berErr := ber.Read(raw)
		if berErr != nil || len(rest) > 0 {
			return Cert{}, err
		}
		der, berErr := v.DER()
		if berErr != nil || bytes.Equal(der, raw) {
			return Cert{}, err
		}
		if c, err = parse(der); err != nil {
			return Cert{}, err
		}
	}
	c.Raw, c.SHA256, c.Key = raw, sha256.Sum256(raw), keyName(c.PublicKey)
	return c, nil
}

func parse(der []byte) (Cert, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return parseLoose(der, err)
	}
	return Cert{
		Subject: shorten(c.Subject.String()), Issuer: shorten(c.Issuer.String()), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		PublicKey: c.PublicKey, SPKI: c.RawSubjectPublicKeyInfo, Serial: c.SerialNumber, RawIssuer: c.RawIssuer,
		extensions: c.Extensions,
	}, nil
}

// tbs holds the fields of a TBSCertificate (RFC 5280 section 4.1) that a signing certificate is used for.
type tbs struct {
	serial, issuer, validity, subject, spki []byte // as DER
	extensions                              []byte // inside their tag
}

func tbsFields(b []byte) (tbs, error) {
	var fields [][]byte
	var t tbs
	for len(b) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(b, &v)
		if err != nil {
			return tbs{}, err
		}
		b = rest
		switch {
		case v.Class != asn1.ClassContextSpecific:
			fields = append(fields, v.FullBytes) // serial, algorithm, issuer, validity, subject, key
		case v.Tag == 3:
			t.extensions = v.Bytes
		}
	}
	if len(fields) != 6 {
		return tbs{}, errors.New("not a TBSCertificate")
	}
	t.serial, t.issuer, t.validity, t.subject, t.spki = fields[0], fields[2], fields[3], fields[4], fields[5]
	return t, nil
}

func distinguishedName(der []byte) string {
	var rdn pkix.RDNSequence
	if _, err := asn1.Unmarshal(der, &rdn); err != nil {
		return ""
	}
	return shorten(rdn.String())
}

// parseLoose reads a certificate that crypto/x509 refuses, for its key and its names. Where that fails too, the answer
// is the error of crypto/x509.
func parseLoose(der []byte, refused error) (Cert, error) {
	var outer struct{ TBS, Alg, Sig asn1.RawValue }
	rest, err := asn1.Unmarshal(der, &outer)
	if err != nil || len(rest) > 0 || outer.TBS.Tag != asn1.TagSequence || !outer.TBS.IsCompound {
		return Cert{}, refused
	}
	fields, err := tbsFields(outer.TBS.Bytes)
	if err != nil {
		return Cert{}, refused
	}
	c := Cert{
		Issuer: distinguishedName(fields.issuer), Subject: distinguishedName(fields.subject),
		SPKI: fields.spki, RawIssuer: fields.issuer,
	}
	var validity struct{ NotBefore, NotAfter time.Time }
	if _, err := asn1.Unmarshal(fields.validity, &validity); err != nil {
		return Cert{}, refused
	}
	c.NotBefore, c.NotAfter = validity.NotBefore, validity.NotAfter
	var ok bool
	if c.Serial, ok = ber.Integer(fields.serial); !ok {
		return Cert{}, refused
	}
	if len(fields.extensions) > 0 {
		if rest, err := asn1.Unmarshal(fields.extensions, &c.extensions); err != nil || len(rest) > 0 {
			return Cert{}, refused
		}
	}
	if c.PublicKey, err = parseKey(c.SPKI); err != nil {
		return Cert{}, refused
	}
	return c, nil
}

// parseKey reads a subjectPublicKeyInfo. It takes the modulus of an RSA key as a number without a sign, as Android
// does: old tools wrote some that read as negative.
func parseKey(spki []byte) (any, error) {
	key, err := x509.ParsePKIXPublicKey(spki)
	if err == nil {
		return key, nil
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if rest, e := asn1.Unmarshal(spki, &info); e != nil || len(rest) > 0 || !info.Algorithm.Algorithm.Equal(oidRSA) {
		return nil, err
	}
	var pair struct {
		N asn1.RawValue
		E int
	}
	if rest, e := asn1.Unmarshal(info.Key.RightAlign(), &pair); e != nil || len(rest) > 0 || pair.N.Tag != asn1.TagInteger || pair.E <= 1 {
		return nil, err
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(pair.N.Bytes), E: pair.E}, nil
}

var oidRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}

// shorten bounds a name, which is for show: identity is the certificate's digest.
func shorten(name string) string {
	const most = 1024
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "")
}

// Equal reports whether two certificates are the same bytes.
func (c Cert) Equal(d Cert) bool { return bytes.Equal(c.Raw, d.Raw) }

// HasKey reports whether the certificate is for the key in this encoding of a subjectPublicKeyInfo.
func (c Cert) HasKey(spki []byte) bool {
	if bytes.Equal(c.SPKI, spki) {
		return true
	}
	clean, err := x509.MarshalPKIXPublicKey(c.PublicKey)
	return err == nil && bytes.Equal(clean, spki)
}

func keyName(key any) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "EC " + k.Curve.Params().Name
	case *dsa.PublicKey:
		return fmt.Sprintf("DSA %d", k.P.BitLen())
	}
	return "unknown"
}

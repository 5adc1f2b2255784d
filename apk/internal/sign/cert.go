package sign

import (
	"bytes"
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"
	"time"
)

// Cert is a signing certificate. Nothing in it is checked against an authority or a clock: Android takes signing
// certificates for names of keys.
type Cert struct {
	Raw                 []byte
	SHA256              [sha256.Size]byte
	Subject, Issuer     string
	NotBefore, NotAfter time.Time
	Key                 string

	key  any
	spki []byte
}

func parseCert(der []byte) (Cert, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		// Go refuses certificates for faults that no platform looks at, such as an odd serial number.
		return parseLoose(der, err)
	}
	return Cert{
		Raw: der, SHA256: sha256.Sum256(der), Subject: shorten(c.Subject.String()), Issuer: shorten(c.Issuer.String()),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, Key: keyName(c.PublicKey),
		key: c.PublicKey, spki: c.RawSubjectPublicKeyInfo,
	}, nil
}

// tbs holds the fields of a TBSCertificate (RFC 5280 section 4.1) that a signing certificate is used for, as DER.
type tbs struct {
	issuer, validity, subject, spki []byte
}

func tbsFields(b []byte) (tbs, error) {
	var fields [][]byte
	for len(b) > 0 && len(fields) < 7 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(b, &v)
		if err != nil {
			return tbs{}, err
		}
		if b = rest; v.Class == asn1.ClassContextSpecific && v.Tag == 0 && len(fields) == 0 {
			continue // the version
		}
		fields = append(fields, v.FullBytes) // serial, algorithm, issuer, validity, subject, key
	}
	if len(fields) < 6 {
		return tbs{}, errShort
	}
	return tbs{issuer: fields[2], validity: fields[3], subject: fields[4], spki: fields[5]}, nil
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
	c := Cert{Raw: der, SHA256: sha256.Sum256(der)}
	fields, err := tbsFields(outer.TBS.Bytes)
	if err != nil {
		return Cert{}, refused
	}
	var validity struct{ NotBefore, NotAfter time.Time }
	if _, err := asn1.Unmarshal(fields.validity, &validity); err != nil {
		return Cert{}, refused
	}
	c.NotBefore, c.NotAfter = validity.NotBefore, validity.NotAfter
	c.Issuer, c.Subject, c.spki = distinguishedName(fields.issuer), distinguishedName(fields.subject), fields.spki
	if c.key, err = x509.ParsePKIXPublicKey(c.spki); err != nil {
		return Cert{}, refused
	}
	c.Key = keyName(c.key)
	return c, nil
}

// shorten bounds a name, which is for show: identity is the certificate's digest.
func shorten(name string) string {
	const most = 1024
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "")
}

func (c Cert) equal(d Cert) bool { return bytes.Equal(c.Raw, d.Raw) }

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

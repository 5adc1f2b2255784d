package cert

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"
)

// idCE is the arc of the extensions in RFC 5280 section 4.2.
const idCE = "2.5.29."

var (
	oidKeyUsage     = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidSubjectKeyID = asn1.ObjectIdentifier{2, 5, 29, 14}
)

// knownExtensions are those whose being critical is no obstacle, by the last number of their identifier.
var knownExtensions = []string{"14", "15", "16", "17", "18", "19", "30", "31", "32", "33", "35", "36", "37", "54"}

// MaySign says why the certificate may not verify a signature block. Android asks this for JAR signatures, and for
// nothing newer: a critical extension that it does not know, or a key usage without any kind of signing.
func (c Cert) MaySign() error {
	for _, e := range c.extensions {
		last, ce := strings.CutPrefix(e.Id.String(), idCE)
		if e.Critical && !(ce && slices.Contains(knownExtensions, last)) {
			return errors.New("certificate has a critical extension that is not supported")
		}
		if !e.Id.Equal(oidKeyUsage) {
			continue
		}
		var bits asn1.BitString
		if _, err := asn1.Unmarshal(e.Value, &bits); err != nil {
			return errors.New("certificate has a malformed key usage")
		}
		if bits.At(0) == 0 && bits.At(1) == 0 { // digitalSignature, nonRepudiation
			return errors.New("certificate is not for digital signatures")
		}
	}
	return nil
}

// HasSubjectKeyID reports whether the certificate states this key identifier.
func (c Cert) HasSubjectKeyID(id []byte) bool {
	for _, e := range c.extensions {
		var stated []byte
		if e.Id.Equal(oidSubjectKeyID) {
			_, err := asn1.Unmarshal(e.Value, &stated)
			return err == nil && bytes.Equal(stated, id)
		}
	}
	return false
}

// HasIssuer reports whether the certificate was issued under this name, given in DER. Names that differ only in case or
// spaces are the same, as in the platform's X500Principal.
func (c Cert) HasIssuer(der []byte) bool {
	if bytes.Equal(c.RawIssuer, der) {
		return true
	}
	a, b := canonicalName(c.RawIssuer), canonicalName(der)
	return a != "" && a == b
}

func canonicalName(der []byte) string {
	return strings.ToLower(strings.Join(strings.Fields(distinguishedName(der)), " "))
}

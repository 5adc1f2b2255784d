// Package pkcs7 reads the signature blocks of JAR signatures: PKCS #7 SignedData (RFC 2315 section 9) with detached
// content, in the basic encoding that Android accepts.
package pkcs7

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/atlas-mdm/atlas-go/apk/internal/ber"
	"github.com/atlas-mdm/atlas-go/apk/internal/cert"
)

const (
	universal = asn1.ClassUniversal
	context   = asn1.ClassContextSpecific

	oidSignedData = "1.2.840.113549.1.7.2"

	// Two bounds on work; blocks of honest tools hold one of the first and a chain of the second.
	maxSigners = 32
	maxCerts   = 100
)

// SignedData is a signature block.
type SignedData struct {
	// ContentType is the type of what is signed, as an object identifier with dots.
	ContentType string
	// Certificates is the bag, in which every certificate could be read.
	Certificates []cert.Cert
	Signers      []SignerInfo
}

// SignerInfo is one signature in the block.
type SignerInfo struct {
	// DigestAlgorithm and SignatureAlgorithm are object identifiers with dots.
	DigestAlgorithm, SignatureAlgorithm string
	// SignedAttributes is nil where the signature stands over the content itself. Otherwise it is the encoding of the
	// attributes with the tag of a SET, over which the signature stands.
	SignedAttributes []byte
	Signature        []byte

	issuer     []byte
	serial     *big.Int
	keyID      []byte
	attributes []attribute
}

type attribute struct {
	oid    string
	values []ber.Value
}

var errStructure = errors.New("pkcs7: unexpected structure")

// Parse reads a block. What follows it is ignored, as the platform ignores it.
func Parse(b []byte) (*SignedData, error) {
	outer, err := sequence(b)
	if err != nil || len(outer) < 2 {
		return nil, errors.Join(errStructure, err)
	}
	if oid, err := ObjectIdentifier(outer[0]); err != nil || oid != oidSignedData {
		return nil, fmt.Errorf("%w: content of type %s", errStructure, oid)
	}
	if !outer[1].Is(context, 0) {
		return nil, errStructure
	}
	fields, err := sequence(outer[1].Content)
	if err != nil || len(fields) < 4 {
		return nil, errors.Join(errStructure, err)
	}
	return signedData(fields)
}

// signedData reads version, digestAlgorithms, contentInfo, certificates, crls and signerInfos.
func signedData(fields []ber.Value) (*SignedData, error) {
	content, err := fields[2].Children()
	if err != nil || len(content) == 0 {
		return nil, errors.Join(errStructure, err)
	}
	d := &SignedData{}
	if d.ContentType, err = ObjectIdentifier(content[0]); err != nil {
		return nil, err
	}
	var signers *ber.Value
	for _, f := range fields[3:] {
		switch {
		case f.Is(context, 0):
			if err := d.bag(f); err != nil {
				return nil, err
			}
		case f.Is(universal, asn1.TagSet) && signers == nil:
			signers = &f
		case !f.Is(context, 1):
			return nil, errStructure
		}
	}
	if signers == nil {
		return nil, errStructure
	}
	return d, d.signers(*signers)
}

func (d *SignedData) bag(v ber.Value) error {
	all, err := v.Children()
	if err != nil {
		return err
	}
	if len(all) > maxCerts {
		return fmt.Errorf("pkcs7: more than %d certificates", maxCerts)
	}
	for i, c := range all {
		parsed, err := cert.Parse(c.Full)
		if err != nil {
			return fmt.Errorf("pkcs7: certificate %d: %w", i+1, err)
		}
		d.Certificates = append(d.Certificates, parsed)
	}
	return nil
}

func (d *SignedData) signers(v ber.Value) error {
	all, err := v.Children()
	if err != nil {
		return err
	}
	if len(all) > maxSigners {
		return fmt.Errorf("pkcs7: more than %d signers", maxSigners)
	}
	for i, s := range all {
		info, err := signerInfo(s)
		if err != nil {
			return fmt.Errorf("pkcs7: signer %d: %w", i+1, err)
		}
		d.Signers = append(d.Signers, info)
	}
	return nil
}

// signerInfo reads version, sid, digestAlgorithm, signedAttrs, signatureAlgorithm, signature and unsignedAttrs.
func signerInfo(v ber.Value) (s SignerInfo, err error) {
	f, err := v.Children()
	if err != nil || len(f) < 5 || !v.Is(universal, asn1.TagSequence) {
		return s, errors.Join(errStructure, err)
	}
	if err := s.identifier(f[1]); err != nil {
		return s, err
	}
	if s.DigestAlgorithm, err = algorithm(f[2]); err != nil {
		return s, err
	}
	f = f[3:]
	if f[0].Is(context, 0) {
		if err := s.signedAttributes(f[0]); err != nil {
			return s, err
		}
		f = f[1:]
	}
	if len(f) < 2 || !f[1].Is(universal, asn1.TagOctetString) || f[1].Constructed {
		return s, errStructure
	}
	s.Signature = f[1].Content
	s.SignatureAlgorithm, err = algorithm(f[0])
	return s, err
}

// identifier reads by what the signer names its certificate: issuer and serial number, or a key identifier.
func (s *SignerInfo) identifier(v ber.Value) error {
	if v.Is(context, 0) && !v.Constructed {
		s.keyID = v.Content
		return nil
	}
	f, err := v.Children()
	if err != nil || len(f) != 2 {
		return errors.Join(errStructure, err)
	}
	var ok bool
	if s.serial, ok = ber.Integer(f[1].Full); !ok {
		return errStructure
	}
	s.issuer, err = f[0].DER()
	return err
}

func (s *SignerInfo) signedAttributes(v ber.Value) error {
	// The platform encodes nothing anew: it only puts the tag of a SET for that of the implicit field.
	s.SignedAttributes = bytes.Clone(v.Full)
	s.SignedAttributes[0] = 0x31
	all, err := v.Children()
	if err != nil {
		return err
	}
	for _, a := range all {
		f, err := a.Children()
		if err != nil || len(f) != 2 {
			return errors.Join(errStructure, err)
		}
		oid, err := ObjectIdentifier(f[0])
		if err != nil {
			return err
		}
		values, err := f[1].Children()
		if err != nil {
			return err
		}
		for _, o := range s.attributes {
			if o.oid == oid {
				return fmt.Errorf("%w: attribute %s occurs twice", errStructure, oid)
			}
		}
		s.attributes = append(s.attributes, attribute{oid, values})
	}
	return nil
}

// Attribute returns the one value of a signed attribute. An attribute with several values is an error.
func (s SignerInfo) Attribute(oid string) (v ber.Value, ok bool, err error) {
	for _, a := range s.attributes {
		if a.oid != oid || len(a.values) == 0 {
			continue
		}
		if len(a.values) > 1 {
			return v, false, fmt.Errorf("%w: attribute %s has %d values", errStructure, oid, len(a.values))
		}
		return a.values[0], true, nil
	}
	return v, false, nil
}

// Certificate finds the certificate that the signer names.
func (s SignerInfo) Certificate(bag []cert.Cert) (cert.Cert, bool) {
	for _, c := range bag {
		if s.serial == nil && c.HasSubjectKeyID(s.keyID) || s.serial != nil && s.serial.Cmp(c.Serial) == 0 && c.HasIssuer(s.issuer) {
			return c, true
		}
	}
	return cert.Cert{}, false
}

func sequence(b []byte) ([]ber.Value, error) {
	v, _, err := ber.Read(b)
	if err != nil {
		return nil, err
	}
	if !v.Is(universal, asn1.TagSequence) {
		return nil, errStructure
	}
	return v.Children()
}

func algorithm(v ber.Value) (string, error) {
	f, err := v.Children()
	if err != nil || len(f) == 0 {
		return "", errors.Join(errStructure, err)
	}
	return ObjectIdentifier(f[0])
}

// ObjectIdentifier reads a value as an object identifier with dots.
func ObjectIdentifier(v ber.Value) (string, error) {
	var oid asn1.ObjectIdentifier
	if !v.Is(universal, asn1.TagOID) {
		return "", errStructure
	}
	der, err := v.DER()
	if err != nil {
		return "", err
	}
	if _, err := asn1.Unmarshal(der, &oid); err != nil {
		return "", err
	}
	return oid.String(), nil
}

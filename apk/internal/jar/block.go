package jar

import (
	"bytes"
	"encoding/asn1"
	"errors"

	"github.com/atlas-mdm/atlas-go/apk/internal/cert"
	"github.com/atlas-mdm/atlas-go/apk/internal/issue"
	"github.com/atlas-mdm/atlas-go/apk/internal/pkcs7"
	"github.com/atlas-mdm/atlas-go/apk/internal/zip"
)

// signer is a signature file and its signature block.
type signer struct {
	file, block zip.Entry
	cert        cert.Cert
	// ignored says that the platform goes on without this signer, whose errors count for nothing then.
	ignored bool
	entries []bool // by the entry's place in the directory: whether the signature file speaks of it
	issues  issue.List
}

const (
	oidContentType   = "1.2.840.113549.1.9.3"
	oidMessageDigest = "1.2.840.113549.1.9.4"
)

// errNext says that one signer info does not verify, and that another of the block may.
var errNext = errors.New("signer info does not verify")

// verifyBlock verifies the block's signature over the signature file, and finds the signing certificate.
func (s *signer) verifyBlock(in Input, block, file []byte) {
	data, err := pkcs7.Parse(block)
	if err != nil {
		s.issues.Fail("jar_sig_parse_exception", "%.100q: %v", s.block.Name, err)
		return
	}
	if len(data.Signers) == 0 {
		s.issues.Fail("jar_sig_no_signers", "%.100q", s.block.Name)
		return
	}
	try := data.Signers
	if in.MinSDK < sdkN {
		try = try[:1]
	}
	found := false
	for _, info := range try {
		c, err := s.verifyInfo(in, data, info, file)
		if s.issues.Failed() {
			return
		}
		if err != nil && !errors.Is(err, errNext) {
			s.issues.Fail("jar_sig_verify_exception", "%.100q: %v", s.block.Name, err)
			return
		}
		if err == nil && !found {
			s.cert, found = c, true
		}
	}
	if !found {
		s.issues.Fail("jar_sig_did_not_verify", "%.100q does not sign %.100q", s.block.Name, s.file.Name)
	}
}

// verifyInfo verifies one signer info. An error other than errNext ends the verification, as on the platform.
func (s *signer) verifyInfo(in Input, data *pkcs7.SignedData, info pkcs7.SignerInfo, file []byte) (cert.Cert, error) {
	digest, alg := digestAlgorithms[info.DigestAlgorithm], signatureAlgorithms[info.SignatureAlgorithm]
	if !covers(alg.supported(digest), in.MinSDK, in.MaxSDK) {
		s.issues.Fail("jar_sig_unsupported_sig_alg", "%.100q: digest %s and signature %s", s.block.Name, info.DigestAlgorithm, info.SignatureAlgorithm)
		return cert.Cert{}, errNext
	}
	c, ok := info.Certificate(data.Certificates)
	if !ok {
		return c, errors.New("signing certificate is not in the block")
	}
	if err := c.MaySign(); err != nil {
		return c, err
	}
	signed := file
	if info.SignedAttributes != nil {
		if err := verifyAttributes(in, data.ContentType, info, file); err != nil {
			return c, err
		}
		signed = info.SignedAttributes
	}
	err := alg.verify(digest, c.PublicKey, signed, info.Signature)
	if err != nil && !errors.Is(err, cert.ErrKeyType) {
		return c, errors.Join(errNext, err)
	}
	return c, err
}

// verifyAttributes compares the signed attributes with what they stand for.
func verifyAttributes(in Input, contentType string, info pkcs7.SignerInfo, file []byte) error {
	if in.MinSDK < sdkKitKat {
		// Platforms before 4.4 did not compare the digest, so that whoever has such a package could change it.
		return errors.New("signed attributes are not safe before SDK 19")
	}
	if in.MaxSDK >= sdkN {
		v, ok, err := info.Attribute(oidContentType)
		if err != nil || !ok {
			return errors.Join(errors.New("no content type in the signed attributes"), err)
		}
		stated, err := pkcs7.ObjectIdentifier(v)
		if err != nil {
			return err
		}
		if stated != contentType {
			return errNext
		}
	}
	v, ok, err := info.Attribute(oidMessageDigest)
	if err != nil || !ok || !v.Is(asn1.ClassUniversal, asn1.TagOctetString) {
		return errors.Join(errors.New("no digest in the signed attributes"), err)
	}
	h := digestAlgorithms[info.DigestAlgorithm].New()
	h.Write(file)
	if !bytes.Equal(v.Content, h.Sum(nil)) {
		return errNext
	}
	return nil
}

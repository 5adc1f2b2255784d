package sign

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk/internal/cert"
	"github.com/atlas-mdm/atlas-go/apk/internal/issue"
)

// Signer is one signer of one scheme.
type Signer struct {
	Scheme         string
	MinSDK, MaxSDK int
	Cert           cert.Cert // the signing certificate; its Raw is nil where it could not be read

	certs    []cert.Cert
	lineage  []Node
	wanted   []wantedDigest
	verified []Digest // content digests that a verified signature stands over
	attrs    attributes
	issues   issue.List
}

// wantedDigest is a content digest that the signer signed.
type wantedDigest struct {
	algorithm uint32
	sum       []byte
}

// attributes are the signed additional attributes that bear on the verdict.
type attributes struct {
	stripped      []uint32 // ids of schemes that were present when v2 was signed
	rotationMin   int      // v3: from which SDK level a v3.1 block rules; 0 for none
	devRelease    bool
	hybridMin     int // v3, v3.1: from which SDK level a v3.2 block rules; 0 for none
	hybridMissing bool
}

// scheme is what differs between the schemes' encodings.
type scheme struct {
	name     string // as in Signer.Scheme
	prefix   string // of issue codes
	ranged   bool   // signers state an SDK range
	min, max int    // range of SDK levels to judge for, where signers state none
}

// record is the outer structure of a signer.
type record struct {
	signed, publicKey []byte
	signatures        *wire
}

type signature struct {
	algorithm algorithm
	sig       []byte
}

// parseSigner reads one signer and verifies its signatures over its signed data. What fails is in its issues.
// Bytes behind the last known field are ignored as the platform ignores them: apksig itself has written some.
func (sc scheme) parseSigner(w *wire) *Signer {
	s := &Signer{Scheme: sc.name, MinSDK: sc.min, MaxSDK: sc.max}
	r := record{signed: w.bytes()}
	if sc.ranged {
		s.MinSDK, s.MaxSDK = int(w.u32()), int(w.u32())
	}
	r.signatures, r.publicKey = w.sub(), w.bytes()
	if w.err != nil {
		s.issues.Fail(sc.prefix+"_sig_malformed_signer", "%v", w.err)
		return s
	}
	if sc.ranged && s.MinSDK > s.MaxSDK {
		s.issues.Fail("v3_sig_invalid_sdk_versions", "signer for SDK %d to %d", s.MinSDK, s.MaxSDK)
	}
	ids, best := sc.signatures(s, r.signatures)
	if s.issues.Failed() {
		return s
	}
	sc.checkSignatures(s, r, best)
	sc.signedData(s, r, ids)
	return s
}

// signatures lists the algorithm ids of all signatures, and picks those that platforms of the range check: for each
// level at which algorithms became known, the strongest.
func (sc scheme) signatures(s *Signer, w *wire) (ids []uint32, best []signature) {
	for w.more() {
		one := w.sub()
		id, sig := one.u32(), one.bytes()
		if one.err != nil {
			s.issues.Fail(sc.prefix+"_sig_malformed_signature", "signature %d: %v", len(ids)+1, one.err)
			return ids, nil
		}
		ids = append(ids, id)
		a, ok := algorithmByID(id)
		if !ok {
			s.issues.Warn(sc.prefix+"_sig_unknown_sig_algorithm", "%#x", id)
			continue
		}
		best = keepStrongest(best, signature{a, sig}, s.MaxSDK)
	}
	if len(ids) == 0 {
		s.issues.Fail(sc.prefix+"_sig_no_signatures", "signer has no signatures")
		return ids, nil
	}
	if !slices.ContainsFunc(best, func(b signature) bool { return b.algorithm.minSDK <= max(s.MinSDK, sdkN) }) {
		s.issues.Fail(sc.prefix+"_sig_no_supported_signatures", "none of %d signatures is known to SDK %d", len(ids), s.MinSDK)
	}
	return ids, best
}

func keepStrongest(best []signature, c signature, maxSDK int) []signature {
	if c.algorithm.minSDK > maxSDK {
		return best
	}
	for i, b := range best {
		if b.algorithm.minSDK == c.algorithm.minSDK {
			if c.algorithm.digest > b.algorithm.digest {
				best[i] = c
			}
			return best
		}
	}
	return append(best, c)
}

func (sc scheme) checkSignatures(s *Signer, r record, best []signature) {
	key, err := x509.ParsePKIXPublicKey(r.publicKey)
	if err != nil {
		s.issues.Fail(sc.prefix+"_sig_malformed_public_key", "%v", err)
		return
	}
	for _, b := range best {
		switch err := b.algorithm.verify(key, r.signed, b.sig); {
		case errors.Is(err, cert.ErrKeyType):
			s.issues.Fail(sc.prefix+"_sig_verify_exception", "algorithm %#x: %v", b.algorithm.id, err)
		case err != nil:
			s.issues.Fail(sc.prefix+"_sig_did_not_verify", "algorithm %#x: %v", b.algorithm.id, err)
		default:
			s.verified = append(s.verified, b.algorithm.digest)
		}
	}
}

// signedData reads what the signatures stand over.
func (sc scheme) signedData(s *Signer, r record, signatureIDs []uint32) {
	w := &wire{b: r.signed}
	digests, certs := w.sub(), w.sub()
	if w.err != nil {
		s.issues.Fail(sc.prefix+"_sig_malformed_signer", "signed data: %v", w.err)
		return
	}
	sc.certificates(s, certs, r.publicKey)
	sc.digests(s, digests, signatureIDs)
	if sc.ranged {
		sc.sameRange(s, int(w.u32()), int(w.u32()))
	}
	attrs := w.sub()
	if w.err != nil {
		s.issues.Fail(sc.prefix+"_sig_malformed_signer", "signed data: %v", w.err)
		return
	}
	sc.attributes(s, attrs)
}

func (sc scheme) sameRange(s *Signer, minSDK, maxSDK int) {
	if minSDK != s.MinSDK {
		s.issues.Fail("v3_min_sdk_version_mismatch_between_signer_and_signed_data_record", "%d and %d", s.MinSDK, minSDK)
	}
	if maxSDK != s.MaxSDK {
		s.issues.Fail("v3_max_sdk_version_mismatch_between_signer_and_signed_data_record", "%d and %d", s.MaxSDK, maxSDK)
	}
}

func (sc scheme) certificates(s *Signer, w *wire, publicKey []byte) {
	for w.more() {
		c, err := cert.Parse(w.bytes())
		if err != nil || w.err != nil {
			s.issues.Fail(sc.prefix+"_sig_malformed_certificate", "certificate %d: %v", len(s.certs)+1, errors.Join(err, w.err))
			return
		}
		if s.certs = append(s.certs, c); len(s.certs) > maxCerts {
			s.issues.Fail(sc.prefix+"_sig_malformed_certificate", "more than %d certificates", maxCerts)
			return
		}
	}
	if len(s.certs) == 0 {
		s.issues.Fail(sc.prefix+"_sig_no_certificates", "signer has no certificate")
		return
	}
	s.Cert = s.certs[0]
	if !s.Cert.HasKey(publicKey) {
		s.issues.Fail(sc.prefix+"_sig_public_key_mismatch_between_certificate_and_signatures_record", "the certificate is for another key")
	}
}

const maxCerts = 20

func (sc scheme) digests(s *Signer, w *wire, signatureIDs []uint32) {
	var ids []uint32
	for w.more() {
		one := w.sub()
		id, sum := one.u32(), one.bytes()
		if one.err != nil {
			s.issues.Fail(sc.prefix+"_sig_malformed_digest", "digest %d: %v", len(ids)+1, one.err)
			return
		}
		ids = append(ids, id)
		s.wanted = append(s.wanted, wantedDigest{id, sum})
	}
	if !slices.Equal(ids, signatureIDs) {
		s.issues.Fail(sc.prefix+"_sig_sig_alg_mismatch_between_signatures_and_digests_records", "%d signatures, %d digests", len(signatureIDs), len(ids))
	}
}

// checkContent compares the signed digests with those of the file, for every algorithm that was computed.
func (s *Signer) checkContent(sums Sums) {
	prefix := strings.TrimSuffix(s.Scheme, ".1")
	for _, want := range s.wanted {
		a, ok := algorithmByID(want.algorithm)
		if !ok {
			continue
		}
		if got, ok := sums.Content[a.digest]; ok && !bytes.Equal(got, want.sum) {
			s.issues.Fail(prefix+"_sig_apk_digest_did_not_verify", "algorithm %#x: the file was changed after signing", want.algorithm)
		}
	}
	for _, d := range s.verified {
		if _, ok := sums.Content[d]; !ok {
			s.issues.Fail(prefix+"_sig_apk_digest_did_not_verify", "the signed digest can't be computed for this file")
		}
	}
}

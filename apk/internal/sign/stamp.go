package sign

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atlas-mdm/atlas-go/apk/internal/cert"
	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
	"github.com/atlas-mdm/atlas-go/apk/internal/issue"
	"github.com/atlas-mdm/atlas-go/apk/internal/jar"
)

// Stamp is the verdict on the source stamp, with which a distributor signs the digests that the package's signers
// signed (AOSP, apksig's V2SourceStampVerifier). It says nothing about whether those digests are right.
type Stamp struct {
	Present, Verified bool
	// Cert is the stamp's certificate, and Time when the stamp was made, where it says so. Both hold only if Verified.
	Cert cert.Cert
	Time time.Time
	issue.List
}

const (
	stampName    = "stamp-cert-sha256"
	attrStampPoR = 0x9d6303f7
	attrStampAt  = 0xe43c5946

	schemeV1, schemeV2, schemeV3 = 1, 2, 3
	digestManifest               = 4 // SHA-256 of the JAR manifest; the others are ids of content digests
	maxStampCert                 = 1 << 10
)

// stampDigestIDs are the numbers of the content digests in what a stamp signs.
var stampDigestIDs = map[Digest]uint32{ChunkedSHA256: 1, ChunkedSHA512: 2, VeritySHA256: 3}

// stamp judges the source stamp. An error means that the file could not be read.
func (c *check) stamp() (*Stamp, error) {
	s := &Stamp{}
	value, block := c.block.get(idStamp2)
	_, old := c.block.get(idStamp)
	entry, file := c.in.Dir.Lookup(stampName)
	switch {
	case !file && !block && !old:
		return s, nil
	case !file:
		s.Fail("source_stamp_signature_block_without_cert_digest", "no entry %s", stampName)
	case !block && old:
		s.Fail("source_stamp_sig_missing", "a stamp of the first version alone, which nothing verifies any more")
	case !block:
		s.Fail("source_stamp_sig_missing", "an entry %s without a stamp", stampName)
	}
	if s.Present = true; s.Failed() {
		return s, nil
	}
	digest, err := c.in.Dir.NewReader().Bytes(entry, maxStampCert)
	if errors.Is(err, fault.ErrMalformed) || errors.Is(err, fault.ErrLimit) {
		s.Fail("malformed_apk", "%v", err)
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	signed, err := c.stampedDigests()
	if errors.Is(err, fault.ErrMalformed) {
		s.Fail("malformed_apk", "%v", err)
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.verify(&wire{b: value}, digest, signed, c.in)
	s.Verified = !s.Failed()
	return s, nil
}

// schemeDigests is what a stamp signs for one scheme.
type schemeDigests struct {
	scheme uint32
	signed []byte
}

// stampedDigests encodes the digests of every scheme that platforms of the range look at, newest first.
func (c *check) stampedDigests() (out []schemeDigests, err error) {
	if c.v3.present {
		out = append(out, schemeDigests{schemeV3, c.v3.stamped()})
	}
	if c.v2.present {
		out = append(out, schemeDigests{schemeV2, c.v2.stamped()})
	}
	if c.in.MinSDK >= sdkN && len(out) > 0 {
		return out, nil
	}
	sum, ok, err := jar.ManifestDigest(c.in.Dir, c.in.FileLimit)
	if err != nil {
		return nil, err
	}
	var signed []byte
	if ok {
		signed = appendPair(nil, digestManifest, sum)
	}
	return append(out, schemeDigests{schemeV1, signed}), nil
}

// stamped encodes the content digests that the scheme's signers signed, by the number of the digest. Of several signers
// the last one counts.
func (f *found) stamped() (out []byte) {
	sums := map[uint32][]byte{}
	for _, s := range f.signers {
		for _, w := range s.wanted {
			if a, ok := algorithmByID(w.algorithm); ok {
				sums[stampDigestIDs[a.digest]] = w.sum
			}
		}
	}
	for id := uint32(1); id <= 3; id++ {
		if sum, ok := sums[id]; ok {
			out = appendPair(out, id, sum)
		}
	}
	return out
}

// appendPair adds a length-prefixed pair of a number and length-prefixed bytes.
func appendPair(out []byte, id uint32, data []byte) []byte {
	out = le.AppendUint32(out, uint32(8+len(data)))
	out = le.AppendUint32(out, id)
	out = le.AppendUint32(out, uint32(len(data)))
	return append(out, data...)
}

// verify reads the block: certificate, signatures over the digests of schemes, and signed attributes.
func (s *Stamp) verify(block *wire, digest []byte, signed []schemeDigests, in Input) {
	w := block.sub()
	raw := w.bytes()
	if w.err != nil {
		s.Fail("source_stamp_malformed_signature", "%v", w.err)
		return
	}
	var err error
	if s.Cert, err = cert.Parse(raw); err != nil {
		s.Fail("source_stamp_malformed_certificate", "%v", err)
		return
	}
	if sum := sha256.Sum256(raw); subtle.ConstantTimeCompare(sum[:], digest) != 1 {
		s.Fail("source_stamp_certificate_mismatch_between_signature_block_and_apk", "the stamp is by another certificate than %s says", stampName)
		return
	}
	s.schemes(w.sub(), signed, in)
	if !s.Failed() && w.more() {
		s.attributes(w.bytes(), w.sub(), in)
	}
	if w.err != nil && !s.Failed() {
		s.Fail("source_stamp_malformed_signature", "%v", w.err)
	}
}

// schemes demands a signature for every scheme that counts in the range.
func (s *Stamp) schemes(w *wire, signed []schemeDigests, in Input) {
	found := map[uint32]*wire{}
	for w.more() {
		one := w.sub()
		id := one.u32()
		found[id] = one.sub()
		if one.err != nil {
			w.err = one.err
		}
	}
	if w.err != nil {
		s.Fail("source_stamp_malformed_signature", "%v", w.err)
		return
	}
	for _, d := range signed {
		signatures, ok := found[d.scheme]
		if !ok {
			s.Fail("source_stamp_no_signature", "the stamp is not for scheme v%d", d.scheme)
			return
		}
		if s.signatures(signatures, d.signed, in); s.Failed() {
			return
		}
	}
}

// stampMinSDK is from which SDK level on an algorithm can be used outside of APK signatures.
func (a algorithm) stampMinSDK() int {
	switch a.id {
	case 0x0101, 0x0102:
		return 23
	case 0x0201, 0x0202, 0x0423:
		return 11
	}
	return 1
}

// signatures verifies, of the signatures that every platform of the range can verify, the one over the strongest digest.
func (s *Stamp) signatures(w *wire, data []byte, in Input) {
	var usable []signature
	known := 0
	for n := 1; w.more(); n++ {
		one := w.sub()
		id, sig := one.u32(), one.bytes()
		if one.err != nil {
			s.Fail("source_stamp_malformed_signature", "signature %d: %v", n, one.err)
			return
		}
		a, ok := algorithmByID(id)
		if !ok {
			s.Warn("source_stamp_unknown_sig_algorithm", "%#x", id)
			continue
		}
		if known++; a.stampMinSDK() <= max(in.MinSDK, 1) {
			usable = append(usable, signature{a, sig})
		}
	}
	switch {
	case w.err != nil:
		s.Fail("source_stamp_malformed_signature", "%v", w.err)
	case known == 0:
		s.Fail("source_stamp_no_signature", "no signature of a known algorithm")
	case len(usable) == 0:
		s.Fail("source_stamp_no_supported_signature", "no signature that SDK %d knows", in.MinSDK)
	default:
		best := slices.MaxFunc(usable, func(a, b signature) int { return cmp.Compare(a.algorithm.digest, b.algorithm.digest) })
		s.check(best, data)
	}
}

func (s *Stamp) check(b signature, data []byte) {
	switch err := b.algorithm.verify(s.Cert.PublicKey, data, b.sig); {
	case errors.Is(err, cert.ErrKeyType):
		s.Fail("source_stamp_verify_exception", "algorithm %#x: %v", b.algorithm.id, err)
	case err != nil:
		s.Fail("source_stamp_did_not_verify", "algorithm %#x: %v", b.algorithm.id, err)
	}
}

// attributes reads the signed attributes, of which one proves the stamp certificate's history and one dates the stamp.
func (s *Stamp) attributes(data []byte, signatures *wire, in Input) {
	if signatures.err != nil {
		s.Fail("source_stamp_malformed_signature", "attributes: %v", signatures.err)
		return
	}
	if s.signatures(signatures, data, in); s.Failed() {
		return
	}
	w := (&wire{b: data}).sub()
	for n := 1; w.more(); n++ {
		one := w.sub()
		if err := s.attribute(one.u32(), one); err != nil || one.err != nil {
			s.Fail("source_stamp_malformed_attribute", "attribute %d: %v", n, errors.Join(err, one.err))
			return
		}
	}
	if w.err != nil {
		s.Fail("source_stamp_malformed_attribute", "%v", w.err)
	}
}

func (s *Stamp) attribute(id uint32, w *wire) error {
	switch id {
	case attrStampPoR:
		s.lineage(w.b)
	case attrStampAt:
		b := w.take(8)
		if b == nil {
			return fmt.Errorf("timestamp of %d bytes", len(w.b))
		}
		seconds := int64(le.Uint64(b))
		if seconds <= 0 {
			s.Fail("source_stamp_invalid_timestamp", "%d", seconds)
			return nil
		}
		s.Time = time.Unix(seconds, 0).UTC()
	default:
		s.Warn("source_stamp_unknown_attribute", "%#x", id)
	}
	return nil
}

func (s *Stamp) lineage(value []byte) {
	nodes, err := parseLineage(value)
	switch {
	case errors.Is(err, errLineageProof):
		s.Fail("source_stamp_por_did_not_verify", "%v", err)
	case err != nil:
		s.Fail("source_stamp_malformed_lineage", "%v", err)
	case !nodes[len(nodes)-1].Cert.Equal(s.Cert):
		s.Fail("source_stamp_por_cert_mismatch", "the stamp's lineage does not end with its certificate")
	}
}

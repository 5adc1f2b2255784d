package sign

import "errors"

// Ids of additional attributes in signed data.
const (
	attrStripping   = 0xbeeff00d // v2: a scheme that was there when this was signed
	attrRotation    = 0x3ba06f8c // v3: proof of rotation
	attrRotationMin = 0x559f8b02 // v3: the first SDK level of the v3.1 block
	attrDevRelease  = 0xc2a6b3ba // v3.1: rotation targets a development release
	attrHybridMin   = 0xbf940529 // v3, v3.1: the first SDK level of the v3.2 block
	attrHybridMax   = 0x9f06b79c
)

func (sc scheme) attributes(s *Signer, w *wire) {
	for n := 1; w.more(); n++ {
		one := w.sub()
		id := one.u32()
		if one.err != nil {
			s.issues.Fail(sc.prefix+"_sig_malformed_additional_attribute", "attribute %d: %v", n, one.err)
			return
		}
		if !sc.attribute(s, id, one) {
			s.issues.Warn(sc.prefix+"_sig_unknown_additional_attribute", "%#x", id)
		}
		if one.err != nil {
			s.issues.Fail(sc.prefix+"_sig_malformed_additional_attribute", "attribute %d: %v", n, one.err)
		}
	}
	if w.err != nil {
		s.issues.Fail(sc.prefix+"_sig_malformed_additional_attribute", "%v", w.err)
	}
}

// attribute handles one attribute, and says whether it is known.
func (sc scheme) attribute(s *Signer, id uint32, w *wire) bool {
	switch {
	case !sc.ranged && id == attrStripping:
		s.attrs.stripped = append(s.attrs.stripped, w.u32())
	case sc.ranged && id == attrRotation:
		sc.lineage(s, w.b)
	case sc.ranged && id == attrRotationMin:
		s.attrs.rotationMin = int(w.u32())
	case sc.ranged && id == attrDevRelease:
		s.attrs.devRelease = true
	case sc.ranged && id == attrHybridMin:
		s.attrs.hybridMin = int(w.u32())
	case sc.ranged && id == attrHybridMax:
		s.attrs.hybridMissing = true
	default:
		return false
	}
	return true
}

// lineage reads the proof of rotation, which must end with the signer's own certificate.
func (sc scheme) lineage(s *Signer, value []byte) {
	nodes, err := parseLineage(value)
	switch {
	case errors.Is(err, errLineageProof):
		s.issues.Fail("v3_sig_por_did_not_verify", "%v", err)
	case err != nil:
		s.issues.Fail("v3_sig_malformed_lineage", "%v", err)
	case len(s.certs) == 0 || !nodes[len(nodes)-1].Cert.Equal(s.certs[0]):
		s.issues.Fail("v3_sig_por_cert_mismatch", "the lineage does not end with the signer's certificate")
	default:
		s.lineage = nodes
	}
}

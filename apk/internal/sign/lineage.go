package sign

import (
	"errors"
	"fmt"

	"github.com/atlas-mdm/atlas-go/apk/internal/cert"
)

// Node is one certificate in a proof of rotation.
type Node struct {
	Cert  cert.Cert
	Flags uint32
}

const (
	lineageVersion = 1
	maxLineage     = 16 // with the limit on signers, this bounds the number of signatures to verify
)

// errLineageProof says that a link of the chain does not hold, as against a chain that can't be read.
var errLineageProof = errors.New("proof of rotation does not hold")

// parseLineage reads a proof of rotation, oldest certificate first, and verifies each link with the key before it
// (https://source.android.com/docs/security/features/apksigning/v3#proof-of-rotation).
func parseLineage(value []byte) ([]Node, error) {
	w := &wire{b: value}
	if v := w.u32(); w.err != nil || v != lineageVersion {
		return nil, fmt.Errorf("lineage of version %d", v)
	}
	var nodes []Node
	var link uint32 // algorithm with which the certificate before signs the next
	for w.more() {
		if len(nodes) == maxLineage {
			return nil, fmt.Errorf("lineage of more than %d certificates", maxLineage)
		}
		n, next, err := parseNode(w.sub(), nodes, link)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(nodes)+1, err)
		}
		for _, m := range nodes {
			if m.Cert.Equal(n.Cert) {
				return nil, fmt.Errorf("%w: certificate %d occurs twice", errLineageProof, len(nodes)+1)
			}
		}
		nodes, link = append(nodes, n), next
	}
	if w.err != nil || len(nodes) == 0 {
		return nil, fmt.Errorf("lineage of %d bytes: %w", len(value), errShort)
	}
	return nodes, nil
}

// parseNode reads one level and verifies it against the levels before it.
func parseNode(w *wire, before []Node, link uint32) (n Node, next uint32, err error) {
	signed := w.bytes()
	n.Flags, next = w.u32(), w.u32()
	sig := w.bytes()
	in := &wire{b: signed}
	der, signedWith := in.bytes(), in.u32()
	if w.err != nil || in.err != nil {
		return n, 0, errShort
	}
	if len(before) > 0 {
		a, ok := algorithmByID(link)
		if !ok || signedWith != link {
			return n, 0, fmt.Errorf("%w: algorithm %#x, announced %#x", errLineageProof, signedWith, link)
		}
		if err := a.verify(before[len(before)-1].Cert.PublicKey, signed, sig); err != nil {
			return n, 0, fmt.Errorf("%w: %w", errLineageProof, err)
		}
	}
	n.Cert, err = cert.Parse(der)
	return n, next, err
}

// prefixOf reports whether a is the beginning of b.
func prefixOf(a, b []Node) bool {
	if len(a) > len(b) {
		return false
	}
	for i := range a {
		if !a[i].Cert.Equal(b[i].Cert) {
			return false
		}
	}
	return true
}

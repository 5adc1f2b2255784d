package sign

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"github.com/atlas-mdm/atlas-go/apk/internal/cert"
	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

// The file with a v4 signature (https://source.android.com/docs/security/features/apksigning/v4): version, hashing
// info, signing infos, and then the hash tree, which may be left out.
const (
	v4Version   = 2
	v4SHA256    = 1
	v4PageBits  = 12
	maxV4Header = 64 << 10 // the kernel takes about 8,000 bytes
	maxV4Blocks = 8
)

// v4Info is what one signer of a v4 signature signed, and with what.
type v4Info struct {
	digest, certificate, additional, publicKey []byte
	algorithm                                  uint32
	signature                                  []byte

	cert cert.Cert
}

// v4File is a v4 signature without its tree.
type v4File struct {
	salt, root []byte
	infos      []v4Info
	blocks     []uint32 // ids of the schemes' blocks that the infos after the first are for
	tree       *io.SectionReader
}

var errV4 = errors.New("not a v4 signature")

// verifyV4 judges the v4 signature. What fails is an error of the package; what is returned is one of reading.
func (c *check) verifyV4() error {
	f, err := readV4(c.in.V4)
	if errors.Is(err, errV4) {
		c.issues.Fail("v4_sig_malformed_signers", "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	for i := range f.infos {
		if c.v4Signature(f, &f.infos[i]); c.issues.Failed() {
			return nil
		}
	}
	if c.v4Identity(f); c.issues.Failed() {
		return nil
	}
	return c.v4Tree(f)
}

func readV4(r *io.SectionReader) (*v4File, error) {
	head := make([]byte, min(maxV4Header, r.Size()))
	if err := readAt(r, head, 0); err != nil {
		return nil, err
	}
	w := &wire{b: head}
	version, hashing, signing := w.u32(), w.sub(), w.sub()
	if w.err != nil || version != v4Version {
		return nil, fmt.Errorf("%w: version %d, header of %d bytes", errV4, version, len(head))
	}
	f := &v4File{}
	alg, bits := hashing.u32(), hashing.take(1)
	f.salt, f.root = hashing.bytes(), hashing.bytes()
	if hashing.err != nil || alg != v4SHA256 || bits[0] != v4PageBits {
		return nil, fmt.Errorf("%w: hash algorithm %d", errV4, alg)
	}
	if err := f.signingInfos(signing); err != nil {
		return nil, err
	}
	at := int64(len(head) - len(w.b))
	f.tree = io.NewSectionReader(r, at, r.Size()-at)
	return f, nil
}

func (f *v4File) signingInfos(w *wire) error {
	f.infos = append(f.infos, readV4Info(w))
	for w.more() {
		id, one := w.u32(), w.sub()
		f.blocks, f.infos = append(f.blocks, id), append(f.infos, readV4Info(one))
		if one.err != nil || len(f.blocks) > maxV4Blocks {
			return fmt.Errorf("%w: signing info %d", errV4, len(f.infos))
		}
	}
	if w.err != nil {
		return fmt.Errorf("%w: signing info: %w", errV4, w.err)
	}
	return nil
}

func readV4Info(w *wire) v4Info {
	return v4Info{
		digest: w.bytes(), certificate: w.bytes(), additional: w.bytes(), publicKey: w.bytes(),
		algorithm: w.u32(), signature: w.bytes(),
	}
}

// signedV4 is what a signer signs.
func (f *v4File) signedV4(size int64, i *v4Info) []byte {
	out := le.AppendUint64(make([]byte, 4), uint64(size))
	out = append(le.AppendUint32(out, v4SHA256), v4PageBits)
	for _, b := range [][]byte{f.salt, f.root, i.digest, i.certificate, i.additional} {
		out = append(le.AppendUint32(out, uint32(len(b))), b...)
	}
	le.PutUint32(out, uint32(len(out)))
	return out
}

func (c *check) v4Signature(f *v4File, i *v4Info) {
	a, ok := algorithmByID(i.algorithm)
	if !ok {
		c.issues.Fail("v4_sig_unknown_sig_algorithm", "%#x", i.algorithm)
		return
	}
	key, err := x509.ParsePKIXPublicKey(i.publicKey)
	if err != nil {
		c.issues.Fail("v4_sig_malformed_public_key", "%v", err)
		return
	}
	if err := a.verify(key, f.signedV4(c.in.Size, i), i.signature); err != nil {
		c.issues.Fail("v4_sig_did_not_verify", "algorithm %#x: %v", i.algorithm, err)
		return
	}
	if i.cert, err = cert.Parse(i.certificate); err != nil {
		c.issues.Fail("v4_sig_malformed_certificate", "%v", err)
		return
	}
	if !i.cert.HasKey(i.publicKey) {
		c.issues.Fail("v4_sig_public_key_mismatch_between_certificate_and_signatures_record", "the certificate is for another key")
	}
}

// v4Identity demands that the signers are those of v3 and v3.1, or else that of v2, and that they signed the same
// digests there.
func (c *check) v4Identity(f *v4File) {
	under := []*found{c.v2}
	switch {
	case c.v31.present:
		under = []*found{c.v3, c.v31}
	case c.v3.present:
		under = []*found{c.v3}
	case !c.v2.present:
		c.issues.Fail("v4_sig_v2_v3_signers_mismatch", "a v4 signature needs one of v2 or later under it")
		return
	}
	if len(f.infos) != len(under) {
		code := "v4_sig_multiple_signers"
		if c.v31.present {
			code = "v41_sig_needs_two_signers"
		}
		c.issues.Fail(code, "%d signers, want %d", len(f.infos), len(under))
		return
	}
	if len(f.blocks) == 1 && f.blocks[0] != idV31 {
		c.issues.Fail("v4_sig_malformed_signers", "a signer for block %#x", f.blocks[0])
	}
	for n, i := range f.infos {
		c.v4Signer(i, under[n])
	}
}

func (c *check) v4Signer(i v4Info, under *found) {
	if len(under.signers) != 1 {
		c.issues.Fail("v4_sig_multiple_signers", "%d signers of %s", len(under.signers), under.scheme.name)
		return
	}
	s := under.signers[0]
	if !s.Cert.Equal(i.cert) {
		c.issues.Fail("v4_sig_v2_v3_signers_mismatch", "the signer of %s is another one", under.scheme.name)
	}
	if best := s.v4Digest(); best == nil || !bytes.Equal(best, i.digest) {
		c.issues.Fail("v4_sig_v2_v3_digests_mismatch", "%s signed another digest", under.scheme.name)
	}
}

// v4Digest is the content digest that v4 repeats, of those that the signer signed.
func (s *Signer) v4Digest() []byte {
	for _, d := range []Digest{ChunkedSHA512, VeritySHA256, ChunkedSHA256} {
		var sum []byte
		for _, w := range s.wanted {
			if a, ok := algorithmByID(w.algorithm); ok && a.digest == d {
				sum = w.sum
			}
		}
		if sum != nil {
			return sum
		}
	}
	return nil
}

// errV4Tree says that a page of the tree in the signature's file is not that of the package.
var errV4Tree = errors.New("the hash tree is not that of the file")

// v4Tree computes the tree over the whole file, and compares it with the root and with the tree that the signature's
// file holds.
func (c *check) v4Tree(f *v4File) error {
	m := newMerkle(c.in.Size, 0, nil)
	if f.tree.Size() > 0 {
		var head [4]byte
		if f.tree.Size() != 4+m.treeSize() {
			c.issues.Fail("v4_sig_apk_tree_did_not_verify", "tree of %d bytes, want %d", f.tree.Size()-4, m.treeSize())
			return nil
		}
		if err := readAt(f.tree, head[:], 0); err != nil {
			return err
		}
		if int64(le.Uint32(head[:])) != m.treeSize() {
			c.issues.Fail("v4_sig_apk_tree_did_not_verify", "tree of %d bytes, want %d", le.Uint32(head[:]), m.treeSize())
			return nil
		}
		m.each = f.samePage
	}
	root, err := m.root(io.NewSectionReader(c.in.R, 0, c.in.Size))
	switch {
	case errors.Is(err, errV4Tree):
		c.issues.Fail("v4_sig_apk_tree_did_not_verify", "%v", err)
		return nil
	case err != nil:
		return err
	case !bytes.Equal(root[:], f.root):
		c.issues.Fail("v4_sig_apk_root_did_not_verify", "the file was changed after signing")
		return nil
	}
	c.v4 = true
	return nil
}

func (f *v4File) samePage(page []byte, offset int64) error {
	var stated [verityPage]byte
	if err := readAt(f.tree, stated[:], 4+offset); err != nil {
		if errors.Is(err, fault.ErrMalformed) {
			return errV4Tree
		}
		return err
	}
	if !bytes.Equal(page, stated[:]) {
		return fmt.Errorf("%w: page at %d", errV4Tree, offset)
	}
	return nil
}

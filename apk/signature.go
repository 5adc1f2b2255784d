package apk

import (
	"encoding/hex"
	"fmt"

	"github.com/atlas-mdm/atlas-go/apk/internal/issue"
	"github.com/atlas-mdm/atlas-go/apk/internal/sign"
	"github.com/atlas-mdm/atlas-go/apk/internal/zip"
)

// signatureOf turns the verdict into the exported form.
func signatureOf(res *sign.Result, dir *zip.Directory) Signature {
	out := Signature{
		Verified: res.Verified, Schemes: append([]string{}, res.Schemes...), Signers: []Signer{}, Lineage: []LineageNode{},
		SourceStamp: "none", SourceStampErrors: []Issue{}, Errors: issuesOf(res.Errors), Warnings: issuesOf(res.Warnings),
	}
	for _, s := range res.Signers {
		out.Signers = append(out.Signers, signerOf(s))
	}
	for _, n := range res.Lineage {
		out.Lineage = append(out.Lineage, LineageNode{SHA256: hex.EncodeToString(n.Cert.SHA256[:]), Subject: n.Cert.Subject, Flags: n.Flags})
	}
	if res.Stamp.Present {
		out.SourceStamp, out.SourceStampErrors = "failed", issuesOf(res.Stamp.Errors)
	}
	if res.Stamp.Verified {
		signer := signerOf(&sign.Signer{Scheme: "stamp", Cert: res.Stamp.Cert})
		out.SourceStamp, out.SourceStampSigner, out.SourceStampTime = "verified", &signer, res.Stamp.Time
	}
	out.refuseDuplicates(dir)
	return out
}

// Identity lists the signers that the newest platforms of the range compare at an update: one of v3 and later, or all of
// v2 or of v1 together. There is none unless the signature verified.
func (s Signature) Identity() []Signer {
	if !s.Verified || len(s.Signers) == 0 {
		return nil
	}
	first := s.Signers[0]
	out := []Signer{first}
	for _, o := range s.Signers[1:] {
		if o.Scheme == first.Scheme && (o.Scheme == "v1" || o.Scheme == "v2") {
			out = append(out, o)
		}
	}
	return out
}

// refuseDuplicates withdraws the verdict where names occur twice: the platform refuses such an archive, and whoever
// reads the other entry of the two sees another package than was inspected.
func (s *Signature) refuseDuplicates(dir *zip.Directory) {
	if len(dir.Duplicates) == 0 {
		return
	}
	s.Verified, s.Schemes, s.Lineage = false, []string{}, []LineageNode{}
	s.Errors = append(s.Errors, Issue{"zip_duplicate_entry", fmt.Sprintf("%.200q occurs more than once", dir.Duplicates[0])})
}

func signerOf(s *sign.Signer) Signer {
	out := Signer{
		Scheme: s.Scheme, SHA256: hex.EncodeToString(s.Cert.SHA256[:]), Subject: s.Cert.Subject, Issuer: s.Cert.Issuer,
		NotBefore: s.Cert.NotBefore, NotAfter: s.Cert.NotAfter, Key: s.Cert.Key, MinSDK: s.MinSDK, MaxSDK: s.MaxSDK,
	}
	if out.MaxSDK == anySDK {
		out.MaxSDK = 0
	}
	return out
}

func issuesOf(in []issue.Issue) []Issue {
	out := make([]Issue, 0, len(in))
	for _, i := range in {
		out = append(out, Issue{Code: i.Code, Detail: i.Detail})
	}
	return out
}

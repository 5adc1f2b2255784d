package scan

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/apk"
)

var signerRules = []rule{
	{"signature_unverified", high, "The signature does not verify, so nobody vouches for the file.", unverified},
	{"signature_warning", info, "The signature holds, and has oddities that Android overlooks.", warnings},
	{"signature_v1_only", low, "The signature is of the oldest kind, which covers the files and not the package around them.", v1Only},
	{"signature_v2_only", info, "The signature is of a kind that can't be carried over to a new key.", v2Only},
	{"source_stamp_failed", medium, "The stamp of the store that the file claims to come from does not verify.", stampFailed},
	{
		"signer_debug_certificate", high, "The signer is a development tool's debug key, which anyone can have.",
		signed(func(s apk.Signer) bool { return hasRDN(s.Subject, "CN=Android Debug") }),
	},
	{"signer_aosp_test_key", high, "The signer is a test key of the Android sources, whose private half is public.", signed(aospTest)},
	{
		"signer_default_name", low, "The signer's certificate has the names that a tool fills in by itself.",
		signed(func(s apk.Signer) bool { return hasRDN(s.Subject, "CN=Unknown") || hasRDN(s.Subject, "O=Unknown") }),
	},
	{
		"signer_unnamed", low, "The signer's certificate names nobody.",
		signed(func(s apk.Signer) bool { return strings.TrimSpace(s.Subject) == "" }),
	},
	{
		"signer_deceptive_name", medium, "The signer's name holds invisible characters.",
		signed(func(s apk.Signer) bool { return invisible(s.Subject) }),
	},
	{"signer_weak_key", medium, "The signing key is weaker than is held safe today.", signed(weakKey)},
	{
		"signer_unknown_key", medium, "The signing key is of a kind that can't be judged.",
		signed(func(s apk.Signer) bool { return !slices.Contains(knownKeys, keyKind(s)) }),
	},
	{
		"signer_short_lived", low, "The certificate ends sooner than the stores of Android accept.",
		signed(func(s apk.Signer) bool { return !s.NotAfter.IsZero() && s.NotAfter.Before(storeMinimum) }),
	},
	{
		"signer_validity_reversed", medium, "The certificate ends before it begins.",
		signed(func(s apk.Signer) bool { return s.NotAfter.Before(s.NotBefore) }),
	},
	{"signer_several", low, "Several signers signed together, and all of them must sign every update.", several},
	{
		"lineage_rotated", info, "The signing key was replaced, with proof by the one before.",
		when(func(i *apk.Info) bool { return len(i.Signature.Lineage) > 1 }),
	},
	{"lineage_rollback", medium, "A replaced signing key may still sign updates and take the application back.", rollback},
}

func unverified(i *apk.Info) []string {
	if i.Signature.Verified {
		return nil
	}
	out := []string{}
	for _, e := range i.Signature.Errors {
		out = append(out, e.Code)
	}
	return append(out, "not verified")
}

func warnings(i *apk.Info) []string {
	var out []string
	for _, w := range i.Signature.Warnings {
		if !slices.Contains(out, w.Code) {
			out = append(out, w.Code)
		}
	}
	return out
}

func v1Only(i *apk.Info) []string {
	if slices.Equal(i.Signature.Schemes, []string{"v1"}) {
		return i.Signature.Schemes
	}
	return nil
}

func v2Only(i *apk.Info) []string {
	if i.Signature.Verified && slices.Contains(i.Signature.Schemes, "v2") &&
		!slices.ContainsFunc(i.Signature.Schemes, func(s string) bool { return strings.HasPrefix(s, "v3") }) {
		return i.Signature.Schemes
	}
	return nil
}

func stampFailed(i *apk.Info) []string {
	if i.Signature.SourceStamp != "failed" {
		return nil
	}
	out := []string{"failed"}
	for _, e := range i.Signature.SourceStampErrors {
		out = append(out, e.Code)
	}
	return out
}

// aospTestKey is the certificate of build/make/target/product/security/testkey. The other keys there share its subject.
const aospTestKey = "a40da80a59d170caa950cf15c18c454d47a39b26989d8b640ecd745ba71bf5dc"

func aospTest(s apk.Signer) bool {
	return s.SHA256 == aospTestKey || hasRDN(s.Subject, "CN=Android", "OU=Android", "O=Android", "L=Mountain View")
}

// storeMinimum is the date that a certificate must outlast for Google Play (developer.android.com/studio/publish/app-signing).
var storeMinimum = time.Date(2033, 10, 23, 0, 0, 0, 0, time.UTC)

// knownKeys are the kinds of key that weakKey can judge; ML-DSA is strong in each of its sizes.
var knownKeys = []string{"RSA", "DSA", "EC", "ML-DSA"}

// keyKind is the part of "RSA 2048" before the size.
func keyKind(s apk.Signer) string {
	kind, _, _ := strings.Cut(s.Key, " ")
	if strings.HasPrefix(kind, "ML-DSA") {
		return "ML-DSA"
	}
	return kind
}

// weakKey follows NIST SP 800-131A: RSA and DSA below 2048 bits, and curves below 224 bits.
func weakKey(s apk.Signer) bool {
	kind, size, _ := strings.Cut(s.Key, " ")
	bits, _ := strconv.Atoi(strings.TrimPrefix(size, "P-"))
	switch kind {
	case "EC":
		return bits < 224
	case "RSA", "DSA":
		return bits < 2048
	}
	return false
}

// several matches more than one signer of scheme v2 or v1; in v3 each signer has platforms of its own.
func several(i *apk.Info) []string {
	certs := map[string][]string{}
	for _, s := range i.Signature.Signers {
		if (s.Scheme == "v1" || s.Scheme == "v2") && !slices.Contains(certs[s.Scheme], s.Subject+s.SHA256) {
			certs[s.Scheme] = append(certs[s.Scheme], s.Subject+s.SHA256)
		}
	}
	for _, scheme := range []string{"v1", "v2"} {
		if len(certs[scheme]) > 1 {
			return certs[scheme]
		}
	}
	return nil
}

// rollbackFlag is SignerCapabilities.ROLLBACK of a lineage's node.
const rollbackFlag = 8

func rollback(i *apk.Info) []string {
	var out []string
	for n, node := range i.Signature.Lineage {
		if n < len(i.Signature.Lineage)-1 && node.Flags&rollbackFlag != 0 {
			out = append(out, node.Subject+" "+node.SHA256)
		}
	}
	return out
}

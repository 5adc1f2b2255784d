package sign

import (
	"slices"

	"github.com/atlas-mdm/atlas-go/apk/internal/cert"
)

// judge applies the rules that span schemes.
func (c *check) judge() {
	any := len(c.ids()) > 0
	if c.in.SandboxVersion > 1 && c.in.MaxSDK >= sdkO && !any {
		c.issues.Fail("no_sig_for_target_sandbox_version", "targetSandboxVersion %d needs a v2 or later signature", c.in.SandboxVersion)
	}
	if c.in.TargetSDK >= sdkR && c.in.MaxSDK >= c.in.TargetSDK && !any {
		c.issues.Fail("min_sig_scheme_for_target_sdk_not_met", "targetSdkVersion %d needs a v2 or later signature", c.in.TargetSDK)
	}
	c.coverage()
	c.stripping()
	c.rotation()
	c.sameSigners()
	c.pastSigner()
	c.hybrid()
}

// sameSigners demands that a JAR signature and one of v2 are by the same signers.
func (c *check) sameSigners() {
	old := c.jarSigners()
	if len(old) == 0 || !c.v2.present || c.v2.failed() {
		return
	}
	var v2 []cert.Cert
	for _, s := range c.v2.signers {
		v2 = append(v2, s.Cert)
	}
	if !includes(v2, old) {
		c.issues.Fail("v2_sig_missing", "a signer of the JAR signature is missing from v2")
	}
	if !includes(old, v2) {
		c.issues.Fail("jar_sig_missing", "a signer of v2 is missing from the JAR signature")
	}
}

func includes(all, some []cert.Cert) bool {
	return !slices.ContainsFunc(some, func(c cert.Cert) bool { return !slices.ContainsFunc(all, c.Equal) })
}

// jarSigners are those of a JAR signature that verified.
func (c *check) jarSigners() []cert.Cert {
	if c.jar == nil || c.jar.Failed() {
		return nil
	}
	return c.jar.Signers
}

// coverage demands a signer for every SDK level: v3.1 from 33 on where it speaks for the level, else v3 from 28 on,
// else v2.
func (c *check) coverage() {
	lo, hi := max(c.in.MinSDK, sdkN), c.in.MaxSDK
	if c.v31.present && len(c.v31.signers) > 0 && c.v31.covers(max(c.v31.signers[0].MinSDK, sdkT), hi) {
		hi = max(c.v31.signers[0].MinSDK, sdkT) - 1
	}
	if c.v3.present && !c.v3.covers(max(lo, sdkP), hi) {
		c.issues.Fail("v3_missing_sdk_versions", "no signer for some SDK level from %d to %d", max(lo, sdkP), hi)
	}
	if c.v3.present {
		hi = min(hi, sdkP-1)
	}
	switch {
	case c.v2.present || lo > hi || len(c.jarSigners()) > 0:
	case c.v3.present:
		// As in apksig, not an error: these platforms install nothing of what was not verified, they refuse the file.
		c.issues.Warn("v2_sig_missing", "no v2 signature, without which SDK %d to %d can't install", lo, hi)
	case c.v31.present:
		c.issues.Fail("v2_sig_missing", "no signature for SDK %d to %d", lo, hi)
	}
}

// stripping catches a newer scheme that was there at signing and is gone.
func (c *check) stripping() {
	for _, s := range c.v2.signers {
		if slices.Contains(s.attrs.stripped, 3) && c.in.MaxSDK >= sdkP && !c.v3.present {
			c.issues.Fail("v2_sig_missing_apk_sig_referenced", "the v2 signer says that a v3 signature was there")
		}
	}
	for _, s := range c.v3.signers {
		if at := s.attrs.rotationMin; at != 0 && at <= c.in.MaxSDK && c.in.MaxSDK >= sdkT && !c.v31.present {
			c.issues.Fail("v31_block_missing", "the v3 signer says that a v3.1 signature rules from SDK %d", at)
		}
	}
}

// rotation compares the v3.1 block with what the v3 signer says of it.
func (c *check) rotation() {
	if !c.v31.present || len(c.v31.signers) == 0 {
		return
	}
	if !c.v3.present {
		c.issues.Fail("v31_block_found_without_v3_block", "a v3.1 signature without v3")
		return
	}
	from := c.v31.signers[0].MinSDK
	for _, s := range c.v3.signers {
		switch s.attrs.rotationMin {
		case 0:
			c.issues.Warn("v31_rotation_min_sdk_attr_missing", "the v3 signer does not know of the v3.1 signature")
		case from:
		default:
			c.issues.Fail("v31_rotation_min_sdk_mismatch", "v3 says %d, v3.1 begins at %d", s.attrs.rotationMin, from)
		}
	}
	if !prefixOf(c.v3.lineage(), c.v31.lineage()) {
		c.issues.Fail("v3_inconsistent_lineages", "the v3.1 lineage does not continue the one of v3")
	}
}

// pastSigner demands that the signer of the schemes before v3 is the first certificate of the lineage, or the v3 signer
// itself without one.
func (c *check) pastSigner() {
	newest, old := slices.Concat(c.v3.signers, c.v31.signers), c.jarSigners()
	if len(newest) == 0 || c.v2.failed() || c.v3.failed() || c.v31.failed() {
		return
	}
	if len(old) == 0 {
		for _, s := range c.v2.signers {
			old = append(old, s.Cert)
		}
	}
	switch {
	case len(old) == 0:
		return
	case len(old) > 1:
		c.issues.Fail("v3_sig_multiple_past_signers", "%d older signers under v3, which knows one", len(old))
		return
	}
	first := newest[0].Cert
	if l := c.fullLineage(); len(l) > 0 {
		first = l[0].Cert
	} else if len(newest) > 1 {
		c.issues.Fail("v3_sig_multiple_signers", "%d v3 signers without a lineage", len(newest))
	}
	if !first.Equal(old[0]) {
		c.issues.Fail("v3_sig_past_signers_mismatch", "the older signer is not the first of the v3 signers")
	}
}

// hybrid refuses what needs scheme v3.2.
func (c *check) hybrid() {
	if _, ok := c.block.get(idV32); ok && c.in.MaxSDK > lastWithoutV32 {
		c.issues.Fail("v32_unsupported", "a v3.2 signature, which this version does not verify")
		return
	}
	for _, s := range slices.Concat(c.v3.signers, c.v31.signers) {
		if s.attrs.hybridMissing && s.attrs.hybridMin == 0 || s.attrs.hybridMin > 0 && s.attrs.hybridMin <= c.in.MaxSDK {
			c.issues.Fail("v32_unsupported", "a signer says that a v3.2 signature was there")
			return
		}
	}
}

// lastWithoutV32 is the last platform that does not look for v3.2 (Baklava, SDK 36).
const lastWithoutV32 = 36

func (c *check) fullLineage() []Node {
	l3, l31 := c.v3.lineage(), c.v31.lineage()
	if len(l31) > len(l3) {
		return l31
	}
	return l3
}

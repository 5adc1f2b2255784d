package apk_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/internal/signtest"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
)

func TestIdentityAgreesWithAAPT(t *testing.T) {
	t.Parallel()
	atlastest.Need(t, "aapt")
	for _, name := range []string{"tiny.apk", "tiny-v2.apk", "tiny-min21.apk"} {
		out, err := exec.CommandContext(t.Context(), "aapt", "dump", "badging", "testdata/"+name).Output()
		require.NoError(t, err)
		info := inspectBytes(t, testdata(t, name), apk.Options{})
		require.Contains(t, string(out), fmt.Sprintf("package: name='%s' versionCode='%d' versionName='%s'", info.Package, info.VersionCode, info.VersionName))
		require.Contains(t, string(out), fmt.Sprintf("sdkVersion:'%d'\ntargetSdkVersion:'%d'", info.MinSDK, info.TargetSDK))
		require.Contains(t, string(out), fmt.Sprintf("application-label:'%s'\n", info.Label))
		var permissions []string
		for _, m := range regexp.MustCompile(`uses-permission: name='([^']*)'`).FindAllStringSubmatch(string(out), -1) {
			permissions = append(permissions, m[1])
		}
		require.Equal(t, permissions, info.Permissions)
	}
}

func TestVerdictAgreesWithApksigner(t *testing.T) {
	t.Parallel()
	atlastest.Need(t, "apksigner")
	tampered := testdata(t, "tiny.apk")
	tampered[60] ^= 1
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tampered.apk"), tampered, 0o600))
	for _, name := range []string{"testdata/tiny.apk", "testdata/tiny-othersigner.apk", "testdata/tiny-rotated.apk", "testdata/tiny-unsigned.apk", filepath.Join(dir, "tampered.apk")} {
		out, err := exec.CommandContext(t.Context(), "apksigner", "verify", "--print-certs", name).CombinedOutput()
		info, inspectErr := apk.InspectFile(name, apk.Options{})
		verified := inspectErr == nil && info.Signature.Verified
		require.Equal(t, err == nil, verified, "%s: %s", name, out)
		if verified {
			require.Contains(t, string(out), "SHA-256 digest: "+info.Signature.Signers[0].SHA256)
		}
	}
}

func TestJARVerdictsAgreeWithApksigner(t *testing.T) {
	t.Parallel()
	atlastest.Need(t, "apksigner")
	k := signtest.NewKey(t, "a")
	faults := jarFaults(t, k)
	faults[""] = func(*jarPackage) {}
	delete(faults, "jar_sig_max_signatures_exceeded") // Debian's apksigner is from before the platform had this limit
	for code, change := range faults {
		t.Run("fault "+code, func(t *testing.T) {
			t.Parallel()
			p := jarSigned(t, k, codeFile)
			change(p)
			name := filepath.Join(t.TempDir(), "a.apk")
			require.NoError(t, os.WriteFile(name, p.bytes(t), 0o600))
			out, err := exec.CommandContext(t.Context(), "apksigner", "verify", "--min-sdk-version", "21", name).CombinedOutput()
			require.Equal(t, code == "", err == nil, "%s", out)
			require.Equal(t, code == "", inspectBytes(t, p.bytes(t), since).Signature.Verified)
		})
	}
}

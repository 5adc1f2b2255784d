package apk_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/internal/signtest"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
)

// tree is the hash tree over data, its top first, and its root, computed level by level.
func tree(data []byte) (out []byte, root [sha256.Size]byte) {
	for {
		var next []byte
		for len(data) > 0 {
			page := make([]byte, 4096)
			data = data[copy(page, data):]
			sum := sha256.Sum256(page)
			next = append(next, sum[:]...)
		}
		next = append(next, make([]byte, (4096-len(next)%4096)%4096)...)
		out, data = append(next, out...), next
		if len(next) == 4096 {
			return out, sha256.Sum256(next)
		}
	}
}

// withV4 is a signed package of the size of content, and a v4 signature for it.
func withV4(t testing.TB, content []byte) (signed, idsig []byte, k signtest.Key) {
	t.Helper()
	k = signtest.NewKey(t, "a")
	plain := buildStored(t, appManifest, file{"assets/blob", content})
	signed = signtest.Sign(t, plain, v2(signtest.Signer{Key: k}))
	nodes, root := tree(signed)
	return signed, signtest.V4(t, k, signed, contentDigest(t, plain), nodes, root), k
}

// contentDigest is what v2 signs.
func contentDigest(t testing.TB, plain []byte) []byte {
	t.Helper()
	end := len(plain) - 22
	dir := int(uint32(plain[end+16]) | uint32(plain[end+17])<<8 | uint32(plain[end+18])<<16 | uint32(plain[end+19])<<24)
	return signtest.Digest(plain[:dir], plain[dir:end], plain[end:])
}

func v4(idsig []byte) apk.Options {
	return apk.Options{MinSDK: 24, V4: io.NewSectionReader(bytes.NewReader(idsig), 0, int64(len(idsig)))}
}

func TestV4VerifiesForFilesOfEveryDepthOfTree(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 100, 4096 * 127, 4096 * 128, 4096*129 + 1, 4096 * 128 * 2, 4096 * 128 * 9} {
		signed, idsig, _ := withV4(t, make([]byte, size))
		s := inspectBytes(t, signed, v4(idsig)).Signature
		require.True(t, s.Verified, "%d bytes: %v", size, s.Errors)
		require.Equal(t, []string{"v2", "v4"}, s.Schemes)
	}
}

func TestV4ThatIsNotForThePackageFails(t *testing.T) {
	t.Parallel()
	signed, idsig, k := withV4(t, make([]byte, 1<<20))
	other, _, _ := withV4(t, make([]byte, 1<<20))
	nodes, root := tree(signed)
	digest := contentDigest(t, buildStored(t, appManifest, file{"assets/blob", make([]byte, 1<<20)}))
	changed := bytes.Clone(nodes)
	changed[len(changed)-1] ^= 1
	for _, c := range []struct {
		want  string
		idsig []byte
	}{
		{"v4_sig_malformed_signers", []byte{2, 0}},
		{"v4_sig_malformed_signers", append([]byte{3}, idsig[1:]...)},
		{"v4_sig_did_not_verify", signtest.V4(t, k, signed[1:], digest, nodes, root)},
		{"v4_sig_v2_v3_signers_mismatch", signtest.V4(t, signtest.NewKey(t, "b"), signed, digest, nodes, root)},
		{"v4_sig_v2_v3_digests_mismatch", signtest.V4(t, k, signed, root[:], nodes, root)},
		{"v4_sig_apk_root_did_not_verify", signtest.V4(t, k, signed, digest, nil, sha256.Sum256(root[:]))},
		{"v4_sig_apk_tree_did_not_verify", signtest.V4(t, k, signed, digest, changed, root)},
		{"v4_sig_apk_tree_did_not_verify", idsig[:len(idsig)-1]},
	} {
		s := inspectBytes(t, signed, v4(c.idsig)).Signature
		require.False(t, s.Verified, c.want)
		require.Contains(t, errorCodes(s), c.want)
		require.Empty(t, s.Schemes)
	}
	require.False(t, inspectBytes(t, other, v4(idsig)).Signature.Verified)
}

func TestV4WithoutItsTreeVerifies(t *testing.T) {
	t.Parallel()
	signed, _, k := withV4(t, nil)
	_, root := tree(signed)
	idsig := signtest.V4(t, k, signed, contentDigest(t, buildStored(t, appManifest, file{"assets/blob", nil})), nil, root)
	require.Equal(t, []string{"v2", "v4"}, inspectBytes(t, signed, v4(idsig)).Signature.Schemes)
}

func TestV4NeedsANewerSchemeUnderIt(t *testing.T) {
	t.Parallel()
	_, idsig, k := withV4(t, nil)
	data := jarSigned(t, k, codeFile).bytes(t)
	_, root := tree(data)
	o := v4(signtest.V4(t, k, data, root[:], nil, root))
	s := inspectBytes(t, data, o).Signature
	require.Contains(t, errorCodes(s), "v4_sig_v2_v3_signers_mismatch")
	require.False(t, inspectBytes(t, data, v4(idsig)).Signature.Verified)
}

func TestV4AgreesWithApksigner(t *testing.T) {
	t.Parallel()
	atlastest.Need(t, "apksigner")
	signed := filepath.Join(t.TempDir(), "signed.apk")
	out, err := exec.CommandContext(t.Context(), "apksigner", "sign", "--ks", "testdata/tinyapp/throwaway.jks", "--ks-pass", "pass:throwaway",
		"--v4-signing-enabled", "true", "--out", signed, "testdata/tiny-unsigned.apk").CombinedOutput()
	require.NoError(t, err, "%s", out)
	idsig, err := os.ReadFile(signed + ".idsig")
	require.NoError(t, err)
	info, err := apk.InspectFile(signed, v4(idsig))
	require.NoError(t, err)
	require.True(t, info.Signature.Verified, "%v", info.Signature.Errors)
	require.Equal(t, []string{"v2", "v3", "v4"}, info.Signature.Schemes)
}

func FuzzV4(f *testing.F) {
	signed, idsig, _ := withV4(f, nil)
	f.Add(idsig)
	f.Fuzz(func(t *testing.T, data []byte) {
		inspectBytes(t, signed, v4(data))
	})
}

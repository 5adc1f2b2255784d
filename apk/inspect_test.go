package apk_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/internal/signtest"
)

func isInspectError(err error) bool {
	return errors.Is(err, apk.ErrNotAPK) || errors.Is(err, apk.ErrMalformed) || errors.Is(err, apk.ErrLimit)
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return data
}

func TestManifestDecidesIdentity(t *testing.T) {
	t.Parallel()
	info := inspectBytes(t, testdata(t, "tiny.apk"), apk.Options{})
	require.Equal(t, "dev.atlasmdm.tiny", info.Package)
	require.EqualValues(t, 1, info.VersionCode)
	require.Equal(t, "1.0", info.VersionName)
	require.Equal(t, "Tiny ATLAS", info.Label)
	require.Equal(t, 24, info.MinSDK)
	require.Equal(t, 29, info.TargetSDK)
	require.Equal(t, []string{"android.permission.INTERNET", "android.permission.RECEIVE_BOOT_COMPLETED"}, info.Permissions)
	require.Equal(t, []apk.Feature{{Name: "android.hardware.camera"}}, info.Features)
	require.Empty(t, info.Findings)
}

func TestComponentsAreReadWithTheirProtection(t *testing.T) {
	t.Parallel()
	require.Equal(t, []apk.Component{
		{Kind: apk.Activity, Name: "dev.atlasmdm.tiny.Main", Exported: true, Launcher: true},
		{Kind: apk.Receiver, Name: "dev.atlasmdm.tiny.Admin", Exported: true, Permission: "android.permission.BIND_DEVICE_ADMIN", DeviceAdmin: true},
	}, inspectBytes(t, testdata(t, "tiny.apk"), apk.Options{}).Components)
}

func TestUpdateHasTheSameSignerAndAHigherVersion(t *testing.T) {
	t.Parallel()
	one, two := inspectBytes(t, testdata(t, "tiny.apk"), apk.Options{}), inspectBytes(t, testdata(t, "tiny-v2.apk"), apk.Options{})
	require.Equal(t, one.Package, two.Package)
	require.Greater(t, two.VersionCode, one.VersionCode)
	require.Equal(t, one.Signature.Signers[0].SHA256, two.Signature.Signers[0].SHA256)
}

func TestPackageOfAnotherSignerIsToldApart(t *testing.T) {
	t.Parallel()
	one, other := inspectBytes(t, testdata(t, "tiny.apk"), apk.Options{}), inspectBytes(t, testdata(t, "tiny-othersigner.apk"), apk.Options{})
	require.True(t, other.Signature.Verified)
	require.NotEqual(t, one.Signature.Signers[0].SHA256, other.Signature.Signers[0].SHA256)
}

func TestUnsignedPackageDoesNotVerify(t *testing.T) {
	t.Parallel()
	info := inspectBytes(t, testdata(t, "tiny-unsigned.apk"), apk.Options{})
	require.False(t, info.Signature.Verified)
	require.Empty(t, info.Signature.Schemes)
	require.Empty(t, info.Provisioning.SignatureChecksum)
	require.Len(t, info.Provisioning.PackageChecksum, 43)
}

func TestV1AloneIsVerifiedForEveryPlatform(t *testing.T) {
	t.Parallel()
	for _, o := range []apk.Options{{}, {MinSDK: 21}, {MaxSDK: 23, MinSDK: 18}} {
		s := inspectBytes(t, testdata(t, "tiny-v1only.apk"), o).Signature
		require.True(t, s.Verified, "%v", s.Errors)
		require.Equal(t, []string{"v1"}, s.Schemes)
		require.Len(t, s.Signers, 1)
	}
}

func TestRangeBelowV2NeedsTheJARSignatureToo(t *testing.T) {
	t.Parallel()
	s := inspectBytes(t, testdata(t, "tiny-min21.apk"), apk.Options{}).Signature
	require.True(t, s.Verified)
	require.Equal(t, []string{"v1", "v2", "v3"}, s.Schemes)
	v2Only := signtest.Sign(t, unsigned(t), v2(signtest.Signer{Key: signtest.NewKey(t, "a")}))
	s = inspectBytes(t, v2Only, apk.Options{MinSDK: 21}).Signature
	require.False(t, s.Verified)
	require.Contains(t, errorCodes(s), "jar_sig_no_manifest")
}

func TestEmptyListsAreArraysInJSON(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tiny.apk", "tiny-unsigned.apk", "tiny-v1only.apk"} {
		data, err := json.Marshal(inspectBytes(t, testdata(t, name), apk.Options{}))
		require.NoError(t, err)
		require.NotContains(t, string(data), "null")
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	t.Parallel()
	whole := testdata(t, "tiny.apk")
	for n := range whole {
		info, err := apk.Inspect(bytes.NewReader(whole[:n]), int64(n), apk.Options{})
		require.Error(t, err, "%d bytes", n)
		require.True(t, isInspectError(err), "%d bytes: %v", n, err)
		require.Nil(t, info)
	}
}

func TestFileShorterThanItsSizeIsMalformed(t *testing.T) {
	t.Parallel()
	whole := testdata(t, "tiny.apk")
	_, err := apk.Inspect(bytes.NewReader(whole[:len(whole)-1]), int64(len(whole)), apk.Options{})
	require.ErrorIs(t, err, apk.ErrMalformed)
}

// signingBlock is where the signing block of a signed package lies.
func signingBlock(data []byte) (begin, end int) {
	end = int(binary.LittleEndian.Uint32(data[len(data)-6:]))
	return end - int(binary.LittleEndian.Uint64(data[end-24:])) - 8, end
}

func TestEveryFlippedByteOfTheContentBreaksTheSignature(t *testing.T) {
	t.Parallel()
	const parts = 4
	for part := range parts {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			data := testdata(t, "tiny.apk")
			signer := inspectBytes(t, data, apk.Options{}).Signature.Signers[0].SHA256
			for i := part; i < len(data); i += parts {
				flip(t, data, i, signer)
			}
		})
	}
}

// flip changes one byte. In the signing block that may be padding, or a scheme that another one stands in for.
func flip(t *testing.T, data []byte, i int, signer string) {
	begin, end := signingBlock(data)
	data[i] ^= 0xff
	info, err := apk.Inspect(bytes.NewReader(data), int64(len(data)), apk.Options{})
	data[i] ^= 0xff
	switch {
	case err != nil:
		require.True(t, isInspectError(err), "byte %d: %v", i, err)
	case i < begin || i >= end:
		require.False(t, info.Signature.Verified, "byte %d", i)
	case info.Signature.Verified:
		require.Equal(t, signer, info.Signature.Signers[0].SHA256, "byte %d", i)
	}
}

func TestByteBetweenSigningBlockAndDirectoryHidesTheBlock(t *testing.T) {
	t.Parallel()
	data := testdata(t, "tiny.apk")
	_, dir := signingBlock(data)
	data = bytes.Join([][]byte{data[:dir], {0}, data[dir:]}, nil)
	binary.LittleEndian.PutUint32(data[len(data)-6:], uint32(dir+1))
	require.False(t, inspectBytes(t, data, apk.Options{}).Signature.Verified)
}

func FuzzInspect(f *testing.F) {
	for _, name := range []string{"tiny.apk", "tiny-unsigned.apk", "tiny-rotated.apk", "tiny-v1only.apk"} {
		f.Add(testdata(f, name))
	}
	small := apk.Limits{ManifestBytes: 1 << 16, ResourcesBytes: 1 << 16}
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := apk.Inspect(bytes.NewReader(data), int64(len(data)), apk.Options{Limits: small})
		if err == nil && info.Package == "" {
			t.Fatal("a package without a name")
		}
		if err != nil && !isInspectError(err) {
			t.Fatal(err)
		}
	})
}

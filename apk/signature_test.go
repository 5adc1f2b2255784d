package apk_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/internal/signtest"
)

func unsigned(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/tiny-unsigned.apk") // minSdkVersion 24
	require.NoError(t, err)
	return data
}

func inspectBytes(t testing.TB, data []byte, o apk.Options) *apk.Info {
	t.Helper()
	info, err := apk.Inspect(bytes.NewReader(data), int64(len(data)), o)
	require.NoError(t, err)
	return info
}

func errorCodes(s apk.Signature) []string {
	out := []string{}
	for _, e := range s.Errors {
		out = append(out, e.Code)
	}
	return out
}

func v2(signers ...signtest.Signer) signtest.Block {
	return signtest.Block{ID: signtest.V2, Signers: signers}
}

func v3(signers ...signtest.Signer) signtest.Block {
	return signtest.Block{ID: signtest.V3, Signers: signers}
}

func v31(signers ...signtest.Signer) signtest.Block {
	return signtest.Block{ID: signtest.V31, Signers: signers}
}

func TestSchemesThatVerifyAreListedAndNoOthers(t *testing.T) {
	t.Parallel()
	k := signtest.NewKey(t, "one")
	for _, c := range []struct {
		blocks  []signtest.Block
		minSDK  int
		schemes []string
	}{
		{[]signtest.Block{v2(signtest.Signer{Key: k})}, 0, []string{"v2"}},
		{[]signtest.Block{v2(signtest.Signer{Key: k}), v3(signtest.Signer{Key: k, MinSDK: 28, MaxSDK: math.MaxInt32})}, 0, []string{"v2", "v3"}},
		{[]signtest.Block{v3(signtest.Signer{Key: k, MinSDK: 28, MaxSDK: math.MaxInt32})}, 28, []string{"v3"}},
	} {
		s := inspectBytes(t, signtest.Sign(t, unsigned(t), c.blocks...), apk.Options{MinSDK: c.minSDK}).Signature
		require.True(t, s.Verified, "%v", s.Errors)
		require.Equal(t, c.schemes, s.Schemes)
	}
}

// rotated is signed by an old key for platforms before SDK 33 and by a new one from there on.
func rotated(t testing.TB) (old, new signtest.Key, blocks []signtest.Block) {
	old, new = signtest.NewKey(t, "old"), signtest.NewKey(t, "new")
	return old, new, []signtest.Block{
		v2(signtest.Signer{Key: old}),
		v3(signtest.Signer{Key: old, MinSDK: 24, MaxSDK: 32, Attributes: [][]byte{signtest.Attribute(0x559f8b02, 33)}}),
		v31(signtest.Signer{Key: new, MinSDK: 33, MaxSDK: math.MaxInt32, Attributes: [][]byte{signtest.Lineage(t, old, new)}}),
	}
}

func TestRotationIsProvenAndTheNewSignerComesFirst(t *testing.T) {
	t.Parallel()
	_, _, blocks := rotated(t)
	s := inspectBytes(t, signtest.Sign(t, unsigned(t), blocks...), apk.Options{}).Signature
	require.True(t, s.Verified, "%v", s.Errors)
	require.Equal(t, []string{"v2", "v3", "v3.1"}, s.Schemes)
	require.Equal(t, "CN=new", s.Signers[0].Subject)
	require.Len(t, s.Lineage, 2)
	require.Equal(t, "CN=old", s.Lineage[0].Subject)
}

func TestRotatedPackageVerifiesForOldPlatformsByTheOldKey(t *testing.T) {
	t.Parallel()
	_, _, blocks := rotated(t)
	s := inspectBytes(t, signtest.Sign(t, unsigned(t), blocks...), apk.Options{MaxSDK: 32}).Signature
	require.True(t, s.Verified, "%v", s.Errors)
	require.Equal(t, "CN=old", s.Signers[0].Subject)
}

func TestStrippedBlocksAreNoticed(t *testing.T) {
	t.Parallel()
	_, _, blocks := rotated(t)
	s := inspectBytes(t, signtest.Sign(t, unsigned(t), blocks[0], blocks[1]), apk.Options{}).Signature
	require.False(t, s.Verified)
	require.Contains(t, errorCodes(s), "v31_block_missing")

	k := signtest.NewKey(t, "one")
	only2 := v2(signtest.Signer{Key: k, Attributes: [][]byte{signtest.Attribute(0xbeeff00d, 3)}})
	s = inspectBytes(t, signtest.Sign(t, unsigned(t), only2), apk.Options{}).Signature
	require.False(t, s.Verified)
	require.Equal(t, []string{"v2_sig_missing_apk_sig_referenced"}, errorCodes(s))
	require.Empty(t, s.Schemes)
}

func TestHybridSchemeThatIsNotVerifiedIsNotClaimed(t *testing.T) {
	t.Parallel()
	k := signtest.NewKey(t, "one")
	data := signtest.Sign(t, unsigned(t), v2(signtest.Signer{Key: k}), signtest.Block{ID: 0x70e1c89f, Raw: []byte{1}})
	s := inspectBytes(t, data, apk.Options{}).Signature
	require.False(t, s.Verified)
	require.Equal(t, []string{"v32_unsupported"}, errorCodes(s))
	require.True(t, inspectBytes(t, data, apk.Options{MaxSDK: 36}).Signature.Verified)

	stripped := v3(signtest.Signer{Key: k, MinSDK: 24, MaxSDK: math.MaxInt32, Attributes: [][]byte{signtest.Attribute(0xbf940529, 37)}})
	s = inspectBytes(t, signtest.Sign(t, unsigned(t), v2(signtest.Signer{Key: k}), stripped), apk.Options{}).Signature
	require.Equal(t, []string{"v32_unsupported"}, errorCodes(s))
}

func TestSignersThatDisagreeDoNotVerify(t *testing.T) {
	t.Parallel()
	a, b := signtest.NewKey(t, "a"), signtest.NewKey(t, "b")
	forever := func(k signtest.Key, attrs ...[]byte) signtest.Signer {
		return signtest.Signer{Key: k, MinSDK: 24, MaxSDK: math.MaxInt32, Attributes: attrs}
	}
	mixed := b
	mixed.Cert = a.Cert
	badLineage := signtest.Lineage(t, a, b)
	badLineage[len(badLineage)-1] ^= 1
	for code, blocks := range map[string][]signtest.Block{
		"v3_sig_past_signers_mismatch": {v2(signtest.Signer{Key: a}), v3(forever(b))},
		"v3_sig_multiple_past_signers": {v2(signtest.Signer{Key: a}, signtest.Signer{Key: b}), v3(forever(a))},
		"v3_sig_por_cert_mismatch":     {v3(forever(a, signtest.Lineage(t, a, b)))},
		"v3_sig_por_did_not_verify":    {v3(forever(b, badLineage))},
		"v3_sig_malformed_lineage":     {v3(forever(b, signtest.Attribute(0x3ba06f8c, 2)))},
		"v3_missing_sdk_versions":      {v3(signtest.Signer{Key: a, MinSDK: 24, MaxSDK: 40})},
		"v3_sig_invalid_sdk_versions":  {v3(signtest.Signer{Key: a, MinSDK: 30, MaxSDK: 29})},
		"v3_inconsistent_sdk_versions": {v3(signtest.Signer{Key: a, MinSDK: 24, MaxSDK: 29}, signtest.Signer{Key: a, MinSDK: 31, MaxSDK: math.MaxInt32})},
		"v2_sig_public_key_mismatch_between_certificate_and_signatures_record": {v2(signtest.Signer{Key: mixed})},
		"v2_sig_no_signers":                     {v2()},
		"v2_sig_malformed_signers":              {{ID: signtest.V2, Raw: []byte{9, 0, 0, 0}}},
		"v2_sig_malformed_signer":               {{ID: signtest.V2, Raw: signtest.Prefixed(signtest.Prefixed([]byte{1, 2, 3}))}},
		"v2_sig_max_signatures_exceeded":        {v2(elevenTimes(a)...)},
		"v31_rotation_min_sdk_mismatch":         {v3(forever(a, signtest.Attribute(0x559f8b02, 34))), v31(signtest.Signer{Key: a, MinSDK: 33, MaxSDK: math.MaxInt32})},
		"v2_sig_malformed_additional_attribute": {v2(signtest.Signer{Key: a, Attributes: [][]byte{{1}}})},
	} {
		s := inspectBytes(t, signtest.Sign(t, unsigned(t), blocks...), apk.Options{}).Signature
		require.False(t, s.Verified, code)
		require.Contains(t, errorCodes(s), code)
		require.Empty(t, s.Schemes, code)
	}
}

func elevenTimes(k signtest.Key) (out []signtest.Signer) {
	for range 11 {
		out = append(out, signtest.Signer{Key: k})
	}
	return out
}

func TestFirstBlockOfAnIDCounts(t *testing.T) {
	t.Parallel()
	a, b := signtest.NewKey(t, "a"), signtest.NewKey(t, "b")
	data := signtest.Sign(t, unsigned(t), v2(signtest.Signer{Key: a}), v2(signtest.Signer{Key: b}))
	s := inspectBytes(t, data, apk.Options{}).Signature
	require.True(t, s.Verified)
	require.Len(t, s.Signers, 1)
	require.Equal(t, "CN=a", s.Signers[0].Subject)
}

func TestSeveralV2SignersVerifyTogether(t *testing.T) {
	t.Parallel()
	a, b := signtest.NewKey(t, "a"), signtest.NewKey(t, "b")
	s := inspectBytes(t, signtest.Sign(t, unsigned(t), v2(signtest.Signer{Key: a}, signtest.Signer{Key: b})), apk.Options{}).Signature
	require.True(t, s.Verified)
	require.Len(t, s.Signers, 2)
}

func TestEmptyRangeOfPlatformsVerifiesNothing(t *testing.T) {
	t.Parallel()
	s := inspectBytes(t, signtest.Sign(t, unsigned(t), v2(signtest.Signer{Key: signtest.NewKey(t, "a")})), apk.Options{MaxSDK: 20}).Signature
	require.False(t, s.Verified)
	require.Contains(t, errorCodes(s), "sdk_range_empty")
}

func TestStampThatIsNotWholeFails(t *testing.T) {
	t.Parallel()
	signer := v2(signtest.Signer{Key: signtest.NewKey(t, "a")})
	stamped := build(t, manifest().End().Bytes(), file{"stamp-cert-sha256", make([]byte, 32)})
	for code, data := range map[string][]byte{
		"source_stamp_signature_block_without_cert_digest": signtest.Sign(t, unsigned(t), signer, signtest.Block{ID: 0x6dff800d, Raw: []byte{}}),
		"source_stamp_sig_missing":                         signtest.Sign(t, stamped, signer),
		"source_stamp_malformed_signature":                 signtest.Sign(t, stamped, signer, signtest.Block{ID: 0x6dff800d, Raw: []byte{1}}),
	} {
		s := inspectBytes(t, data, apk.Options{MinSDK: 24}).Signature
		require.True(t, s.Verified)
		require.Equal(t, "failed", s.SourceStamp)
		require.Equal(t, code, s.SourceStampErrors[0].Code)
		require.Nil(t, s.SourceStampSigner)
	}
}

func TestOversizedSigningBlockIsALimit(t *testing.T) {
	t.Parallel()
	data := signtest.Sign(t, unsigned(t), signtest.Block{ID: 1, Raw: make([]byte, 1000)})
	_, err := apk.Inspect(bytes.NewReader(data), int64(len(data)), apk.Options{Limits: apk.Limits{SigningBlockBytes: 100}})
	require.ErrorIs(t, err, apk.ErrLimit)
}

func FuzzSigningBlock(f *testing.F) {
	k := signtest.NewKey(f, "seed")
	plain := unsigned(f)
	for i, signed := range [][]byte{
		signtest.Sign(f, plain, v2(signtest.Signer{Key: k})),
		signtest.Sign(f, plain, v3(signtest.Signer{Key: k, MinSDK: 24, MaxSDK: math.MaxInt32, Attributes: [][]byte{signtest.Lineage(f, k)}})),
	} {
		dir := binary.LittleEndian.Uint32(signed[len(signed)-6:])
		begin := binary.LittleEndian.Uint32(plain[len(plain)-6:])
		f.Add(signed[begin+20:dir-24], i == 1)
	}
	f.Fuzz(func(t *testing.T, block []byte, third bool) {
		id := uint32(signtest.V2)
		if third {
			id = signtest.V3
		}
		data := signtest.Sign(t, plain, signtest.Block{ID: id, Raw: append([]byte{}, block...)})
		inspectBytes(t, data, apk.Options{MinSDK: 28})
	})
}

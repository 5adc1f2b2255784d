package apk_test

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/internal/signtest"
)

const (
	stampBlock   = 0x6dff800d
	stampTime    = 0xe43c5946
	stampLineage = 0x9d6303f7
)

// stamped is a package signed by one key and stamped by others: whose certificate it names, and who made the block.
func stamped(t testing.TB, named signtest.Key, block func(contentDigest []byte) []byte) apk.Signature {
	t.Helper()
	sum := sha256.Sum256(named.Cert)
	plain := build(t, appManifest, file{"stamp-cert-sha256", sum[:]})
	data := signtest.Sign(t, plain, v2(signtest.Signer{Key: signtest.NewKey(t, "signer")}), signtest.Block{ID: stampBlock, Raw: block(contentDigest(t, plain))})
	return inspectBytes(t, data, apk.Options{MinSDK: 24}).Signature
}

func at(seconds uint64) []byte {
	return binary.LittleEndian.AppendUint64(signtest.U32(stampTime), seconds)
}

func TestStampVerifiesWithItsTimeAndHistory(t *testing.T) {
	t.Parallel()
	old, k := signtest.NewKey(t, "old store"), signtest.NewKey(t, "store")
	proof := append(signtest.U32(stampLineage), signtest.Lineage(t, old, k)[4:]...)
	s := stamped(t, k, func(d []byte) []byte { return signtest.Stamp(t, k, d, at(1_700_000_000), proof) })
	require.Equal(t, "verified", s.SourceStamp, "%v", s.SourceStampErrors)
	require.Equal(t, "CN=store", s.SourceStampSigner.Subject)
	require.Equal(t, time.Unix(1_700_000_000, 0).UTC(), s.SourceStampTime)
	require.True(t, s.Verified)
	require.Len(t, s.Signers, 1)
}

func TestEveryFaultOfAStampHasItsCodeAndLeavesTheVerdictAlone(t *testing.T) {
	t.Parallel()
	k, other := signtest.NewKey(t, "store"), signtest.NewKey(t, "other")
	proof := func(keys ...signtest.Key) []byte {
		return append(signtest.U32(stampLineage), signtest.Lineage(t, keys...)[4:]...)
	}
	broken := proof(other, k)
	broken[len(broken)-1] ^= 1
	for want, block := range map[string]func(d []byte) []byte{
		"source_stamp_did_not_verify":                                       func(d []byte) []byte { return signtest.Stamp(t, k, d[1:]) },
		"source_stamp_certificate_mismatch_between_signature_block_and_apk": func(d []byte) []byte { return signtest.Stamp(t, other, d) },
		"source_stamp_malformed_certificate":                                func([]byte) []byte { return signtest.Prefixed(signtest.Prefixed(nil)) },
		"source_stamp_malformed_signature":                                  func(d []byte) []byte { return signtest.Stamp(t, k, d)[:100] },
		"source_stamp_no_signature": func([]byte) []byte {
			return signtest.Prefixed(signtest.Prefixed(k.Cert, nil, nil, nil))
		},
		"source_stamp_invalid_timestamp":   func(d []byte) []byte { return signtest.Stamp(t, k, d, at(0)) },
		"source_stamp_malformed_attribute": func(d []byte) []byte { return signtest.Stamp(t, k, d, at(1)[:9]) },
		"source_stamp_por_cert_mismatch":   func(d []byte) []byte { return signtest.Stamp(t, k, d, proof(k, other)) },
		"source_stamp_por_did_not_verify":  func(d []byte) []byte { return signtest.Stamp(t, k, d, broken) },
		"source_stamp_malformed_lineage":   func(d []byte) []byte { return signtest.Stamp(t, k, d, signtest.U32(stampLineage)) },
	} {
		s := stamped(t, k, block)
		require.Equal(t, "failed", s.SourceStamp, want)
		require.Equal(t, want, s.SourceStampErrors[0].Code)
		require.Nil(t, s.SourceStampSigner)
		require.Zero(t, s.SourceStampTime)
		require.True(t, s.Verified)
	}
}

func FuzzStamp(f *testing.F) {
	k := signtest.NewKey(f, "store")
	f.Add(signtest.Stamp(f, k, make([]byte, sha256.Size), at(1)))
	f.Fuzz(func(t *testing.T, block []byte) {
		if stamped(t, k, func([]byte) []byte { return append([]byte{}, block...) }).SourceStamp == "verified" {
			t.Fatal("a stamp of another package verifies")
		}
	})
}

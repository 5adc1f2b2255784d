package activation_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
)

func keys(t *testing.T, secret byte) activation.Keys {
	t.Helper()
	k, err := activation.NewKeys(bytes.Repeat([]byte{secret}, 32))
	require.NoError(t, err)
	return k
}

func TestASecretHasAtLeast32Bytes(t *testing.T) {
	t.Parallel()
	_, err := activation.NewKeys(make([]byte, 31))
	require.ErrorIs(t, err, atlas.ErrInvalid)
}

func TestALookupIsThatOfTheCodeHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	k, code := keys(t, 1), generated(t, 1, "ACME")
	want, err := k.Lookup(code)
	require.NoError(t, err)
	require.Len(t, want, 32)
	got, err := k.Lookup(" " + strings.ToLower(code))
	require.NoError(t, err)
	require.Equal(t, want, got)
	other, err := keys(t, 2).Lookup(code)
	require.NoError(t, err)
	require.NotEqual(t, want, other, "under another secret")
	other, err = k.Lookup(generated(t, 2, "ACME"))
	require.NoError(t, err)
	require.NotEqual(t, want, other, "of another code")
	_, err = k.Lookup(code + "2")
	require.ErrorIs(t, err, atlas.ErrInvalid)
}

// Stored lookups must be found by every later version. The value was computed
// apart: HMAC-SHA-256 under the HKDF of the secret (RFC 5869, no salt).
func TestTheLookupOfACodeNeverChanges(t *testing.T) {
	t.Parallel()
	got, err := keys(t, 1).Lookup("ACME-FFW3-K5JW-KYHR-BMTM")
	require.NoError(t, err)
	require.Equal(t, "012e25aaf506961f913892e1ef04c5a9e998d5346e472a9d34144f00b1e9005f", hex.EncodeToString(got))
}

func TestASealedCodeOpensInItsOwnRowOnly(t *testing.T) {
	t.Parallel()
	k := keys(t, 1)
	sealed := k.Seal("id", "the code")
	text, err := k.Open("id", sealed)
	require.NoError(t, err)
	require.Equal(t, "the code", text)
	require.NotContains(t, string(sealed), "code")
	require.NotEqual(t, sealed, k.Seal("id", "the code"), "equal codes don't show")

	refused := func(k activation.Keys, id string, sealed []byte) {
		t.Helper()
		text, err := k.Open(id, sealed)
		require.ErrorIs(t, err, atlas.ErrRefused)
		require.Empty(t, text)
	}
	refused(k, "other", sealed)
	refused(keys(t, 2), "id", sealed)
	refused(k, "id", nil)
	refused(k, "id", sealed[:len(sealed)-1])
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		refused(k, "id", changed)
	}
}

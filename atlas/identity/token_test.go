package identity_test

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
)

func TestASessionTokenHashesToWhatIsStored(t *testing.T) {
	t.Parallel()
	token, stored, err := identity.NewToken(rand.Reader)
	require.NoError(t, err)
	require.Regexp(t, `^atls_[A-Za-z0-9_-]{43}$`, token)
	require.Len(t, stored, sha256.Size)
	hash, err := identity.HashToken(token)
	require.NoError(t, err)
	require.True(t, identity.SameHash(stored, hash))
}

func TestAnAPITokenNamesItsRecordAndHashesToWhatIsStored(t *testing.T) {
	t.Parallel()
	token, id, stored, err := identity.NewAPIToken(rand.Reader)
	require.NoError(t, err)
	require.Regexp(t, `^atl_live_[2-9A-Z]{8}_[A-Za-z0-9_-]{43}_[0-9A-Za-z]{6}$`, token)
	found, hash, err := identity.ParseAPIToken(token)
	require.NoError(t, err)
	require.Equal(t, id, found)
	require.True(t, identity.SameHash(stored, hash))
}

func TestTheFormatsNeverChange(t *testing.T) {
	t.Parallel()
	zeros := func() *strings.Reader { return strings.NewReader(strings.Repeat("\x00", 100)) }
	session, _, err := identity.NewToken(zeros())
	require.NoError(t, err)
	require.Equal(t, "atls_"+strings.Repeat("A", 43), session)
	key, id, _, err := identity.NewAPIToken(zeros())
	require.NoError(t, err)
	require.Equal(t, "22222222", id)
	require.Equal(t, crcOfZeros, key)
}

// Computed by another program, zlib's crc32 in base 62.
const crcOfZeros = "atl_live_22222222_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_2ouDKg"

func TestWhatIsNotATokenIsRefusedWithoutAReason(t *testing.T) {
	t.Parallel()
	session, _, err := identity.NewToken(rand.Reader)
	require.NoError(t, err)
	key, _, _, err := identity.NewAPIToken(rand.Reader)
	require.NoError(t, err)
	for _, bad := range []string{
		"", "atls_", session[:len(session)-1], session + "A", " " + session, session + "\n", "ATLS_" + session[5:],
		"atls_" + strings.Repeat("A", 42) + "\n", "atls_" + strings.Repeat("A", 42) + "B", "atls_" + strings.Repeat("A", 42) + "=", key,
	} {
		_, err := identity.HashToken(bad)
		require.Equal(t, identity.ErrToken, err, "%q", bad)
	}
	for _, bad := range []string{
		"", "atl_live_", key[:len(key)-1], key + "0", " " + key, strings.Replace(key, "live", "test", 1),
		strings.ToLower(key), session,
	} {
		_, _, err := identity.ParseAPIToken(bad)
		require.Equal(t, identity.ErrToken, err, "%q", bad)
	}
	require.ErrorIs(t, identity.ErrToken, atlas.ErrUnauthenticated)
}

func TestAMistypedAPITokenFailsItsChecksum(t *testing.T) {
	t.Parallel()
	token, _, _, err := identity.NewAPIToken(rand.Reader)
	require.NoError(t, err)
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		_, _, err := identity.ParseAPIToken(string(changed))
		require.Error(t, err, "character %d", i)
	}
}

func TestHashesThatAreNoneAreNeverTheSame(t *testing.T) {
	t.Parallel()
	a, b := make([]byte, 32), make([]byte, 32)
	require.True(t, identity.SameHash(a, b))
	b[31] = 1
	require.False(t, identity.SameHash(a, b))
	require.False(t, identity.SameHash(nil, nil))
	require.False(t, identity.SameHash(a, nil))
	require.False(t, identity.SameHash(a[:31], b[:31]))
}

func TestAFailingRandomSourceGivesNoToken(t *testing.T) {
	t.Parallel()
	broken := iotest.ErrReader(iotest.ErrTimeout)
	_, _, err := identity.NewToken(broken)
	require.ErrorIs(t, err, iotest.ErrTimeout)
	_, _, _, err = identity.NewAPIToken(broken)
	require.ErrorIs(t, err, iotest.ErrTimeout)
}

func FuzzParseAPIToken(f *testing.F) {
	token, _, _, err := identity.NewAPIToken(rand.Reader)
	require.NoError(f, err)
	f.Add(token)
	f.Fuzz(func(t *testing.T, token string) {
		id, hash, err := identity.ParseAPIToken(token)
		if err != nil {
			return
		}
		want := sha256.Sum256([]byte(token))
		require.Equal(t, want[:], hash)
		require.True(t, strings.HasPrefix(token, "atl_live_"+id+"_"))
	})
}

package lease

import (
	"crypto/ed25519"
	"testing"

	"github.com/stretchr/testify/require"
)

// The key of RFC 8037, appendix A.1.
func rfc8037(t *testing.T) *Signer {
	t.Helper()
	seed, ok := decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	require.True(t, ok)
	s, err := NewSigner(ed25519.NewKeyFromSeed(seed))
	require.NoError(t, err)
	return s
}

func TestRFC8037AppendixA3Thumbprint(t *testing.T) {
	t.Parallel()
	require.Equal(t, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", rfc8037(t).KeyID())
}

func TestRFC8037AppendixA4Signature(t *testing.T) {
	t.Parallel()
	token, err := rfc8037(t).compact([]byte(`{"alg":"EdDSA"}`), []byte("Example of Ed25519 signing"))
	require.NoError(t, err)
	require.Equal(t, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."+
		"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg", token)
}

package sealed_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
)

func TestTheLogIsNamedAfterItsOrigin(t *testing.T) {
	t.Parallel()
	for origin, name := range map[string]string{
		"atlas":                                           "atlas",
		"https://mdm.example.com":                         "mdm.example.com",
		"https://mdm.example.com/":                        "mdm.example.com",
		"https://MDM.example.com:8443/Tenant/":            "mdm.example.com:8443/Tenant",
		"https://user:secret@mdm.example.com/a?token=1#x": "mdm.example.com/a",
		"https://mdm.example.com/a b+c":                   "mdm.example.com/a%20b%2Bc",
		"our fleet+1":                                     "our%20fleet%2B1",
		"line\nbreak\u2028\u00a0":                         "line%0Abreak%E2%80%A8%C2%A0",
		"Gerätepark":                                      "Gerätepark",
		"\xff":                                            "%FF",
	} {
		s, err := sealed.NewSigner(origin, make([]byte, 32))
		require.NoError(t, err, "%q", origin)
		got, _, _ := strings.Cut(s.Verifier(), "+")
		require.Equal(t, name, got, "%q", origin)
		l := sealedLog(t, s, 2)
		report, err := sealed.VerifyExport(strings.NewReader(export(t, l)), s.Verifier())
		require.NoError(t, err, "%q", origin)
		require.Equal(t, name, report.Origin)
	}
}

func TestOriginsWithoutAUsableNameAreRefused(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"", "https://", "https:///path", "https://a b/", strings.Repeat("a", 256), strings.Repeat("+", 100)} {
		_, err := sealed.NewSigner(origin, make([]byte, 32))
		require.ErrorIs(t, err, atlas.ErrInvalid, "%q", origin)
	}
}

func TestSeedsOfAnotherLengthAreRefused(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 31, 33, 64} {
		_, err := sealed.NewSigner("atlas", make([]byte, n))
		require.ErrorIs(t, err, atlas.ErrInvalid)
	}
}

func TestTheVerifierIsTheSeedsPublicKey(t *testing.T) {
	t.Parallel()
	seed := bytes.Repeat([]byte{7}, 32)
	s, err := sealed.NewSigner("atlas", seed)
	require.NoError(t, err)
	want, err := note.NewEd25519VerifierKey("atlas", ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	require.NoError(t, err)
	require.Equal(t, want, s.Verifier())
}

// signed returns text signed with the key of newSigner.
func signed(t *testing.T, text string) string {
	t.Helper()
	key := newSigner(t).Verifier()
	parts := strings.SplitN(key, "+", 3)
	seed := base64.StdEncoding.EncodeToString(append([]byte{1}, bytes.Repeat([]byte{1}, 32)...))
	s, err := note.NewSigner("PRIVATE+KEY+" + parts[0] + "+" + parts[1] + "+" + seed)
	require.NoError(t, err)
	msg, err := note.Sign(&note.Note{Text: text}, s)
	require.NoError(t, err)
	return string(msg)
}

func TestOnlyTheOneFormOfACheckpointIsRead(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	p, err := sealed.Prove(t.Context(), sealedLog(t, s, 1), 0)
	require.NoError(t, err)
	hash := tlog.RecordHash(p.Leaf)
	root := hash.String()
	// The last character before the padding carries two bits of nothing.
	loose := root[:42] + string(root[42]+1) + "="
	good := fmt.Sprintf("mdm.example.com\n1\n%s\n", root)
	p.Checkpoint = signed(t, good)
	require.NoError(t, p.Verify(s.Verifier()))
	for name, text := range map[string]string{
		"another origin":     fmt.Sprintf("other.example.com\n1\n%s\n", root),
		"an extension line":  good + "more\n",
		"a line less":        "mdm.example.com\n1\n",
		"a leading zero":     fmt.Sprintf("mdm.example.com\n01\n%s\n", root),
		"a plus sign":        fmt.Sprintf("mdm.example.com\n+1\n%s\n", root),
		"no events":          fmt.Sprintf("mdm.example.com\n0\n%s\n", root),
		"a negative size":    fmt.Sprintf("mdm.example.com\n-1\n%s\n", root),
		"a size beyond all":  fmt.Sprintf("mdm.example.com\n9223372036854775807\n%s\n", root),
		"a short root":       "mdm.example.com\n1\nAAAA\n",
		"loose bits in root": fmt.Sprintf("mdm.example.com\n1\n%s\n", loose),
	} {
		p.Checkpoint = signed(t, text)
		require.ErrorIs(t, p.Verify(s.Verifier()), sealed.ErrSignature, name)
	}
	p.Checkpoint = signed(t, good) + strings.Repeat("— witness.example.com "+strings.Repeat("AAAA", 200)+"\n", 50)
	require.ErrorIs(t, p.Verify(s.Verifier()), sealed.ErrSignature, "a note without end")
}

func TestAWitnessMaySignBeside(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	p, err := sealed.Prove(t.Context(), sealedLog(t, s, 3), 1)
	require.NoError(t, err)
	p.Checkpoint += "— witness.example.com AAAAAAAAAAAA\n"
	require.NoError(t, p.Verify(s.Verifier()))
}

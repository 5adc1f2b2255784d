package sealed

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// maxName is the most bytes the name of a log may have.
const maxName = 255

// Signer signs the checkpoints of one log.
type Signer struct {
	signer   note.Signer
	verifier note.Verifier
	key      string
}

// NewSigner returns the signer of the log that origin names, with the Ed25519
// key of the 32-byte seed. The seed is a secret; the same origin and seed give
// the same signer.
//
// The log's name is made of origin: of a URL its host, in lower case, and
// path ("https://mdm.example.com/" becomes "mdm.example.com"), as C2SP
// recommends; other text stays as it is. Spaces, '+' and what can't be
// printed are percent-encoded, because notes don't allow them. NewSigner
// returns an ErrInvalid if no name of 1 to 255 bytes comes out of it.
func NewSigner(origin string, seed []byte) (*Signer, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, atlas.Invalid("seed", "must have %d bytes", ed25519.SeedSize)
	}
	name, err := logName(origin)
	if err != nil {
		return nil, err
	}
	pub := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	key, err := note.NewEd25519VerifierKey(name, pub)
	if err != nil {
		return nil, fmt.Errorf("sealed: verifier key of %q: %w", name, err)
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("sealed: verifier key of %q: %w", name, err)
	}
	// The note package takes private keys as text: the byte 1 (Ed25519) and
	// the seed, under the public key's hash.
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, seed...))
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, verifier.KeyHash(), secret))
	if err != nil {
		return nil, fmt.Errorf("sealed: signing key of %q: %w", name, err)
	}
	return &Signer{signer: signer, verifier: verifier, key: key}, nil
}

// Verifier returns the log's public key as a note verifier key,
// "name+hash+base64". Publish it apart from the log.
func (s *Signer) Verifier() string { return s.key }

// logName makes a legal note name of an origin.
func logName(origin string) (string, error) {
	if strings.Contains(origin, "://") {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" {
			return "", atlas.Invalid("origin", "is not a usable URL")
		}
		// Only host and path: a password or token in the URL must not get
		// into every checkpoint.
		origin = strings.ToLower(u.Host) + strings.TrimRight(u.EscapedPath(), "/")
	}
	name := legalName(origin)
	if name == "" || len(name) > maxName {
		return "", atlas.Invalid("origin", "must make a name of 1 to %d bytes", maxName)
	}
	return name, nil
}

// legalName percent-encodes the bytes that a note name can't have.
func legalName(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == ' ' || r == '+' || r == utf8.RuneError || !unicode.IsPrint(r) {
			for _, c := range []byte(s[:size]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

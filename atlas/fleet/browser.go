package fleet

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// browsers signs and checks the tokens by which a browser is known to an
// account that signed in from it: a random name and its MAC with the username.
type browsers struct{ key []byte }

// token returns what the browser is to keep after in succeeded.
func (b browsers) token(in Login) string {
	if in.known != "" {
		return in.Browser
	}
	name := rand.Text()
	return name + "." + b.mac(in.Username, name)
}

// verify returns the name in a token that was made for the username, or "".
func (b browsers) verify(username, token string) string {
	name, mac, _ := strings.Cut(token, ".")
	if name == "" || !hmac.Equal([]byte(mac), []byte(b.mac(username, name))) {
		return ""
	}
	return name
}

func (b browsers) mac(username, name string) string {
	h := hmac.New(sha256.New, b.key)
	folded := atlas.FoldUsername(username)
	fmt.Fprintf(h, "%d:%s%s", len(folded), folded, name)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

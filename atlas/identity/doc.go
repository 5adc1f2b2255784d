// Package identity has the records and rules of who may come in: passwords,
// sessions, API keys and the defence of the login. It is pure: it keeps
// nothing, reads no clock, and hashes no passwords; hashing is in
// atlas/identity/password and storage in package store.
//
// Secrets are given out once. What is stored of a session token or an API key
// is its SHA-256, which suffices because a token is 256 random bits; what is
// stored of a password is an argon2id hash.
package identity

import (
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
)

var (
	// ErrToken is the ErrUnauthenticated of a text that can't be a token of
	// this system. It says the same for every reason.
	ErrToken = fmt.Errorf("identity: not a token (%w)", atlas.ErrUnauthenticated)
	// ErrThrottled is the ErrLimited of a login that has to wait. Errors of
	// this kind are a [*ThrottleError].
	ErrThrottled = fmt.Errorf("identity: too many failed logins (%w)", atlas.ErrLimited)
)

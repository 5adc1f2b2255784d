package identity

import (
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Credential is the password of one account.
type Credential struct {
	ID        atlas.AccountID `data:"account.ref"`    // the account
	Hash      string          `data:"account.secret"` // PHC string
	ChangedAt time.Time       `data:"session"`
	Version   int64           `data:"none"`
}

// Change returns the credential with a new password's hash, set at now.
func (c Credential) Change(hash string, now time.Time) Credential {
	c.Hash, c.ChangedAt = hash, now
	return c
}

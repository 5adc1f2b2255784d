package identity

import (
	"slices"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// APIKey lets a program act as an account, within scopes.
type APIKey struct {
	ID         string          `data:"none"` // the public part of the token; unique
	AccountID  atlas.AccountID `data:"account.ref"`
	Name       string          `data:"session"`        // what its owner calls it
	Hash       []byte          `data:"account.secret"` // of the token
	Scopes     []string        `data:"none"`           // none: the key allows nothing
	ExpiresAt  time.Time       `data:"session"`        // zero: no end
	CreatedAt  time.Time       `data:"session"`
	LastUsedAt time.Time       `data:"session"` // to the hour
	RevokedAt  time.Time       `data:"session"` // zero: not revoked; may lie ahead, so that a rotation overlaps
	Version    int64           `data:"none"`
}

// Live reports whether the key counts at now.
func (k APIKey) Live(now time.Time) bool {
	return !ended(k.ExpiresAt, now) && !ended(k.RevokedAt, now)
}

func ended(end, now time.Time) bool { return !end.IsZero() && !now.Before(end) }

// Allows reports whether the key has the scope, by its exact name.
func (k APIKey) Allows(scope string) bool { return slices.Contains(k.Scopes, scope) }

// Revoke returns the key as it counts until at. A key that is revoked
// already is never given more time.
func (k APIKey) Revoke(at time.Time) APIKey {
	if k.RevokedAt.IsZero() || at.Before(k.RevokedAt) {
		k.RevokedAt = at
	}
	return k
}

// Touch returns the key after it was used at now, and whether that is worth
// storing: LastUsedAt is coarse on purpose.
func (k APIKey) Touch(now time.Time) (APIKey, bool) {
	if now.Sub(k.LastUsedAt) < time.Hour {
		return k, false
	}
	k.LastUsedAt = now
	return k, true
}

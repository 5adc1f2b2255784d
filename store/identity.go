package store

import (
	"context"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
)

// Identity keeps how accounts prove who they are.
type Identity interface {
	// Credential returns the account's password hash, or ErrNotFound.
	Credential(ctx context.Context, id atlas.AccountID) (identity.Credential, error)
	// PutCredential writes c and adds one to its Version. It returns ErrStale
	// unless c.Version is the stored one; 0 stands for none stored.
	PutCredential(ctx context.Context, c identity.Credential) error

	// Session returns the session with that TokenHash, or ErrNotFound.
	Session(ctx context.Context, tokenHash []byte) (identity.Session, error)
	// InsertSession adds s with Version 1, or returns ErrExists if its ID or
	// TokenHash is taken.
	InsertSession(ctx context.Context, s identity.Session) error
	// SaveSession writes s and adds one to its Version. It returns ErrStale
	// unless s.Version is the stored one.
	SaveSession(ctx context.Context, s identity.Session) error
	// Sessions returns the sessions of an account, newest first.
	Sessions(ctx context.Context, id atlas.AccountID) ([]identity.Session, error)
	// DeleteSession removes the session id; of an unknown id it is no error.
	DeleteSession(ctx context.Context, id string) error
	// DeleteSessions removes all sessions of an account but the one named
	// except, and returns how many there were.
	DeleteSessions(ctx context.Context, id atlas.AccountID, except string) (int64, error)

	// APIKey returns the API key id, or ErrNotFound.
	APIKey(ctx context.Context, id string) (identity.APIKey, error)
	// InsertAPIKey adds k with Version 1, or returns ErrExists.
	InsertAPIKey(ctx context.Context, k identity.APIKey) error
	// SaveAPIKey writes k and adds one to its Version. It returns ErrStale
	// unless k.Version is the stored one.
	SaveAPIKey(ctx context.Context, k identity.APIKey) error
	// APIKeys returns the API keys of an account, newest first.
	APIKeys(ctx context.Context, id atlas.AccountID) ([]identity.APIKey, error)

	// Attempts returns the count of failures under that ID, or ErrNotFound.
	Attempts(ctx context.Context, id string) (identity.Attempts, error)
	// PutAttempts writes a and adds one to its Version. It returns ErrStale
	// unless a.Version is the stored one; 0 stands for none stored.
	PutAttempts(ctx context.Context, a identity.Attempts) error
	// ForgetAttempts removes at most limit counts whose Last is before t.
	ForgetAttempts(ctx context.Context, t time.Time, limit int) (int64, error)
}

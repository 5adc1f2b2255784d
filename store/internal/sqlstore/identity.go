package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
)

var (
	credentialTable = tableOf[identity.Credential]("atlas_credentials")
	sessionTable    = tableOf[identity.Session]("atlas_sessions")
	apiKeyTable     = tableOf[identity.APIKey]("atlas_api_keys")
	attemptsTable   = tableOf[identity.Attempts]("atlas_attempts")
)

type keys struct{ *tx }

func (s keys) Credential(ctx context.Context, id atlas.AccountID) (identity.Credential, error) {
	return credentialTable.get(ctx, s.tx, "id = ?", id)
}

func (s keys) PutCredential(ctx context.Context, c identity.Credential) error {
	return credentialTable.put(ctx, s.tx, c)
}

func (s keys) Session(ctx context.Context, tokenHash []byte) (identity.Session, error) {
	return sessionTable.get(ctx, s.tx, "token_hash = ?", tokenHash)
}

func (s keys) InsertSession(ctx context.Context, v identity.Session) error {
	return sessionTable.insert(ctx, s.tx, v)
}

func (s keys) SaveSession(ctx context.Context, v identity.Session) error {
	return sessionTable.save(ctx, s.tx, v)
}

func (s keys) Sessions(ctx context.Context, id atlas.AccountID) ([]identity.Session, error) {
	return sessionTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("account_id = ?", id).Order("id DESC")
	})
}

func (s keys) DeleteSession(ctx context.Context, id string) error {
	_, err := s.write(ctx, "DELETE FROM atlas_sessions WHERE id = ?", id)
	return err
}

func (s keys) DeleteSessions(ctx context.Context, id atlas.AccountID, except string) (int64, error) {
	return s.write(ctx, "DELETE FROM atlas_sessions WHERE account_id = ? AND id <> ?", id, except)
}

func (s keys) APIKey(ctx context.Context, id string) (identity.APIKey, error) {
	return apiKeyTable.get(ctx, s.tx, "id = ?", id)
}

func (s keys) InsertAPIKey(ctx context.Context, k identity.APIKey) error {
	return apiKeyTable.insert(ctx, s.tx, k)
}

func (s keys) SaveAPIKey(ctx context.Context, k identity.APIKey) error {
	return apiKeyTable.save(ctx, s.tx, k)
}

func (s keys) APIKeys(ctx context.Context, id atlas.AccountID) ([]identity.APIKey, error) {
	return apiKeyTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("account_id = ?", id).Order("id DESC")
	})
}

func (s keys) Attempts(ctx context.Context, id string) (identity.Attempts, error) {
	return attemptsTable.get(ctx, s.tx, "id = ?", id)
}

func (s keys) PutAttempts(ctx context.Context, a identity.Attempts) error {
	return attemptsTable.put(ctx, s.tx, a)
}

func (s keys) ForgetAttempts(ctx context.Context, t time.Time, limit int) (int64, error) {
	return s.forget(ctx, attemptsTable.name, "last", t, limit)
}

// forget deletes at most limit rows whose column is before t, oldest first.
func (x *tx) forget(ctx context.Context, name, column string, t time.Time, limit int) (int64, error) {
	return x.write(ctx, "DELETE FROM ?0 WHERE id IN (SELECT id FROM ?0 WHERE ?1 < ?2 ORDER BY ?1, id LIMIT ?3)",
		bun.Ident(name), bun.Ident(column), t, max(limit, 0))
}

package memory

import (
	"context"
	"slices"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
)

// The indexes of sessions, API keys and attempts.
const (
	sessionByToken = iota
	sessionByAccount
)

const (
	apiKeyByAccount = 0
	attemptsByLast  = 0
)

func credentialTable() table[identity.Credential] {
	return newTable(kind[identity.Credential]{
		id:      func(c *identity.Credential) string { return string(c.ID) },
		version: func(c *identity.Credential) *int64 { return &c.Version },
	})
}

func sessionTable() table[identity.Session] {
	return newTable(kind[identity.Session]{
		id:      func(s *identity.Session) string { return s.ID },
		version: func(s *identity.Session) *int64 { return &s.Version },
		indexes: []index[identity.Session]{
			sessionByToken:   func(s *identity.Session) []string { return only(string(s.TokenHash)) },
			sessionByAccount: func(s *identity.Session) []string { return only(joined(s.AccountID, s.ID)) },
		},
	})
}

func apiKeyTable() table[identity.APIKey] {
	return newTable(kind[identity.APIKey]{
		id:      func(k *identity.APIKey) string { return k.ID },
		version: func(k *identity.APIKey) *int64 { return &k.Version },
		indexes: []index[identity.APIKey]{
			apiKeyByAccount: func(k *identity.APIKey) []string { return only(joined(k.AccountID, k.ID)) },
		},
	})
}

func attemptsTable() table[identity.Attempts] {
	return newTable(kind[identity.Attempts]{
		id:      func(a *identity.Attempts) string { return a.ID },
		version: func(a *identity.Attempts) *int64 { return &a.Version },
		indexes: []index[identity.Attempts]{
			attemptsByLast: func(a *identity.Attempts) []string { return only(moment(a.Last) + a.ID) },
		},
	})
}

type identities struct{ *tx }

func (i identities) Credential(ctx context.Context, id atlas.AccountID) (identity.Credential, error) {
	return get(ctx, i.tx, "identity.Credential", &i.credentials, string(id))
}

func (i identities) PutCredential(ctx context.Context, c identity.Credential) error {
	return upsert(ctx, i.tx, "identity.PutCredential", &i.credentials, c)
}

func (i identities) Session(ctx context.Context, tokenHash []byte) (identity.Session, error) {
	return lookup(ctx, i.tx, "identity.Session", &i.sessions, sessionByToken, string(tokenHash))
}

func (i identities) InsertSession(ctx context.Context, s identity.Session) error {
	return insert(ctx, i.tx, "identity.InsertSession", &i.sessions, s)
}

func (i identities) SaveSession(ctx context.Context, s identity.Session) error {
	return save(ctx, i.tx, "identity.SaveSession", &i.sessions, s)
}

func (i identities) Sessions(ctx context.Context, id atlas.AccountID) ([]identity.Session, error) {
	if err := i.read(ctx, "identity.Sessions"); err != nil {
		return nil, err
	}
	out := i.sessions.all(i.sessions.sharing(sessionByAccount, string(id)))
	slices.Reverse(out)
	return out, nil
}

func (i identities) DeleteSession(ctx context.Context, id string) error {
	if err := i.write(ctx, "identity.DeleteSession"); err != nil {
		return err
	}
	i.sessions.remove(id)
	return nil
}

func (i identities) DeleteSessions(ctx context.Context, id atlas.AccountID, except string) (int64, error) {
	if err := i.write(ctx, "identity.DeleteSessions"); err != nil {
		return 0, err
	}
	ids := i.sessions.ids(i.sessions.rows.Len(), i.sessions.sharing(sessionByAccount, string(id)))
	return i.sessions.remove(slices.DeleteFunc(ids, func(id string) bool { return id == except })...), nil
}

func (i identities) APIKey(ctx context.Context, id string) (identity.APIKey, error) {
	return get(ctx, i.tx, "identity.APIKey", &i.apiKeys, id)
}

func (i identities) InsertAPIKey(ctx context.Context, k identity.APIKey) error {
	return insert(ctx, i.tx, "identity.InsertAPIKey", &i.apiKeys, k)
}

func (i identities) SaveAPIKey(ctx context.Context, k identity.APIKey) error {
	return save(ctx, i.tx, "identity.SaveAPIKey", &i.apiKeys, k)
}

func (i identities) APIKeys(ctx context.Context, id atlas.AccountID) ([]identity.APIKey, error) {
	if err := i.read(ctx, "identity.APIKeys"); err != nil {
		return nil, err
	}
	out := i.apiKeys.all(i.apiKeys.sharing(apiKeyByAccount, string(id)))
	slices.Reverse(out)
	return out, nil
}

func (i identities) Attempts(ctx context.Context, id string) (identity.Attempts, error) {
	return get(ctx, i.tx, "identity.Attempts", &i.attempts, id)
}

func (i identities) PutAttempts(ctx context.Context, a identity.Attempts) error {
	return upsert(ctx, i.tx, "identity.PutAttempts", &i.attempts, a)
}

func (i identities) ForgetAttempts(ctx context.Context, t time.Time, limit int) (int64, error) {
	if err := i.write(ctx, "identity.ForgetAttempts"); err != nil {
		return 0, err
	}
	return i.attempts.remove(i.attempts.ids(limit, i.attempts.between(attemptsByLast, "", moment(t)))...), nil
}

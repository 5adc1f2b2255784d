package identity

import (
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Session is one login of an account. Ending a session deletes its record.
type Session struct {
	ID         string          `data:"session"`
	AccountID  atlas.AccountID `data:"account.ref"`
	TokenHash  []byte          `data:"account.secret"` // of the token; unique
	CreatedAt  time.Time       `data:"session"`
	LastSeenAt time.Time       `data:"session"`
	ExpiresAt  time.Time       `data:"session"` // the end, however busy it is
	IdleUntil  time.Time       `data:"session"` // the end, if it is not used before
	Origin     string          `data:"network"` // address it was opened from
	UserAgent  string          `data:"session"`
	Version    int64           `data:"none"`
}

// Live reports whether the session counts at now.
func (s Session) Live(now time.Time) bool {
	return now.Before(s.ExpiresAt) && now.Before(s.IdleUntil)
}

// SessionPolicy says how long sessions last (ASVS 5.0, 7.3.1 and 7.3.2). The
// zero value has the defaults.
type SessionPolicy struct {
	// Idle is how long a session lasts without use. Default: one hour.
	Idle time.Duration
	// Absolute is how long it lasts at all. Default: 24 hours.
	Absolute time.Duration
}

// touchEvery is how coarse LastSeenAt is, so that a page of ten requests is
// not ten writes.
const touchEvery = time.Minute

// The most characters that are kept of what a client says of itself.
const (
	maxOrigin    = 64
	maxUserAgent = 256
)

// Start returns s, of which ID, AccountID, TokenHash, Origin and UserAgent are
// set, as a session opened at now. What the client says of itself is cleaned
// and cut, for it is hostile text.
func (p SessionPolicy) Start(s Session, now time.Time) Session {
	s.Origin, s.UserAgent = atlas.CleanText(s.Origin, maxOrigin), atlas.CleanText(s.UserAgent, maxUserAgent)
	s.CreatedAt, s.ExpiresAt = now, now.Add(or(p.Absolute, 24*time.Hour))
	return p.seen(s, now)
}

// Touch returns the session after it was used at now, and whether it changed
// enough to be worth storing. A session that is not live never changes, and
// its end never moves past ExpiresAt.
func (p SessionPolicy) Touch(s Session, now time.Time) (Session, bool) {
	if !s.Live(now) || now.Sub(s.LastSeenAt) < touchEvery {
		return s, false
	}
	return p.seen(s, now), true
}

func (p SessionPolicy) seen(s Session, now time.Time) Session {
	s.LastSeenAt, s.IdleUntil = now, now.Add(or(p.Idle, time.Hour))
	if s.IdleUntil.After(s.ExpiresAt) {
		s.IdleUntil = s.ExpiresAt
	}
	return s
}

// or returns d, or the default if d is not positive.
func or(d, byDefault time.Duration) time.Duration {
	if d <= 0 {
		return byDefault
	}
	return d
}

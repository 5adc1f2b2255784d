package identity

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Attempts counts the failed logins of one account, source, or pair of them.
// The zero value with an ID is one that never failed.
type Attempts struct {
	ID       string    `data:"network"` // see [NewLogin]
	Failures int64     `data:"session"` // after decay, as of Last
	First    time.Time `data:"session"`
	Last     time.Time `data:"session"`
	Until    time.Time `data:"session"` // no attempt before
	Version  int64     `data:"none"`
}

// Allowed reports whether an attempt may be made at now.
func (a Attempts) Allowed(now time.Time) bool { return !now.Before(a.Until) }

// Fail returns the count after an attempt failed at now. The delay never gets
// shorter by failing.
func (a Attempts) Fail(now time.Time, r ThrottleRule) Attempts {
	a.Failures = min(a.decayed(now, r), maxFailures) + 1
	if a.Failures == 1 {
		a.First = now
	}
	a.Last = later(a.Last, now)
	a.Until = later(a.Until, now.Add(r.delay(a.Failures)))
	return a
}

// maxFailures keeps the count from ever overflowing.
const maxFailures = 1 << 20

// decayed is the count as it is worth at now: half for each period of decay.
func (a Attempts) decayed(now time.Time, r ThrottleRule) int64 {
	if r.Decay <= 0 || !now.After(a.Last) {
		return a.Failures
	}
	return a.Failures >> uint64(now.Sub(a.Last)/r.Decay)
}

// ThrottleRule makes attempts wait the longer, the more of them failed.
type ThrottleRule struct {
	Free  int64         // failures without any delay
	Base  time.Duration // the delay after the next one; it doubles with each further one
	Max   time.Duration // the longest delay
	Decay time.Duration // time without a failure that halves the count; 0: never
}

func (r ThrottleRule) delay(failures int64) time.Duration {
	if failures <= r.Free {
		return 0
	}
	d := r.Base
	for n := failures - r.Free; n > 1 && d < r.Max; n-- {
		d *= 2
	}
	return min(d, r.Max)
}

// ThrottlePolicy has the rules of the login. A rule that is zero is the
// default one.
type ThrottlePolicy struct {
	// Account slows down guesses at one account from anywhere. The default
	// leaves at most 100 of them a day.
	Account ThrottleRule
	// Source slows down guesses from one network at any account. The default
	// is mild, because many people may share a network.
	Source ThrottleRule
	// Pair slows down guesses from one network at one account, or from one
	// browser known to it.
	Pair ThrottleRule
}

func (p ThrottlePolicy) withDefaults() ThrottlePolicy {
	p.Account = p.Account.or(ThrottleRule{Free: 5, Base: time.Second, Max: 20 * time.Minute, Decay: 2 * time.Hour})
	p.Source = p.Source.or(ThrottleRule{Free: 20, Base: time.Second, Max: time.Minute, Decay: 10 * time.Minute})
	p.Pair = p.Pair.or(ThrottleRule{Free: 5, Base: time.Second, Max: 15 * time.Minute, Decay: 30 * time.Minute})
	return p
}

func (r ThrottleRule) or(byDefault ThrottleRule) ThrottleRule {
	if r == (ThrottleRule{}) {
		return byDefault
	}
	return r
}

// Login is what decides whether a password may be tried. [NewLogin] gives it
// with the IDs set; the caller puts in the counts it has stored under them.
//
// Delays grow but end, and there is no lock that somebody else could put on an
// account (ASVS 5.0, 6.1.1): a browser that logged in to the account before
// is counted on its own, whatever attackers do meanwhile.
type Login struct {
	Account, Source, Pair Attempts
	// Known says that only Pair counts, because the browser is known.
	Known bool
}

// NewLogin returns the counts of a login to username from addr, an IP address
// with or without a port. browser is what names a browser that logged in to
// this very account before, by a signed cookie that the caller verified;
// otherwise it is empty. The IDs hold hashes and not the username, for people
// type their password into the wrong field. An unknown username is counted
// like any other, so that its delays don't tell it apart.
func NewLogin(username, addr, browser string) Login {
	name, source := atlas.FoldUsername(username), SourcePrefix(addr)
	l := Login{
		Account: Attempts{ID: "account:" + digest(name)},
		Source:  Attempts{ID: "source:" + source},
		Pair:    Attempts{ID: "pair:" + digest(name, source)},
	}
	if browser != "" {
		l.Known, l.Pair.ID = true, "browser:"+digest(name, browser)
	}
	return l
}

// Allowed returns a [*ThrottleError] if the login has to wait. Refused
// attempts are not counted, or they would keep the owner waiting as well.
func (l Login) Allowed(now time.Time) error {
	until := l.Pair.Until
	if !l.Known {
		until = later(until, later(l.Account.Until, l.Source.Until))
	}
	if now.Before(until) {
		return &ThrottleError{RetryAfter: until.Sub(now)}
	}
	return nil
}

// Fail returns the counts after the password was wrong.
func (l Login) Fail(now time.Time, p ThrottlePolicy) Login {
	p = p.withDefaults()
	l.Pair = l.Pair.Fail(now, p.Pair)
	if !l.Known {
		l.Account, l.Source = l.Account.Fail(now, p.Account), l.Source.Fail(now, p.Source)
	}
	return l
}

// Succeed returns the counts after the password was right. Only the pair's is
// cleared: the owner's success must not give an attacker elsewhere a new
// start.
func (l Login) Succeed() Login {
	l.Pair = Attempts{ID: l.Pair.ID, Version: l.Pair.Version}
	return l
}

// ThrottleError is the ErrThrottled of one login.
type ThrottleError struct {
	RetryAfter time.Duration // how long it has to wait
}

// Error says how long to wait.
func (e *ThrottleError) Error() string {
	return fmt.Sprintf("%v: wait %s", ErrThrottled, e.RetryAfter.Round(time.Second))
}

// Unwrap returns ErrThrottled.
func (e *ThrottleError) Unwrap() error { return ErrThrottled }

// SourcePrefix returns the network that addr, an IP address with or without a
// port, is counted under: its /24, or its /48 for IPv6. Everything that is
// not an address is counted together, as "unknown".
func SourcePrefix(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		withPort, err := netip.ParseAddrPort(addr)
		if err != nil {
			return "unknown"
		}
		ip = withPort.Addr()
	}
	ip = ip.Unmap().WithZone("")
	bits := 48
	if ip.Is4() {
		bits = 24
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return prefix.String()
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return secrets.EncodeToString(h.Sum(nil))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

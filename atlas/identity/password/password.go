// Package password hashes passwords with argon2id (RFC 9106) into PHC strings
// and verifies them, with a bound on the memory and the time that a flood of
// logins can take.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
)

var (
	// ErrBusy is the ErrLimited of a hash that could not start in time.
	ErrBusy = fmt.Errorf("password: too many hashes at once (%w)", atlas.ErrLimited)
	// ErrHash is the ErrInvalid of a stored hash that is not an argon2id PHC
	// string within the limits.
	ErrHash = fmt.Errorf("password: not an accepted hash (%w)", atlas.ErrInvalid)
	// ErrTooLong is the ErrInvalid of a password longer than
	// [identity.MaxPassword] bytes.
	ErrTooLong = fmt.Errorf("password: more than %d bytes (%w)", identity.MaxPassword, atlas.ErrInvalid)
)

// Options say what a hash costs and how many run at once. The zero value has
// the defaults: t=2, m=19 MiB, p=1, one of the minima of ASVS 5.0 (appendix
// C): some 30 ms on one core.
type Options struct {
	// Time is the number of passes. Default: 2. At most 16.
	Time uint32
	// MemoryKiB is the memory of one hash in KiB. Default: 19456. At most
	// 262144.
	MemoryKiB uint32
	// Parallel is the number of lanes. Default: 1. At most 16.
	Parallel uint8
	// MaxConcurrent is how many hashes of MemoryKiB run at once. Default: 8.
	// A stored hash that needs more memory counts for as many.
	MaxConcurrent int
	// MaxWaiting is how many more may wait their turn, first come first
	// served. Default: eight times MaxConcurrent.
	MaxWaiting int
	// MaxWait is how long one may wait. Default: two seconds.
	MaxWait time.Duration
}

// Strong returns the parameters for the accounts that are worth the most:
// t=1 with 46 MiB, another of those minima, which takes an attacker more memory.
func Strong() Options { return Options{Time: 1, MemoryKiB: 46 << 10} }

// Fast returns parameters for tests. Its hashes protect nothing.
func Fast() Options { return Options{Time: 1, MemoryKiB: 8, MaxConcurrent: 64} }

// Hasher hashes and verifies. It is safe for concurrent use.
type Hasher struct {
	own     params
	memory  *semaphore.Weighted // in KiB
	budget  int64
	waiting atomic.Int64
	o       Options
}

const (
	saltSize = 16
	keySize  = 32
)

// New returns a Hasher, or an ErrInvalid for parameters outside the limits.
func New(o Options) (*Hasher, error) {
	o = o.withDefaults()
	own := params{time: o.Time, memory: o.MemoryKiB, parallel: o.Parallel}
	if err := own.check(); err != nil {
		return nil, err
	}
	if o.MaxConcurrent < 0 || o.MaxWaiting < 0 || o.MaxWait < 0 {
		return nil, atlas.Invalid("options", "must not be negative")
	}
	budget := int64(o.MaxConcurrent) * int64(o.MemoryKiB)
	return &Hasher{own: own, memory: semaphore.NewWeighted(budget), budget: budget, o: o}, nil
}

func (o Options) withDefaults() Options {
	setDefault(&o.Time, 2)
	setDefault(&o.MemoryKiB, 19<<10)
	setDefault(&o.Parallel, 1)
	setDefault(&o.MaxConcurrent, 8)
	setDefault(&o.MaxWaiting, 8*o.MaxConcurrent)
	setDefault(&o.MaxWait, 2*time.Second)
	return o
}

func setDefault[T comparable](v *T, byDefault T) {
	var zero T
	if *v == zero {
		*v = byDefault
	}
}

// Hash returns the PHC string of a password with a random salt. It returns
// ErrTooLong, ErrBusy, or ctx's error; whether a password is good enough is
// for [identity.CheckPassword].
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("password: random source: %w", err)
	}
	key, err := h.derive(ctx, password, hash{params: h.own, salt: salt, key: make([]byte, keySize)})
	if err != nil {
		return "", err
	}
	return hash{params: h.own, salt: salt, key: key}.String(), nil
}

// Verify reports whether phc is the hash of password, and if it is, whether
// it should be replaced by one with the present parameters. It returns
// ErrHash, ErrTooLong, ErrBusy, or ctx's error; ok is false with any of them.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (ok, rehash bool, err error) {
	stored, err := parse(phc)
	if err != nil {
		return false, false, err
	}
	key, err := h.derive(ctx, password, stored)
	if err != nil {
		return false, false, err
	}
	if subtle.ConstantTimeCompare(key, stored.key) != 1 {
		return false, false, nil
	}
	current := stored.params == h.own && len(stored.salt) >= saltSize && len(stored.key) >= keySize
	return true, !current, nil
}

// VerifyNothing takes the time of a Verify with the present parameters. It is
// for a username that does not exist, so that the time of the answer does not
// tell. It fails as Verify does, and otherwise returns nil.
func (h *Hasher) VerifyNothing(ctx context.Context, password string) error {
	_, err := h.derive(ctx, password, hash{params: h.own, salt: make([]byte, saltSize), key: make([]byte, keySize)})
	return err
}

// derive runs argon2id with like's parameters, salt and key length, when
// there is memory for it.
func (h *Hasher) derive(ctx context.Context, password string, like hash) ([]byte, error) {
	if len(password) > identity.MaxPassword {
		return nil, ErrTooLong
	}
	// A hash that needs more than there is runs alone.
	need := min(int64(like.memory), h.budget)
	if err := h.acquire(ctx, need); err != nil {
		return nil, err
	}
	defer h.memory.Release(need)
	return argon2.IDKey([]byte(password), like.salt, like.time, like.memory, like.parallel, uint32(len(like.key))), nil
}

func (h *Hasher) acquire(ctx context.Context, need int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if h.memory.TryAcquire(need) {
		return nil
	}
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > int64(h.o.MaxWaiting) {
		return ErrBusy
	}
	bounded, cancel := context.WithTimeoutCause(ctx, h.o.MaxWait, ErrBusy)
	defer cancel()
	err := h.memory.Acquire(bounded, need)
	if err != nil && errors.Is(context.Cause(bounded), ErrBusy) {
		return ErrBusy
	}
	return err
}

package fleet

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/scan"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/atlas/identity/password"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/blob"
)

// Options are the optional parts of a Service. The zero value is ready for
// use.
type Options struct {
	// Clock is nil for atlas.SystemClock.
	Clock atlas.Clock
	// NewID makes identifiers; nil means atlas.NewID at the time of Clock.
	NewID func() string
	// Random is the source of codes, support ids and tokens; nil means
	// crypto/rand.
	Random io.Reader
	// Policy decides; the zero Policy means atlas.DefaultPolicy.
	Policy *atlas.Policy
	// Kinds are the kinds of command; nil means commands.BuiltIn.
	Kinds commands.Kinds
	// Scanners judge uploads, all of them; nil means the static checks of
	// package scan alone.
	Scanners []scan.Scanner
	// Passwords hashes passwords; nil means password.New with its defaults.
	Passwords *password.Hasher
	// Throttle slows down guessing; the zero value means its defaults.
	Throttle identity.ThrottlePolicy
	// Logger gets what can't be returned to anybody; nil means none.
	Logger *slog.Logger
	// Issuer names this server in leases, as a URL; empty means "atlas".
	Issuer string
	// MaxUpload is the most bytes of one APK; 0 means 512 MiB.
	MaxUpload int64
	// MaxDepth bounds the tree; 0 means atlas.MaxDepth.
	MaxDepth int
	// OnlineWindow is how long after its last contact a device counts as
	// online; 0 means atlas.OnlineWindow.
	OnlineWindow time.Duration
	// Sessions says how long sign-ins last; the zero value means its defaults.
	Sessions identity.SessionPolicy
	// Poll is how often a waiting device's queue is looked at even when
	// nobody woke it, for commands sent on another node; 0 means 2 seconds.
	Poll time.Duration
	// Inspect are the limits of reading APKs.
	Inspect apk.Options
}

// Service runs the use cases against a store. It is safe for concurrent use
// and starts no goroutine by itself.
type Service struct {
	store     store.Store
	events    store.Store // for security events: no rollback takes them along
	blobs     blob.Staged
	policy    atlas.Policy
	opt       Options
	codes     activation.Keys
	leases    *lease.Signer
	signing   ed25519.PrivateKey // of answers to devices
	results   sealer             // of saved results
	log       *sealed.Signer
	wakeups   *wakeups
	replays   *replays
	told      *told
	strangers *strangers
	browsers  browsers
	scanKick  chan struct{}
}

// New returns a Service over st, with files in blobs. secret, of at least 32
// bytes, is what all keys are derived from (HKDF-SHA-256); it must stay the
// same for the life of the data and must not be stored beside it.
func New(st store.Store, blobs blob.Staged, secret []byte, o Options) (*Service, error) {
	codes, err := activation.NewKeys(secret)
	if err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	s := &Service{
		store: st, events: st, blobs: blobs, policy: atlas.DefaultPolicy(), opt: o.withDefaults(), codes: codes,
		wakeups: newWakeups(), replays: newReplays(), told: new(told), strangers: new(strangers),
		browsers: browsers{derive(secret, "atlas known browsers")}, scanKick: make(chan struct{}, 1),
	}
	if o.Policy != nil {
		s.policy = *o.Policy
	}
	if s.opt.Passwords == nil {
		if s.opt.Passwords, err = password.New(password.Options{}); err != nil {
			return nil, fmt.Errorf("fleet: %w", err)
		}
	}
	if sep, ok := st.(store.Separate); ok {
		s.events = sep.Separate()
	}
	s.signing = ed25519.NewKeyFromSeed(derive(secret, "atlas lease and answer signing"))
	if s.leases, err = lease.NewSigner(s.signing); err != nil {
		return nil, fmt.Errorf("fleet: lease key: %w", err)
	}
	if s.log, err = sealed.NewSigner(s.opt.Issuer, derive(secret, "atlas audit checkpoints")); err != nil {
		return nil, fmt.Errorf("fleet: audit key: %w", err)
	}
	s.results, err = newSealer(derive(secret, "atlas saved results"))
	return s, err
}

// derive returns 32 bytes for one use of the secret.
func derive(secret []byte, use string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, use, 32)
	if err != nil {
		panic("fleet: HKDF of 32 bytes can't fail: " + err.Error())
	}
	return key
}

func (o Options) withDefaults() Options {
	o.Clock = orFunc(o.Clock, atlas.SystemClock)
	o.NewID = orFunc(o.NewID, func() string { return atlas.NewID(o.Clock()) })
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Kinds == nil {
		o.Kinds = commands.BuiltIn()
	}
	if o.Scanners == nil {
		o.Scanners = []scan.Scanner{scan.Static(scan.StaticOptions{})}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Issuer = or(o.Issuer, "atlas")
	o.MaxUpload = or(o.MaxUpload, 512<<20)
	o.MaxDepth = or(o.MaxDepth, atlas.MaxDepth)
	o.OnlineWindow = or(o.OnlineWindow, atlas.OnlineWindow)
	o.Poll = or(o.Poll, 2*time.Second)
	return o
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func orFunc[F atlas.Clock | func() string](f, def F) F {
	if f == nil {
		return def
	}
	return f
}

// Now is the service's time, as it is stored.
func (s *Service) Now() time.Time { return atlas.Instant(s.opt.Clock()) }

// Online reports whether a device counts as online now.
func (s *Service) Online(d atlas.Device) bool { return d.Online(s.Now(), s.opt.OnlineWindow) }

// Kinds returns the kinds of command the service knows.
func (s *Service) Kinds() commands.Kinds { return s.opt.Kinds }

// LeaseKeys returns the public keys that devices check leases and answers
// with.
func (s *Service) LeaseKeys() lease.JWKS { return lease.JWKS{s.leases.Public()} }

// AnswerKey is the key that answers to devices are signed with; its public
// half is in [Service.LeaseKeys].
func (s *Service) AnswerKey() ed25519.PrivateKey { return s.signing }

// AuditVerifier returns the public key of the audit log's checkpoints, in the
// format of signed notes.
func (s *Service) AuditVerifier() string { return s.log.Verifier() }

// Ready reports whether the store answers.
func (s *Service) Ready(ctx context.Context) error {
	return s.store.View(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Audit().Checkpoint(ctx)
		return err
	})
}

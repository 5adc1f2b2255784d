package atlastest

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/identity/password"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/blob/mem"
)

// Password is the password of every account of a [World].
const Password = "correct horse battery staple"

// Start is what the clock of a new [World] shows.
var Start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// World is a service with a tree of accounts to test with. Accounts are named
// by their place:
//
//	admin
//	north, south, west             resellers
//	north/a, north/b, …            two sub resellers of each
//	north/1, north/2, …            two clients of each reseller
//	north/a/1, north/a/2, …        and of each sub reseller
//
// A username is the name with dots for slashes.
type World struct {
	// Service is the node that the helpers of the world use.
	*fleet.Service
	Store store.Store
	Blobs *mem.Store
	Clock *Clock

	t       testing.TB
	options fleet.Options
	names   map[string]atlas.Account
	phones  int
}

// secret is what every service of every world derives its keys from.
var secret = []byte("a secret that protects nothing at all, for tests")

// New returns a world over st, which must be empty: a service with fast
// passwords, a standing clock, counted ids and repeatable random numbers, and
// the tree of accounts.
func New(t testing.TB, st store.Store) *World {
	t.Helper()
	return NewWith(t, st, fleet.Options{})
}

// NewWith is [New] with options; what they leave open is as in New.
func NewWith(t testing.TB, st store.Store, o fleet.Options) *World {
	t.Helper()
	passwords, err := password.New(password.Fast())
	require.NoError(t, err)
	w := &World{Store: st, Blobs: new(mem.Store), Clock: NewClock(Start), t: t, names: map[string]atlas.Account{}}
	if o.Clock == nil {
		o.Clock = w.Clock.Now
	}
	if o.NewID == nil {
		o.NewID = IDs()
	}
	if o.Random == nil {
		o.Random = &random{source: rand.NewChaCha8([32]byte{})}
	}
	if o.Passwords == nil {
		o.Passwords = passwords
	}
	w.options = o
	w.Service = w.Node(st)
	w.plant()
	return w
}

// random is a repeatable source that several goroutines may read.
type random struct {
	mu     sync.Mutex
	source io.Reader
}

func (r *random) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Read(p)
}

// Node returns another service with the same secret, files, clock and ids
// over st: a second node if st is the world's store, or the use cases inside
// a transaction of the embedder's own if it is a joined one.
func (w *World) Node(st store.Store) *fleet.Service {
	w.t.Helper()
	s, err := fleet.New(st, w.Blobs, secret, w.options)
	require.NoError(w.t, err)
	return s
}

// plant makes the tree.
func (w *World) plant() {
	w.t.Helper()
	admin, err := w.Setup(context.Background(), "admin", "The Admin", Password)
	require.NoError(w.t, err)
	w.names["admin"] = admin
	for _, r := range []string{"north", "south", "west"} {
		w.Add("admin", r, atlas.Reseller)
		for _, sub := range []string{r + "/a", r + "/b"} {
			w.Add(r, sub, atlas.SubReseller)
			w.Add(sub, sub+"/1", atlas.Client)
			w.Add(sub, sub+"/2", atlas.Client)
		}
		w.Add(r, r+"/1", atlas.Client)
		w.Add(r, r+"/2", atlas.Client)
	}
}

// Add makes one more account, below the one named parent.
func (w *World) Add(parent, name string, role atlas.Role) atlas.Account {
	w.t.Helper()
	a, err := w.CreateAccount(context.Background(), w.Actor("admin"), "", fleet.NewAccount{
		Username: strings.ReplaceAll(name, "/", "."), DisplayName: "Account " + name, Role: role,
		ParentID: w.ID(parent), Password: Password,
	})
	require.NoError(w.t, err)
	w.names[name] = a
	return a
}

// ID returns the id of the account of that name.
func (w *World) ID(name string) atlas.AccountID {
	w.t.Helper()
	a, ok := w.names[name]
	require.True(w.t, ok, "no account of the world is called %q", name)
	return a.ID
}

// AccountOf returns the account of that name as it is stored now.
func (w *World) AccountOf(name string) atlas.Account {
	w.t.Helper()
	var out atlas.Account
	id := w.ID(name)
	w.view(func(ctx context.Context, tx store.Tx) (err error) {
		out, err = tx.Accounts().Get(ctx, id)
		return err
	})
	return out
}

// Actor returns the actor that the account of that name is, reading for
// support.
func (w *World) Actor(name string) atlas.Actor {
	w.t.Helper()
	return atlas.Actor{Account: w.ID(name), Session: "session of " + name, Origin: "192.0.2.1", Purpose: atlas.PurposeSupport}
}

// Grant gives an account credits out of nothing.
func (w *World) Grant(name string, amount ledger.Credits) {
	w.t.Helper()
	_, err := w.GrantCredits(context.Background(), w.Actor("admin"), "", fleet.Grant{AccountID: w.ID(name), Amount: amount})
	require.NoError(w.t, err)
}

// Plan makes a plan of p, whose empty fields get ordinary values: 30 days,
// one device, free of charge, paid at issue, a grace of 24 hours.
func (w *World) Plan(p activation.Plan) activation.Plan {
	w.t.Helper()
	if p.Name == "" {
		p.Name = "Plan"
	}
	if p.Charge == "" {
		p.Charge = activation.ChargeOnIssue
	}
	if p.Days == 0 {
		p.Days = 30
	}
	if p.Devices == 0 {
		p.Devices = 1
	}
	if p.GraceHours == 0 {
		p.GraceHours = 24
	}
	p, err := w.CreatePlan(context.Background(), w.Actor("admin"), "", p)
	require.NoError(w.t, err)
	return p
}

// Code issues one code of a plan for an account, which pays for it.
func (w *World) Code(owner string, p activation.Plan) fleet.IssuedCode {
	w.t.Helper()
	codes, err := w.IssueCodes(context.Background(), w.Actor("admin"), "", fleet.NewCodes{PlanID: p.ID, Count: 1, OwnerID: w.ID(owner)})
	require.NoError(w.t, err)
	return codes[0]
}

// Enrolled returns a phone of an account, enrolled with a code of a free plan
// made for it.
func (w *World) Enrolled(owner string) *Phone {
	w.t.Helper()
	return w.Phone(w.Code(owner, w.Plan(activation.Plan{})).Text)
}

func (w *World) view(fn func(context.Context, store.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.Store.View(context.Background(), fn))
}

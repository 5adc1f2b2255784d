package fleet_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
)

// Reaches of the oracle, in words of its own.
const (
	nobody = "nobody"
	self   = "self"
	below  = "below" // strictly
	own    = "own"   // self and below
	all    = "all"
)

// reach is how far each role may go: admin, reseller, sub reseller, client.
type reach [4]string

// row is one use case about something that belongs to a target account.
type row struct {
	reach
	// personal says that an Admin must name a purpose.
	personal bool
	call     func(x target) error
	// rules are the errors that rules of the domain give where the actor would
	// be allowed, by role and relation ("admin/self"), or by relation alone.
	rules map[string]error
}

// target is what a row is called with: the actor, and the things of the
// account that it is about.
type target struct {
	*scene
	ctx   context.Context
	actor atlas.Actor
	name  string // the actor's
	role  atlas.Role
	id    atlas.AccountID
	things
}

// things belong to one account.
type things struct {
	device, device2                      atlas.DeviceID
	folder                               atlas.FolderID
	code, paused, hold, entry, apk, apk2 string
	command, campaign, key, auditEvent   string
}

// cast are the actors of the four roles, and for each relation the account
// that stands in it to them.
var cast = []struct {
	role    atlas.Role
	name    string
	targets map[string]string
}{
	{atlas.Admin, "admin", map[string]string{"self": "admin", "descendant": "north/a"}},
	{atlas.Reseller, "north", map[string]string{
		"self": "north", "ancestor": "admin", "descendant": "north/a", "sibling": "south", "foreign": "south/a/1",
	}},
	{atlas.SubReseller, "north/a", map[string]string{
		"self": "north/a", "ancestor": "north", "descendant": "north/a/1", "sibling": "north/b", "foreign": "south/a",
	}},
	{atlas.Client, "north/a/1", map[string]string{
		"self": "north/a/1", "ancestor": "north/a", "sibling": "north/a/2", "foreign": "south/a/1",
	}},
}

const absent = "absent"

// oracle says what has to come out, by walking parent ids.
func (r row) oracle(x target, relation string) error {
	if err, ok := r.rules[string(x.role)+"/"+relation]; ok {
		return err
	}
	word := r.reach[slices.Index(atlas.Roles(), x.role)]
	if word == nobody {
		return atlas.ErrDenied
	}
	if relation == absent {
		return atlas.ErrNotFound
	}
	isSelf, isBelow := x.id == x.actor.Account, false
	for at := x.parents[x.id]; at != ""; at = x.parents[at] {
		isBelow = isBelow || at == x.actor.Account
	}
	allowed := word == all || word == self && isSelf || word == below && isBelow || word == own && (isSelf || isBelow)
	switch {
	case allowed:
		return r.rules[relation]
	case isSelf || isBelow || x.role == atlas.Admin:
		return atlas.ErrDenied
	}
	return atlas.ErrNotFound
}

// kinds are the errors that the outcome is compared by.
var kinds = []error{
	atlas.ErrSuspended, atlas.ErrDenied, atlas.ErrNotFound, atlas.ErrRefused, atlas.ErrUnauthenticated, atlas.ErrInvalid,
	atlas.ErrExists, atlas.ErrLimited, atlas.ErrStale,
}

func kindOf(err error) error {
	for _, k := range kinds {
		if errors.Is(err, k) {
			return k
		}
	}
	return err
}

func TestEveryUseCaseDecidesAsTheTreeSays(t *testing.T) {
	t.Parallel()
	for part := range 4 { // a scene each, so that they run side by side
		who := cast[part]
		t.Run(string(who.role), func(t *testing.T) {
			t.Parallel()
			sc := newScene(t)
			for _, name := range slices.Sorted(maps.Keys(rows)) {
				texts := map[string]string{}
				for _, relation := range []string{"self", "ancestor", "descendant", "sibling", "foreign", absent} {
					if name := who.targets[relation]; name == "" && relation != absent {
						continue
					}
					x := sc.aim(t.Context(), who.name, who.role, who.targets[relation])
					err := sc.try(t, name+" on "+relation, func() error { return rows[name].call(x) })
					require.Equal(t, rows[name].oracle(x, relation), kindOf(err), "%s of %s on %s: %v", name, who.role, relation, err)
					if err != nil {
						texts[relation] = err.Error()
					}
				}
				for _, other := range []string{"ancestor", "sibling", "foreign"} {
					if text, ok := texts[other]; ok {
						require.Equal(t, texts[absent], text, "%s: %s can be told from absent", name, other)
					}
				}
			}
		})
	}
}

// try runs a call on the untouched scene and checks what a refusal leaves.
func (sc *scene) try(t *testing.T, what string, call func() error) error {
	t.Helper()
	sc.store.Restore(sc.snapshot)
	err := call()
	if err == nil {
		return nil
	}
	events := atlastest.SecurityEvents(t, sc.store)
	if !errors.Is(err, atlas.ErrInvalid) {
		require.Len(t, events, sc.events+1, "%s: %v: a refusal leaves one security event", what, err)
	}
	require.True(t, sc.contents == atlastest.Contents(t, sc.store), "%s: %v: a refusal changes nothing", what, err)
	return err
}

func TestEveryListShowsTheSubtreeAndNothingElse(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		for _, who := range cast {
			sc.store.Restore(sc.snapshot)
			x := sc.aim(t.Context(), who.name, who.role, who.name)
			got, err := lists[name].owners(x)
			word := lists[name].reach[slices.Index(atlas.Roles(), who.role)]
			if word == nobody {
				require.ErrorIs(t, err, atlas.ErrDenied, "%s of %s", name, who.role)
				continue
			}
			require.NoError(t, err, "%s of %s", name, who.role)
			for account := range sc.owned {
				x.id = account
				seen := row{reach: lists[name].reach}.oracle(x, "") == nil
				require.Equal(t, seen, slices.Contains(got, account), "%s of %s shows what %s has", name, who.role, sc.nameOf(account))
			}
			for _, account := range got {
				x.id = account
				require.NoError(t, row{reach: lists[name].reach}.oracle(x, ""), "%s of %s shows what %s has", name, who.role, sc.nameOf(account))
			}
		}
	}
}

func TestUseCasesAboutNoAccountAreForTheRolesTheyAreFor(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	for name, r := range others {
		for _, who := range cast {
			x := sc.aim(t.Context(), who.name, who.role, who.name)
			err := sc.try(t, name, func() error { return r.call(x) })
			if r.reach[slices.Index(atlas.Roles(), who.role)] == nobody {
				require.ErrorIs(t, err, atlas.ErrDenied, "%s of %s", name, who.role)
			} else {
				require.NoError(t, err, "%s of %s", name, who.role)
			}
		}
	}
}

// notForActors are the methods without an actor, and why.
var notForActors = map[string]string{
	"Setup":  "makes the first account; refused once there is one",
	"SignIn": "finds out who it is", "SignOut": "the token is the proof", "Authenticate": "finds out who it is",
	"AuthenticateDevice": "finds out which device it is",
	"Enrol":              "for devices: the code is the proof", "CheckIn": "for devices", "Wait": "for devices", "Download": "for devices",
	"Run": "work of the process itself", "Sweep": "work of Run", "ScanPending": "work of Run", "SealAudit": "work of Run",
	"Reconcile": "check of the embedder", "Ready": "check of the embedder",
	"Now": "no data", "Online": "pure", "OnlineFilter": "pure", "Kinds": "configuration",
	"LeaseKeys": "public keys", "AuditVerifier": "public key", "AnswerKey": "of the embedder's process, never on the wire",
}

// methods are the exported methods of the service, and of each whether it
// takes an actor.
func methods() map[string]bool {
	out := map[string]bool{}
	for m := range reflect.TypeFor[*fleet.Service]().Methods() {
		out[m.Name] = m.Type.NumIn() > 2 && m.Type.In(2) == reflect.TypeFor[atlas.Actor]()
	}
	return out
}

func TestEveryMethodIsInTheMatrixOrHasAReason(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, names := range [][]string{
		slices.Collect(maps.Keys(rows)), slices.Collect(maps.Keys(lists)), slices.Collect(maps.Keys(others)),
	} {
		for _, name := range names {
			method, _, _ := strings.Cut(name, "/")
			covered[method] = true
		}
	}
	for name, actor := range methods() {
		_, reason := notForActors[name]
		require.Equal(t, actor, covered[name], "%s takes an actor and needs a row", name)
		require.NotEqual(t, actor, reason, "%s takes no actor and needs a reason, or has both", name)
	}
	for name := range covered {
		require.Contains(t, methods(), name, "a row without a method")
	}
}

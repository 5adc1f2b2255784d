package memory

import (
	"context"
	"errors"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// state is all tables. A copy of it is a snapshot: tables are values that
// share what never changes.
type state struct {
	accounts    table[atlas.Account]
	folders     table[atlas.Folder]
	devices     table[atlas.Device]
	inventories table[atlas.Inventory]
	plans       table[activation.Plan]
	codes       table[activation.Code]
	balances    table[ledger.Balance]
	entries     table[ledger.Entry]
	holds       table[ledger.Hold]
	packages    table[intake.Package]
	scans       table[intake.Scan]
	assignments table[intake.Assignment]
	commands    table[commands.Command]
	campaigns   table[commands.Campaign]
	credentials table[identity.Credential]
	sessions    table[identity.Session]
	apiKeys     table[identity.APIKey]
	attempts    table[identity.Attempts]
	incidents   table[security.Event]
	events      table[audit.Event]
	hashes      table[hash]
	checkpoints table[audit.Checkpoint]
	requests    table[store.Request]
}

func empty() *state {
	return &state{
		accounts: accountTable(), folders: folderTable(),
		devices: deviceTable(), inventories: inventoryTable(),
		plans: planTable(), codes: codeTable(),
		balances: balanceTable(), entries: entryTable(), holds: holdTable(),
		packages: packageTable(), scans: scanTable(), assignments: assignmentTable(),
		commands: commandTable(), campaigns: campaignTable(),
		credentials: credentialTable(), sessions: sessionTable(), apiKeys: apiKeyTable(), attempts: attemptsTable(),
		incidents: incidentTable(), events: eventTable(), hashes: hashTable(), checkpoints: checkpointTable(),
		requests: requestTable(),
	}
}

// tx is one transaction: a state of its own, or in a View everybody's.
type tx struct {
	*state
	store    *Store
	readOnly bool
	broken   error // what every further operation returns
}

var errOver = errors.New("memory: transaction is over")

// end makes every further use of the transaction an error.
func (t *tx) end() { t.broken = errOver }

// write is asked at the head of every operation that writes.
func (t *tx) write(ctx context.Context, op string) error {
	if t.readOnly && t.broken == nil {
		return atlas.ErrReadOnly
	}
	return t.read(ctx, op)
}

// read is asked at the head of every operation that reads.
func (t *tx) read(ctx context.Context, op string) error {
	if t.broken != nil {
		return t.broken
	}
	err := ctx.Err()
	if err == nil {
		err = t.store.ask(op).Err
	}
	if err != nil && !survivable(err) {
		t.broken = err
	}
	return err
}

// survivable reports whether the contract lets a transaction go on after err.
func survivable(err error) bool {
	return errors.Is(err, atlas.ErrNotFound) || errors.Is(err, atlas.ErrExists) || errors.Is(err, atlas.ErrStale)
}

// The helpers below are the operations that most domains have: a question to
// the fault hook and one call of a table.

func get[R any](ctx context.Context, t *tx, op string, from *table[R], id string) (R, error) {
	if err := t.read(ctx, op); err != nil {
		var none R
		return none, err
	}
	return from.get(id)
}

func lookup[R any](ctx context.Context, t *tx, op string, from *table[R], ix int, key string) (R, error) {
	if err := t.read(ctx, op); err != nil {
		var none R
		return none, err
	}
	return from.lookup(ix, key)
}

func insert[R any](ctx context.Context, t *tx, op string, into *table[R], rs ...R) error {
	if err := t.write(ctx, op); err != nil {
		return err
	}
	return into.insert(rs...)
}

func save[R any](ctx context.Context, t *tx, op string, into *table[R], r R) error {
	if err := t.write(ctx, op); err != nil {
		return err
	}
	return into.save(r)
}

func upsert[R any](ctx context.Context, t *tx, op string, into *table[R], r R) error {
	if err := t.write(ctx, op); err != nil {
		return err
	}
	return into.upsert(r)
}

func list[R any](ctx context.Context, t *tx, op string, from *table[R], q query[R], p atlas.Page) ([]R, error) {
	if err := t.read(ctx, op); err != nil {
		return nil, err
	}
	return from.page(q, p), nil
}

func count[R any](ctx context.Context, t *tx, op string, from *table[R], q query[R]) (int64, error) {
	if err := t.read(ctx, op); err != nil {
		return 0, err
	}
	return from.count(q), nil
}

// The accessors of store.Tx.

func (t *tx) Accounts() store.Accounts { return accounts{t} }
func (t *tx) Folders() store.Folders   { return folders{t} }
func (t *tx) Devices() store.Devices   { return devices{t} }
func (t *tx) Codes() store.Codes       { return codes{t} }
func (t *tx) Ledger() store.Ledger     { return book{t} }
func (t *tx) Packages() store.Packages { return packages{t} }
func (t *tx) Commands() store.Commands { return queue{t} }
func (t *tx) Identity() store.Identity { return identities{t} }
func (t *tx) Security() store.Security { return incidents{t} }
func (t *tx) Audit() store.Audit       { return auditLog{t} }
func (t *tx) Requests() store.Requests { return requests{t} }

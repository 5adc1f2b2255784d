package store

import (
	"context"
	"time"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/ledger"
)

// Codes keeps plans and activation codes.
type Codes interface {
	activation.Codes
	// Plans returns a page of all plans, newest first.
	Plans(ctx context.Context, p atlas.Page) ([]activation.Plan, error)
	// List returns a page of the codes in scope that match, newest first.
	List(ctx context.Context, scope atlas.Scope, f CodeFilter, p atlas.Page) ([]activation.Code, error)
	// Lapsed returns at most limit codes that further devices could redeem
	// (Used below Devices, state issued, reserved, active or suspended) and
	// whose RedeemBy is at or before now.
	Lapsed(ctx context.Context, now time.Time, limit int) ([]activation.Code, error)
}

// CodeFilter narrows a list of codes. Zero fields match everything.
type CodeFilter struct {
	OwnerID atlas.AccountID
	PlanID  string
	BatchID string
	State   activation.State
}

// Ledger keeps credits.
type Ledger interface {
	ledger.Book
	// Entries returns a page of the postings of an account, newest first by
	// the account's own Seq. Page.After is the ID of an entry.
	Entries(ctx context.Context, account atlas.AccountID, p atlas.Page) ([]ledger.Entry, error)
	// Balances returns every balance of the book, system accounts included,
	// by ID: what a reconciliation recomputes.
	Balances(ctx context.Context) ([]ledger.Balance, error)
	// AllEntries returns at most limit postings with an ID above after, by ID.
	AllEntries(ctx context.Context, after string, limit int) ([]ledger.Entry, error)
	// ExpiredHolds returns at most limit holds that have something left and
	// whose ExpiresAt is at or before now.
	ExpiredHolds(ctx context.Context, now time.Time, limit int) ([]ledger.Hold, error)
}

// Packages keeps APKs, their scans and assignments.
type Packages interface {
	intake.Packages
	// List returns a page of the packages that are in scope, or have an
	// assignment that counts (intake.Assignment.Of) and shows them to reach
	// (intake.Assignment.Shows), newest first.
	List(ctx context.Context, scope atlas.Scope, reach atlas.Path, p atlas.Page) ([]intake.Package, error)
	// InState returns at most limit packages in one of the states, oldest
	// first.
	InState(ctx context.Context, states []intake.State, limit int) ([]intake.Package, error)
	// InsertScan adds s, or returns ErrExists.
	InsertScan(ctx context.Context, s intake.Scan) error
	// Scans returns the scans of a package, oldest first.
	Scans(ctx context.Context, packageID string) ([]intake.Scan, error)
	// Assign adds a, or returns ErrExists if its ID is taken.
	Assign(ctx context.Context, a intake.Assignment) error
	// Assignments returns the assignments of a package, oldest first.
	Assignments(ctx context.Context, packageID string) ([]intake.Assignment, error)
	// BySHA256 returns the packages whose file has that checksum, by ID.
	BySHA256(ctx context.Context, sha256 string) ([]intake.Package, error)
}

// Commands keeps commands and campaigns.
type Commands interface {
	commands.Queue
	// List returns a page of the commands in scope that match, newest first.
	List(ctx context.Context, scope atlas.Scope, f CommandFilter, p atlas.Page) ([]commands.Command, error)
	// Late returns at most limit commands that are not at an end and whose
	// ExpiresAt is at or before now.
	Late(ctx context.Context, now time.Time, limit int) ([]commands.Command, error)
	// InsertCampaign adds c with Version 1, or returns ErrExists.
	InsertCampaign(ctx context.Context, c commands.Campaign) error
	// Campaign returns the campaign id, or ErrNotFound.
	Campaign(ctx context.Context, id string) (commands.Campaign, error)
	// SaveCampaign writes c and adds one to its Version. It returns ErrStale
	// unless c.Version is the stored one.
	SaveCampaign(ctx context.Context, c commands.Campaign) error
	// Waiting returns, by ID, at most limit campaigns that reach the device at
	// now (commands.Campaign.Reaches) and of which it has no command yet.
	Waiting(ctx context.Context, d atlas.Device, now time.Time, limit int) ([]commands.Campaign, error)
	// Progress counts the commands of a campaign by state.
	Progress(ctx context.Context, campaignID string) (commands.Progress, error)
}

// CommandFilter narrows a list of commands. Zero fields match everything.
type CommandFilter struct {
	DeviceID   atlas.DeviceID
	CampaignID string
	RefID      string
	State      commands.State
}

// Security keeps security events.
type Security interface {
	security.Log
	// List returns a page of the events in scope, newest first. Events
	// without a path are in the scope of reach Everywhere only.
	List(ctx context.Context, scope atlas.Scope, p atlas.Page) ([]security.Event, error)
}

// Audit keeps the audit log.
type Audit interface {
	audit.Log
	audit.Sequencer
	// List returns a page of the events in scope, newest first. Events
	// without a path are in the scope of reach Everywhere only.
	List(ctx context.Context, scope atlas.Scope, p atlas.Page) ([]audit.Event, error)
	// Get returns the event id, or ErrNotFound.
	Get(ctx context.Context, id string) (audit.Event, error)
}

// Requests keeps the first result of every use case that was called with an
// idempotency key.
type Requests interface {
	// Get returns the request id, or ErrNotFound.
	Get(ctx context.Context, id string) (Request, error)
	// Insert adds r, or returns ErrExists.
	Insert(ctx context.Context, r Request) error
	// DeleteBefore forgets at most limit requests made before t and returns
	// how many there were.
	DeleteBefore(ctx context.Context, t time.Time, limit int) (int64, error)
}

// Request is the first call of a use case with some idempotency key.
type Request struct {
	ID     string    `data:"account.ref"` // actor, action and key, hashed
	Input  []byte    `data:"audit"`       // hash of the input
	Result []byte    `data:"audit"`       // JSON, sealed where it holds secrets
	At     time.Time `data:"audit"`
}

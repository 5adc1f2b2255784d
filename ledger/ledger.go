package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Credits is an amount of credits, in whole credits.
type Credits int64

// MaxAmount is the largest amount of one posting: what a JSON number carries
// exactly (RFC 8259, section 6).
const MaxAmount Credits = 1<<53 - 1

// Errors of the ledger.
var (
	// ErrInsufficient means that the account's available credits don't cover it.
	ErrInsufficient = fmt.Errorf("ledger: insufficient credits (%w)", atlas.ErrRefused)
	// ErrHold means that the hold is no longer open, or has less left.
	ErrHold = fmt.Errorf("ledger: hold does not cover this (%w)", atlas.ErrRefused)
	// ErrRefund means that refunds would exceed the original posting.
	ErrRefund = fmt.Errorf("ledger: refunds would exceed the original (%w)", atlas.ErrRefused)
)

// Kind says why credits moved.
type Kind string

// The kinds of posting.
const (
	KindGrant    Kind = "grant"    // an Admin put credits into circulation
	KindTransfer Kind = "transfer" // down the tree
	KindWithdraw Kind = "withdraw" // back up the tree
	KindCapture  Kind = "capture"  // spent out of a hold
	KindSpend    Kind = "spend"    // spent at once
	KindRefund   Kind = "refund"   // the reverse of an earlier posting
)

// Issuer returns the system account out of which the credits of a tenant are
// granted. It is the only kind of account besides [Revenue] that goes below
// zero. There is one for each tenant, so that tenants never wait for each
// other's postings.
func Issuer(tenant atlas.AccountID) atlas.AccountID { return "issuer/" + tenant }

// Revenue returns the system account that takes what a tenant spent.
func Revenue(tenant atlas.AccountID) atlas.AccountID { return "revenue/" + tenant }

// IsSystem reports whether account is an [Issuer] or [Revenue] account. No
// identifier of an account in the tree has a '/'.
func IsSystem(account atlas.AccountID) bool { return strings.Contains(string(account), "/") }

// Balance is where an account stands.
type Balance struct {
	ID      atlas.AccountID `data:"account.ref"`
	Posted  Credits         `data:"credit"` // the sum of its postings
	Held    Credits         `data:"credit"` // the part set aside by open holds
	Seq     int64           `data:"credit"` // number of its postings
	Version int64           `data:"none"`
}

// Available returns what can be spent or held.
func (b Balance) Available() Credits { return b.Posted - b.Held }

// Entry is one posting. It is never changed; a correction is another entry.
type Entry struct {
	ID          string          `data:"credit"`
	Kind        Kind            `data:"credit"`
	FromID      atlas.AccountID `data:"account.ref"`
	ToID        atlas.AccountID `data:"account.ref"`
	Amount      Credits         `data:"credit"`
	FromSeq     int64           `data:"credit"` // counts the postings of FromID from 1, without gaps
	ToSeq       int64           `data:"credit"`
	FromBalance Credits         `data:"credit"` // Posted of FromID afterwards
	ToBalance   Credits         `data:"credit"`
	RefID       string          `data:"credit"` // the hold of a capture, the original of a refund
	Memo        string          `data:"credit"`
	ByID        atlas.AccountID `data:"account.ref"`
	At          time.Time       `data:"credit"`
}

// Line is an entry as one of its two accounts sees it: a line of a statement.
type Line struct {
	Entry        Entry
	Seq          int64
	Credit       bool // credits came in
	Balance      Credits
	Counterparty atlas.AccountID
}

// LineFor returns e as account sees it.
func (e Entry) LineFor(account atlas.AccountID) Line {
	if e.ToID == account {
		return Line{Entry: e, Seq: e.ToSeq, Credit: true, Balance: e.ToBalance, Counterparty: e.FromID}
	}
	return Line{Entry: e, Seq: e.FromSeq, Balance: e.FromBalance, Counterparty: e.ToID}
}

// Book is what this package needs of storage, inside one transaction.
type Book interface {
	// Balance returns the account's balance, or the zero Balance with that ID
	// for an account without postings.
	Balance(ctx context.Context, account atlas.AccountID) (Balance, error)
	// SaveBalance writes b and adds one to its Version. It returns ErrStale
	// unless b.Version is the stored one; 0 stands for a balance not stored.
	SaveBalance(ctx context.Context, b Balance) error
	// Entry returns the posting id, or ErrNotFound.
	Entry(ctx context.Context, id string) (Entry, error)
	// Append adds e, or returns ErrExists if its ID is taken.
	Append(ctx context.Context, e Entry) error
	// Refunded returns the sum of the refunds that name the posting id.
	Refunded(ctx context.Context, id string) (Credits, error)
	// Hold returns the hold id, or ErrNotFound.
	Hold(ctx context.Context, id string) (Hold, error)
	// InsertHold adds h with Version 1, or returns ErrExists.
	InsertHold(ctx context.Context, h Hold) error
	// SaveHold writes h and adds one to its Version. It returns ErrStale
	// unless h.Version is the stored one.
	SaveHold(ctx context.Context, h Hold) error
}

// Order is a posting to be made.
type Order struct {
	ID       string // made by the caller; repeats with it are one posting
	Kind     Kind
	From, To atlas.AccountID
	Amount   Credits
	Ref      string
	Memo     string
	By       atlas.AccountID
	At       time.Time
}

// Apply returns both balances and the entry after the order. It returns
// ErrInvalid for an amount outside 1 to [MaxAmount] or an account paying
// itself, and [ErrInsufficient] if From can't pay.
func (o Order) Apply(from, to Balance) (Balance, Balance, Entry, error) {
	if err := o.check(); err != nil {
		return from, to, Entry{}, err
	}
	if !IsSystem(o.From) && from.Available() < o.Amount {
		return from, to, Entry{}, fmt.Errorf("%w: %s has %d, needs %d", ErrInsufficient, o.From, from.Available(), o.Amount)
	}
	if to.Posted > 0 && to.Posted+o.Amount > MaxAmount || from.Posted-o.Amount < -MaxAmount {
		return from, to, Entry{}, atlas.Invalid("amount", "would take a balance beyond what can be counted")
	}
	from.Posted, from.Seq = from.Posted-o.Amount, from.Seq+1
	to.Posted, to.Seq = to.Posted+o.Amount, to.Seq+1
	return from, to, Entry{
		ID: o.ID, Kind: o.Kind, FromID: o.From, ToID: o.To, Amount: o.Amount, RefID: o.Ref, Memo: o.Memo, ByID: o.By, At: o.At,
		FromSeq: from.Seq, ToSeq: to.Seq, FromBalance: from.Posted, ToBalance: to.Posted,
	}, nil
}

func (o Order) check() error {
	switch {
	case o.ID == "":
		return atlas.Invalid("id", "is needed")
	case o.Amount <= 0 || o.Amount > MaxAmount:
		return atlas.Invalid("amount", "must be between 1 and %d", MaxAmount)
	case o.From == "" || o.To == "":
		return atlas.Invalid("account_id", "is needed on both sides")
	case o.From == o.To:
		return atlas.Invalid("to", "must be another account")
	}
	return nil
}

// is reports whether e is what o asked for.
func (o Order) is(e Entry) bool {
	return e.Kind == o.Kind && e.FromID == o.From && e.ToID == o.To && e.Amount == o.Amount && e.RefID == o.Ref
}

// Post makes the posting o. A repeat returns the first entry.
func Post(ctx context.Context, b Book, o Order) (Entry, error) {
	if first, found, err := repeated(ctx, b, o); err != nil || found {
		return first, err
	}
	from, err := b.Balance(ctx, o.From)
	if err != nil {
		return Entry{}, fmt.Errorf("ledger: balance of %s: %w", o.From, err)
	}
	return post(ctx, b, o, from)
}

func repeated(ctx context.Context, b Book, o Order) (Entry, bool, error) {
	e, err := b.Entry(ctx, o.ID)
	switch {
	case isNotFound(err):
		return Entry{}, false, nil
	case err != nil:
		return Entry{}, false, fmt.Errorf("ledger: entry %s: %w", o.ID, err)
	case !o.is(e):
		return Entry{}, false, fmt.Errorf("ledger: entry %s: %w", o.ID, atlas.ErrMismatch)
	}
	return e, true, nil
}

// post is Post with the payer's balance at hand, which may carry a change of
// its own that is saved along.
func post(ctx context.Context, b Book, o Order, from Balance) (Entry, error) {
	to, err := b.Balance(ctx, o.To)
	if err != nil {
		return Entry{}, fmt.Errorf("ledger: balance of %s: %w", o.To, err)
	}
	from, to, e, err := o.Apply(from, to)
	if err != nil {
		return Entry{}, err
	}
	for _, bal := range []Balance{from, to} {
		if err := b.SaveBalance(ctx, bal); err != nil {
			return Entry{}, fmt.Errorf("ledger: save %s: %w", bal.ID, err)
		}
	}
	if err := b.Append(ctx, e); err != nil {
		return Entry{}, fmt.Errorf("ledger: append %s: %w", e.ID, err)
	}
	return e, nil
}

// Reverse is what a refund needs: its own id, the posting it takes back, and
// how much of it (0 for all that is left).
type Reverse struct {
	ID       string
	Original string
	Amount   Credits
	Memo     string
	By       atlas.AccountID
	At       time.Time
}

// Refund gives back the whole or a part of an earlier posting. All refunds of
// a posting together never exceed it, and a refund itself can't be refunded.
func Refund(ctx context.Context, b Book, r Reverse) (Entry, error) {
	orig, err := b.Entry(ctx, r.Original)
	if err != nil {
		return Entry{}, fmt.Errorf("ledger: original %s: %w", r.Original, err)
	}
	if first, err := b.Entry(ctx, r.ID); err == nil {
		return sameRefund(first, r)
	} else if !isNotFound(err) {
		return Entry{}, err
	}
	done, err := b.Refunded(ctx, orig.ID)
	if err != nil {
		return Entry{}, fmt.Errorf("ledger: refunds of %s: %w", orig.ID, err)
	}
	if r.Amount == 0 {
		r.Amount = orig.Amount - done
	}
	if orig.Kind == KindRefund || r.Amount > orig.Amount-done || r.Amount == 0 {
		return Entry{}, fmt.Errorf("%w: %d of %d are left", ErrRefund, orig.Amount-done, orig.Amount)
	}
	return Post(ctx, b, Order{
		ID: r.ID, Kind: KindRefund, From: orig.ToID, To: orig.FromID, Amount: r.Amount,
		Ref: orig.ID, Memo: r.Memo, By: r.By, At: r.At,
	})
}

func sameRefund(first Entry, r Reverse) (Entry, error) {
	if first.Kind == KindRefund && first.RefID == r.Original && (r.Amount == 0 || r.Amount == first.Amount) {
		return first, nil
	}
	return Entry{}, fmt.Errorf("ledger: entry %s: %w", r.ID, atlas.ErrMismatch)
}

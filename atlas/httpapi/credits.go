package httpapi

import (
	"context"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/ledger"
)

type balanceView struct {
	Balance   int64 `json:"balance"`
	Held      int64 `json:"held"`
	Available int64 `json:"available"`
}

type entryView struct {
	ID           string    `json:"id"`
	Kind         string    `json:"kind" enum:"grant,transfer,withdraw,capture,spend,refund"`
	AccountID    string    `json:"account_id" doc:"Whose statement this is a line of"`
	Amount       int64     `json:"amount"`
	Direction    string    `json:"direction" enum:"credit,debit"`
	Balance      int64     `json:"balance" doc:"Of the account, afterwards"`
	Counterparty string    `json:"counterparty"`
	RefID        string    `json:"ref_id,omitempty" doc:"The hold of a capture, the original of a refund"`
	Memo         string    `json:"memo"`
	At           time.Time `json:"at"`
}

func viewLine(l ledger.Line) entryView {
	v := entryView{
		ID: l.Entry.ID, Kind: string(l.Entry.Kind), AccountID: string(l.Entry.FromID), Amount: int64(l.Entry.Amount), Direction: "debit",
		Balance: int64(l.Balance), Counterparty: string(l.Counterparty), RefID: l.Entry.RefID, Memo: l.Entry.Memo, At: l.Entry.At,
	}
	if l.Credit {
		v.AccountID, v.Direction = string(l.Entry.ToID), "credit"
	}
	return v
}

// viewEntry shows an entry as the account in the tree sees it that paid, or
// received where a system account paid.
func viewEntry(e ledger.Entry) entryView {
	if ledger.IsSystem(e.FromID) {
		return viewLine(e.LineFor(e.ToID))
	}
	return viewLine(e.LineFor(e.FromID))
}

type grantBody struct {
	AccountID ident  `json:"account_id" validate:"required"`
	Amount    int64  `json:"amount" minimum:"1" maximum:"9007199254740991"`
	Memo      string `json:"memo,omitempty" maxLength:"500"`
}

type transferBody struct {
	From   ident  `json:"from" validate:"required"`
	To     ident  `json:"to" validate:"required"`
	Amount int64  `json:"amount" minimum:"1" maximum:"9007199254740991"`
	Memo   string `json:"memo,omitempty" maxLength:"500"`
}

type refundBody struct {
	EntryID ident  `json:"entry_id" validate:"required"`
	Amount  int64  `json:"amount,omitempty" minimum:"1" maximum:"9007199254740991" doc:"All that is left, unless given"`
	Memo    string `json:"memo,omitempty" maxLength:"500"`
}

func (a *API) routeCredits() {
	const tag = "credits"
	register(a, route{
		method: get, path: "/v1/accounts/{id}/credits", id: "get-credits", tag: tag, summary: "Where an account stands",
		purpose: atlas.PurposeBilling,
	}, a.credits)
	register(a, route{
		method: get, path: "/v1/accounts/{id}/credits/entries", id: "list-credit-entries", tag: tag, summary: "Statement of an account",
		purpose: atlas.PurposeBilling,
	}, a.entries)
	register(a, route{
		method: post, path: "/v1/credits/grants", id: "grant-credits", tag: tag, summary: "Put credits into circulation", status: 201, creates: true,
	}, func(ctx context.Context, c caller, in *sent[grantBody]) (entryView, error) {
		e, err := a.svc.GrantCredits(ctx, c.actor, c.key, fleet.Grant{
			AccountID: atlas.AccountID(in.Body.AccountID), Amount: ledger.Credits(in.Body.Amount), Memo: in.Body.Memo,
		})
		return viewEntry(e), err
	})
	register(a, route{
		method: post, path: "/v1/credits/transfers", id: "transfer-credits", tag: tag, summary: "Move credits along one line of the tree",
		status: 201, creates: true,
	}, func(ctx context.Context, c caller, in *sent[transferBody]) (entryView, error) {
		e, err := a.svc.TransferCredits(ctx, c.actor, c.key, fleet.Transfer{
			From: atlas.AccountID(in.Body.From), To: atlas.AccountID(in.Body.To), Amount: ledger.Credits(in.Body.Amount), Memo: in.Body.Memo,
		})
		return viewEntry(e), err
	})
	register(a, route{
		method: post, path: "/v1/credits/refunds", id: "refund-credits", tag: tag, summary: "Give back what a posting moved",
		status: 201, creates: true,
	}, func(ctx context.Context, c caller, in *sent[refundBody]) (entryView, error) {
		e, err := a.svc.RefundCredits(ctx, c.actor, c.key, fleet.Refund{
			EntryID: string(in.Body.EntryID), Amount: ledger.Credits(in.Body.Amount), Memo: in.Body.Memo,
		})
		return viewEntry(e), err
	})
}

func (a *API) credits(ctx context.Context, c caller, in *byID) (balanceView, error) {
	b, err := a.svc.Credits(ctx, c.actor, atlas.AccountID(in.ID))
	return balanceView{Balance: int64(b.Posted), Held: int64(b.Held), Available: int64(b.Available())}, err
}

func (a *API) entries(ctx context.Context, c caller, in *listedOf) (list[entryView], error) {
	return page(a, c, in.PageQuery, func(p atlas.Page) ([]ledger.Line, error) {
		return a.svc.CreditEntries(ctx, c.actor, atlas.AccountID(in.ID), p)
	}, func(l ledger.Line) string { return l.Entry.ID }, viewLine)
}

type holdView struct {
	ID        string    `json:"id"`
	AccountID string    `json:"account_id"`
	Amount    int64     `json:"amount"`
	Captured  int64     `json:"captured"`
	Released  int64     `json:"released"`
	Left      int64     `json:"left"`
	Memo      string    `json:"memo"`
	At        time.Time `json:"at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

func viewHold(h ledger.Hold) holdView {
	return holdView{
		ID: h.ID, AccountID: string(h.AccountID), Amount: int64(h.Amount), Captured: int64(h.Captured), Released: int64(h.Released),
		Left: int64(h.Left()), Memo: h.Memo, At: h.At, ExpiresAt: h.ExpiresAt,
	}
}

type holdBody struct {
	AccountID ident     `json:"account_id" validate:"required"`
	Amount    int64     `json:"amount" minimum:"1" maximum:"9007199254740991"`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"Never, unless given"`
	Memo      string    `json:"memo,omitempty" maxLength:"500"`
}

type captureBody struct {
	Amount int64 `json:"amount,omitempty" minimum:"1" maximum:"9007199254740991" doc:"All that is left, unless given"`
}

// captured is an input whose body may be left out.
type captured struct {
	ID   ident `path:"id"`
	Body *captureBody
}

func (a *API) routeHolds() {
	const tag = "credits"
	register(a, route{
		method: post, path: "/v1/credits/holds", id: "hold-credits", tag: tag, summary: "Set credits aside", status: 201, creates: true,
	}, func(ctx context.Context, c caller, in *sent[holdBody]) (holdView, error) {
		h, err := a.svc.HoldCredits(ctx, c.actor, c.key, fleet.NewHold{
			AccountID: atlas.AccountID(in.Body.AccountID), Amount: ledger.Credits(in.Body.Amount),
			ExpiresAt: in.Body.ExpiresAt, Memo: in.Body.Memo,
		})
		return viewHold(h), err
	})
	register(a, route{
		method: post, path: "/v1/credits/holds/{id}/capture", id: "capture-hold", tag: tag, summary: "Spend what was set aside", creates: true,
	}, func(ctx context.Context, c caller, in *captured) (entryView, error) {
		var amount ledger.Credits
		if in.Body != nil {
			amount = ledger.Credits(in.Body.Amount)
		}
		e, err := a.svc.CaptureHold(ctx, c.actor, c.key, string(in.ID), amount)
		return viewEntry(e), err
	})
	register(a, route{
		method: post, path: "/v1/credits/holds/{id}/release", id: "release-hold", tag: tag, summary: "Give back what was set aside", creates: true,
	}, func(ctx context.Context, c caller, in *byID) (holdView, error) {
		h, err := a.svc.ReleaseHold(ctx, c.actor, c.key, string(in.ID))
		return viewHold(h), err
	})
}

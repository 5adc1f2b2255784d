package fleet

import (
	"context"
	"errors"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// MaxCodes is the most codes of one issue.
const MaxCodes = 10_000

// NewCodes is a batch of codes to be issued.
type NewCodes struct {
	PlanID  string
	Count   int
	OwnerID atlas.AccountID // who pays, and will own the devices
	Prefix  string
	Note    string
}

// IssuedCode is a code with its text in clear.
type IssuedCode struct {
	activation.Code
	Text string
}

// IssueCodes makes a batch of codes and takes or sets aside what they cost,
// as the plan says. It returns ledger.ErrInsufficient if the owner's credits
// don't cover all of them; then none is made.
func (s *Service) IssueCodes(ctx context.Context, a atlas.Actor, key Key, in NewCodes) ([]IssuedCode, error) {
	c := call{actor: a, action: atlas.CodeIssue, target: string(in.OwnerID), key: key, input: in, still: []atlas.AccountID{in.OwnerID}}
	if err := s.admit(ctx, c); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, s.failed(ctx, c, atlas.Subject{}, err)
	}
	texts, err := s.codeTexts(in)
	if err != nil {
		return nil, s.failed(ctx, c, atlas.Subject{}, err)
	}
	return write(ctx, s, c, func(ctx context.Context, w *work) ([]IssuedCode, error) {
		owner, err := w.account(ctx, in.OwnerID)
		if err != nil {
			return nil, err
		}
		plan, err := w.tx.Codes().Plan(ctx, in.PlanID)
		if err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
		batch := w.id()
		hold, err := w.charge(ctx, plan, owner, in.Count, batch)
		if err != nil {
			return nil, err
		}
		out, err := w.codes(in, plan, owner, batch, hold, texts)
		if err != nil {
			return nil, err
		}
		rows := make([]activation.Code, len(out))
		for i := range out {
			rows[i] = out[i].Code
		}
		if err := w.tx.Codes().InsertCodes(ctx, rows); err != nil {
			return nil, err
		}
		for i := range out {
			out[i].Code = bare(out[i].Code)
		}
		return out, w.audit(ctx, batch, owner.Path, fact("plan", plan.ID), fact("count", in.Count))
	})
}

func (in NewCodes) check() error {
	if in.Count < 1 || in.Count > MaxCodes {
		return atlas.Invalid("count", "must be between 1 and %d", MaxCodes)
	}
	if err := atlas.CheckText("note", in.Note, 500); err != nil {
		return err
	}
	return activation.CheckPrefix(in.Prefix)
}

// codeTexts draws the codes before the transaction, so that a rerun issues
// the same ones.
func (s *Service) codeTexts(in NewCodes) ([]string, error) {
	texts := make([]string, in.Count)
	for i := range texts {
		text, err := activation.Generate(s.opt.Random, in.Prefix)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

// charge takes the credits of a batch, or sets them aside and returns the
// hold, at the moment the plan says.
func (w *work) charge(ctx context.Context, p activation.Plan, owner atlas.Account, count int, batch string) (hold string, err error) {
	cost := p.Cost() * ledger.Credits(count)
	switch {
	case cost == 0:
		return "", nil
	case p.Charge == activation.ChargeOnRedeem:
		h, err := ledger.Reserve(ctx, w.tx.Ledger(), ledger.Hold{
			ID: w.id(), AccountID: owner.ID, Amount: cost, RefID: batch, Memo: "activation codes", ByID: w.who.Account, At: w.now,
		})
		return h.ID, err
	}
	_, err = ledger.Post(ctx, w.tx.Ledger(), ledger.Order{
		ID: w.id(), Kind: ledger.KindSpend, From: owner.ID, To: ledger.Revenue(owner.Tenant), Amount: cost,
		Ref: batch, Memo: "activation codes", By: w.who.Account, At: w.now,
	})
	return "", err
}

func (w *work) codes(in NewCodes, p activation.Plan, owner atlas.Account, batch, hold string, texts []string) ([]IssuedCode, error) {
	out := make([]IssuedCode, len(texts))
	for i, text := range texts {
		lookup, err := w.s.codes.Lookup(text)
		if err != nil {
			return nil, err
		}
		id := w.id()
		out[i] = IssuedCode{Text: text, Code: activation.Code{
			ID: id, BatchID: batch, PlanID: p.ID, OwnerID: owner.ID, Path: owner.Path, Tenant: owner.Tenant, Prefix: in.Prefix,
			Lookup: lookup, Sealed: w.s.codes.Seal(id, text), State: activation.Issued, Price: p.Price, HoldID: hold,
			Devices: p.Devices, Note: in.Note, IssuedBy: w.who.Account, IssuedAt: w.now, RedeemBy: p.RedeemBy(w.now), Version: 1,
		}}
	}
	return out, nil
}

// Codes returns a page of the codes within the actor's reach, newest first,
// without their text.
func (s *Service) Codes(ctx context.Context, a atlas.Actor, f store.CodeFilter, p atlas.Page) ([]activation.Code, error) {
	c := call{actor: a, action: atlas.CodeRead}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]activation.Code, error) {
		scope, err := w.scope()
		if err != nil {
			return nil, err
		}
		codes, err := w.tx.Codes().List(ctx, scope, f, p)
		for i := range codes {
			codes[i] = bare(codes[i])
		}
		return codes, err
	})
}

// bare returns a code without what it is found and opened by, which never
// leaves the service.
func bare(c activation.Code) activation.Code {
	c.Lookup, c.Sealed = nil, nil
	return c
}

// RevealCode returns a code with its text, to be printed again.
func (s *Service) RevealCode(ctx context.Context, a atlas.Actor, id string) (IssuedCode, error) {
	c := call{actor: a, action: atlas.CodeReveal, target: id}
	return write(ctx, s, c, func(ctx context.Context, w *work) (IssuedCode, error) {
		code, err := w.code(ctx, id)
		if err != nil {
			return IssuedCode{}, err
		}
		text, err := s.codes.Open(code.ID, code.Sealed)
		if err != nil {
			return IssuedCode{}, err
		}
		return IssuedCode{Code: bare(code), Text: text}, w.audit(ctx, id, code.Path)
	})
}

func (w *work) code(ctx context.Context, id string) (activation.Code, error) {
	code, err := w.tx.Codes().Code(ctx, id)
	return seen(w, code, err)
}

// SuspendCode pauses a code: it can't be redeemed, and its devices are not
// verified any more.
func (s *Service) SuspendCode(ctx context.Context, a atlas.Actor, id string) (activation.Code, error) {
	return s.changeCode(ctx, a, id, activation.Code.Suspend)
}

// ResumeCode ends a pause.
func (s *Service) ResumeCode(ctx context.Context, a atlas.Actor, id string) (activation.Code, error) {
	return s.changeCode(ctx, a, id, activation.Code.Resume)
}

// RevokeCode withdraws a code for good. Credits still set aside for it go
// back to its owner.
func (s *Service) RevokeCode(ctx context.Context, a atlas.Actor, id string) (activation.Code, error) {
	return s.changeCode(ctx, a, id, activation.Code.Revoke)
}

func (s *Service) changeCode(ctx context.Context, a atlas.Actor, id string, rule func(activation.Code) (activation.Code, error)) (activation.Code, error) {
	c := call{actor: a, action: atlas.CodeChange, target: id}
	return write(ctx, s, c, func(ctx context.Context, w *work) (activation.Code, error) {
		code, err := w.code(ctx, id)
		if err != nil {
			return code, err
		}
		if code, err = rule(code); err != nil {
			return code, err
		}
		var unneeded ledger.Credits
		if code.State == activation.Revoked {
			unneeded = code.Unspent()
		}
		if err := w.saveCode(ctx, code, unneeded); err != nil {
			return code, err
		}
		code.Version++
		return bare(code), w.audit(ctx, id, code.Path, fact("state", code.State))
	})
}

// saveCode stores a changed code and gives back what of its price is not
// needed any more.
func (w *work) saveCode(ctx context.Context, code activation.Code, unneeded ledger.Credits) error {
	if unneeded > 0 {
		_, err := ledger.Release(ctx, w.tx.Ledger(), code.HoldID, unneeded, w.now)
		if err != nil && !errors.Is(err, ledger.ErrHold) {
			return err
		}
	}
	return w.tx.Codes().SaveCode(ctx, code)
}

package httpapi

import (
	"context"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

type planBody struct {
	Name       string `json:"name" minLength:"1" maxLength:"100"`
	Days       int64  `json:"days" minimum:"0" maximum:"36500" doc:"Length of an activation; 0: without end"`
	Devices    int64  `json:"devices" minimum:"1" maximum:"10000" doc:"Devices that may redeem one code"`
	Price      int64  `json:"price" minimum:"0" doc:"Credits for each device"`
	Charge     string `json:"charge" enum:"on_issue,on_redeem" doc:"When credits are taken"`
	GraceHours int64  `json:"grace_hours,omitempty" minimum:"0" maximum:"720" doc:"How long a missed daily verification is forgiven"`
	RedeemDays int64  `json:"redeem_days,omitempty" minimum:"0" maximum:"36500" doc:"How long a code can be redeemed; 0: without end"`
}

type planView struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Days       int64     `json:"days"`
	Devices    int64     `json:"devices"`
	Price      int64     `json:"price"`
	Charge     string    `json:"charge"`
	GraceHours int64     `json:"grace_hours"`
	RedeemDays int64     `json:"redeem_days"`
	CreatedAt  time.Time `json:"created_at"`
}

func viewPlan(p activation.Plan) planView {
	return planView{
		ID: p.ID, Name: p.Name, Days: p.Days, Devices: p.Devices, Price: int64(p.Price), Charge: string(p.Charge),
		GraceHours: p.GraceHours, RedeemDays: p.RedeemDays, CreatedAt: p.CreatedAt,
	}
}

func (a *API) routePlans() {
	register(a, route{method: get, path: "/v1/plans", id: "list-plans", tag: "activation", summary: "Plans"},
		func(ctx context.Context, c caller, in *listed) (list[planView], error) {
			return page(a, c, in.PageQuery, func(p atlas.Page) ([]activation.Plan, error) {
				return a.svc.Plans(ctx, c.actor, p)
			}, func(p activation.Plan) string { return p.ID }, viewPlan)
		})
	register(a, route{method: post, path: "/v1/plans", id: "create-plan", tag: "activation", summary: "Make a plan", status: 201, creates: true},
		func(ctx context.Context, c caller, in *sent[planBody]) (planView, error) {
			b := in.Body
			p, err := a.svc.CreatePlan(ctx, c.actor, c.key, activation.Plan{
				Name: b.Name, Days: b.Days, Devices: b.Devices, Price: ledger.Credits(b.Price), Charge: activation.Charge(b.Charge),
				GraceHours: b.GraceHours, RedeemDays: b.RedeemDays,
			})
			return viewPlan(p), err
		})
}

type codesBody struct {
	PlanID  ident  `json:"plan_id" validate:"required"`
	Count   int    `json:"count" minimum:"1" maximum:"10000"`
	OwnerID ident  `json:"owner_id" validate:"required" doc:"Who pays, and will own the devices"`
	Prefix  string `json:"prefix,omitempty" maxLength:"16"`
	Note    string `json:"note,omitempty" maxLength:"500"`
}

type codeView struct {
	ID        string    `json:"id"`
	BatchID   string    `json:"batch_id"`
	PlanID    string    `json:"plan_id"`
	OwnerID   string    `json:"owner_id"`
	Prefix    string    `json:"prefix"`
	State     string    `json:"state" enum:"issued,reserved,active,suspended,expired,revoked"`
	Price     int64     `json:"price"`
	Devices   int64     `json:"devices"`
	Used      int64     `json:"used"`
	Note      string    `json:"note"`
	IssuedAt  time.Time `json:"issued_at"`
	RedeemBy  time.Time `json:"redeem_by,omitzero"`
	FirstUsed time.Time `json:"first_used,omitzero"`
	Code      string    `json:"code,omitempty" doc:"In clear, where it was just issued or is revealed"`
}

func viewCode(c activation.Code) codeView {
	return codeView{
		ID: c.ID, BatchID: c.BatchID, PlanID: c.PlanID, OwnerID: string(c.OwnerID), Prefix: c.Prefix, State: string(c.State), Price: int64(c.Price),
		Devices: c.Devices, Used: c.Used, Note: c.Note, IssuedAt: c.IssuedAt, RedeemBy: c.RedeemBy, FirstUsed: c.FirstUsed,
	}
}

func viewIssued(c fleet.IssuedCode) codeView {
	v := viewCode(c.Code)
	v.Code = c.Text
	return v
}

type codesQuery struct {
	PageQuery
	OwnerID ident  `query:"owner_id"`
	PlanID  ident  `query:"plan_id"`
	BatchID ident  `query:"batch_id"`
	State   string `query:"state" enum:"issued,reserved,active,suspended,expired,revoked"`
}

func (a *API) routeCodes() {
	const tag, path = "activation", "/v1/activation-codes"
	register(a, route{method: get, path: path, id: "list-activation-codes", tag: tag, summary: "Activation codes, without their text", purpose: atlas.PurposeSupport}, a.codes)
	register(a, route{method: post, path: path, id: "issue-activation-codes", tag: tag, summary: "Issue activation codes", status: 201, creates: true}, a.issueCodes)
	register(a, route{
		method: post, path: path + "/{id}/reveal", id: "reveal-activation-code", tag: tag, summary: "The text of a code, to print it again",
		purpose: atlas.PurposeSupport,
	}, func(ctx context.Context, c caller, in *byID) (codeView, error) {
		code, err := a.svc.RevealCode(ctx, c.actor, string(in.ID))
		return viewIssued(code), err
	})
	for _, s := range []struct {
		verb, summary string
		use           func(context.Context, atlas.Actor, string) (activation.Code, error)
	}{
		{"suspend", "Pause a code and its devices", a.svc.SuspendCode},
		{"resume", "End a pause", a.svc.ResumeCode},
		{"revoke", "Withdraw a code for good", a.svc.RevokeCode},
	} {
		rt := route{method: post, path: path + "/{id}/" + s.verb, id: s.verb + "-activation-code", tag: tag, summary: s.summary}
		register(a, rt, func(ctx context.Context, c caller, in *byID) (codeView, error) {
			code, err := s.use(ctx, c.actor, string(in.ID))
			return viewCode(code), err
		})
	}
}

func (a *API) codes(ctx context.Context, c caller, in *codesQuery) (list[codeView], error) {
	f := store.CodeFilter{
		OwnerID: atlas.AccountID(in.OwnerID), PlanID: string(in.PlanID), BatchID: string(in.BatchID), State: activation.State(in.State),
	}
	return page(a, c, in.PageQuery, func(p atlas.Page) ([]activation.Code, error) {
		return a.svc.Codes(ctx, c.actor, f, p)
	}, func(c activation.Code) string { return c.ID }, viewCode)
}

func (a *API) issueCodes(ctx context.Context, c caller, in *sent[codesBody]) (list[codeView], error) {
	codes, err := a.svc.IssueCodes(ctx, c.actor, c.key, fleet.NewCodes{
		PlanID: string(in.Body.PlanID), Count: in.Body.Count, OwnerID: atlas.AccountID(in.Body.OwnerID),
		Prefix: in.Body.Prefix, Note: in.Body.Note,
	})
	return whole(codes, viewIssued), err
}

package httpapi

import (
	"context"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/store"
)

type accountView struct {
	ID          string    `json:"id"`
	Username    string    `json:"username"`
	DisplayName string    `json:"display_name"`
	Role        string    `json:"role" enum:"admin,reseller,sub_reseller,client"`
	ParentID    string    `json:"parent_id" doc:"Empty for an admin"`
	Status      string    `json:"status" enum:"active,suspended,blocked,closed"`
	Support     []string  `json:"support" nullable:"false" doc:"Remote-support permissions"`
	CreatedAt   time.Time `json:"created_at"`
}

func viewAccount(acc atlas.Account) accountView {
	return accountView{
		ID: string(acc.ID), Username: acc.Username, DisplayName: acc.DisplayName, Role: string(acc.Role), ParentID: string(acc.ParentID),
		Status: string(acc.Status), Support: acc.Support.Names(), CreatedAt: acc.CreatedAt,
	}
}

type accountBody struct {
	Username    string   `json:"username" maxLength:"64"`
	DisplayName string   `json:"display_name,omitempty" maxLength:"100"`
	Role        string   `json:"role" enum:"admin,reseller,sub_reseller,client"`
	ParentID    ident    `json:"parent_id,omitempty" doc:"Empty for an admin only"`
	Password    string   `json:"password" maxLength:"1024"`
	Support     []string `json:"support,omitempty" maxItems:"10" doc:"As many as role and parent allow, unless given"`
}

type accountPatch struct {
	Username    *string  `json:"username,omitempty" maxLength:"64" validate:"required_without_all=DisplayName Support"`
	DisplayName *string  `json:"display_name,omitempty" maxLength:"100"`
	Support     []string `json:"support,omitempty" maxItems:"10" validate:"excluded_with=Username DisplayName" doc:"Not together with the others"`
}

type moveBody struct {
	ParentID ident `json:"parent_id" validate:"required"`
}

type resetBody struct {
	Password string `json:"password" maxLength:"1024"`
}

type accountsQuery struct {
	PageQuery
	ParentID ident  `query:"parent_id"`
	Role     string `query:"role" enum:"admin,reseller,sub_reseller,client"`
	Status   string `query:"status" enum:"active,suspended,blocked,closed"`
	Query    string `query:"q" maxLength:"100" doc:"Found anywhere in the names"`
}

func (a *API) routeAccounts() {
	const tag = "accounts"
	register(a, route{method: get, path: "/v1/accounts", id: "list-accounts", tag: tag, summary: "Accounts", purpose: atlas.PurposeSupport}, a.accounts)
	register(a, route{method: post, path: "/v1/accounts", id: "create-account", tag: tag, summary: "Make an account", status: 201, creates: true}, a.createAccount)
	register(a, route{method: get, path: "/v1/accounts/{id}", id: "get-account", tag: tag, summary: "An account", purpose: atlas.PurposeSupport}, a.account)
	register(a, route{method: patch, path: "/v1/accounts/{id}", id: "update-account", tag: tag, summary: "Change names or support permissions"}, a.updateAccount)
	register(a, route{method: post, path: "/v1/accounts/{id}/move", id: "move-account", tag: tag, summary: "Put under another parent, with all below it"}, a.moveAccount)
	for _, s := range []struct {
		verb, summary string
		use           func(context.Context, atlas.Actor, atlas.AccountID) (atlas.Account, error)
	}{
		{"suspend", "Pause, with all below it", a.svc.SuspendAccount},
		{"resume", "End a pause", a.svc.ResumeAccount},
		{"block", "Stop for abuse, with all below it", a.svc.BlockAccount},
		{"close", "End for good", a.svc.CloseAccount},
	} {
		rt := route{method: post, path: "/v1/accounts/{id}/" + s.verb, id: s.verb + "-account", tag: tag, summary: s.summary}
		register(a, rt, func(ctx context.Context, c caller, in *byID) (accountView, error) {
			acc, err := s.use(ctx, c.actor, atlas.AccountID(in.ID))
			return viewAccount(acc), err
		})
	}
	registerEmpty(a, route{
		method: post, path: "/v1/accounts/{id}/password", id: "reset-password", tag: tag,
		summary: "Set the password of an account below you and end its sessions",
	}, a.resetPassword)
	registerEmpty(a, route{method: del, path: "/v1/accounts/{id}/sessions", id: "end-sessions", tag: tag, summary: "End all sessions but your own"}, a.endSessions)
}

func (a *API) accounts(ctx context.Context, c caller, in *accountsQuery) (list[accountView], error) {
	f := store.AccountFilter{
		ParentID: atlas.AccountID(in.ParentID), Role: atlas.Role(in.Role), Status: atlas.Status(in.Status), Query: in.Query,
	}
	return page(a, c, in.PageQuery, func(p atlas.Page) ([]atlas.Account, error) {
		return a.svc.Accounts(ctx, c.actor, f, p)
	}, func(acc atlas.Account) string { return string(acc.ID) }, viewAccount)
}

func (a *API) createAccount(ctx context.Context, c caller, in *sent[accountBody]) (accountView, error) {
	want := fleet.NewAccount{
		Username: in.Body.Username, DisplayName: in.Body.DisplayName, Role: atlas.Role(in.Body.Role),
		ParentID: atlas.AccountID(in.Body.ParentID), Password: in.Body.Password,
	}
	if in.Body.Support != nil {
		s, err := atlas.ParseSupport(in.Body.Support)
		if err != nil {
			return accountView{}, err
		}
		want.Support = &s
	}
	acc, err := a.svc.CreateAccount(ctx, c.actor, c.key, want)
	return viewAccount(acc), err
}

func (a *API) account(ctx context.Context, c caller, in *byID) (accountView, error) {
	acc, err := a.svc.Account(ctx, c.actor, atlas.AccountID(in.ID))
	return viewAccount(acc), err
}

func (a *API) updateAccount(ctx context.Context, c caller, in *sentTo[accountPatch]) (accountView, error) {
	id := atlas.AccountID(in.ID)
	if in.Body.Support != nil {
		s, err := atlas.ParseSupport(in.Body.Support)
		if err != nil {
			return accountView{}, err
		}
		acc, err := a.svc.SetSupport(ctx, c.actor, id, s)
		return viewAccount(acc), err
	}
	acc, err := a.svc.UpdateAccount(ctx, c.actor, id, fleet.AccountChange{DisplayName: in.Body.DisplayName, Username: in.Body.Username})
	return viewAccount(acc), err
}

func (a *API) moveAccount(ctx context.Context, c caller, in *sentTo[moveBody]) (accountView, error) {
	acc, err := a.svc.MoveAccount(ctx, c.actor, atlas.AccountID(in.ID), atlas.AccountID(in.Body.ParentID))
	return viewAccount(acc), err
}

func (a *API) resetPassword(ctx context.Context, c caller, in *sentTo[resetBody]) error {
	return a.svc.ResetPassword(ctx, c.actor, atlas.AccountID(in.ID), in.Body.Password)
}

func (a *API) endSessions(ctx context.Context, c caller, in *byID) error {
	return a.svc.EndSessions(ctx, c.actor, atlas.AccountID(in.ID))
}

package httpapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
)

type signInBody struct {
	Username string `json:"username" maxLength:"256"`
	Password string `json:"password" maxLength:"1024"`
	TOTP     string `json:"totp,omitempty" maxLength:"16" doc:"Second factor; no account has one yet"`
	Browser  string `json:"browser,omitempty" maxLength:"256" doc:"The browser of an earlier sign-in to this account, whose failures are counted apart from everybody else's"`
}

type signedInView struct {
	Token     string      `json:"token" doc:"Shown here only"`
	ExpiresAt time.Time   `json:"expires_at"`
	Account   accountView `json:"account"`
	Browser   string      `json:"browser" doc:"To be kept after signing out, and sent with the next sign-in from here; it opens nothing"`
}

type sessionView struct {
	ID         string    `json:"id"`
	AccountID  string    `json:"account_id"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Origin     string    `json:"origin"`
	UserAgent  string    `json:"user_agent"`
	Current    bool      `json:"current" doc:"Whether it is the one that asks"`
}

type passwordBody struct {
	Present string `json:"present" maxLength:"1024"`
	Next    string `json:"next" maxLength:"1024"`
}

func (a *API) routeSessions() {
	register(a, route{method: post, path: "/v1/sessions", id: "sign-in", tag: "sessions", summary: "Sign in", status: 201, open: true}, a.signIn)
	register(a, route{
		method: get, path: "/v1/sessions", id: "list-sessions", tag: "sessions", summary: "Open sessions of an account",
		purpose: atlas.PurposeSecurity,
	}, a.sessions)
	registerEmpty(a, route{method: del, path: "/v1/sessions/current", id: "sign-out", tag: "sessions", summary: "Sign out"}, a.signOut)
	register(a, route{method: get, path: "/v1/me", id: "me", tag: "sessions", summary: "The account that asks"}, a.me)
	registerEmpty(a, route{
		method: post, path: "/v1/password", id: "change-password", tag: "sessions",
		summary: "Change your own password and end your other sessions",
	}, a.changePassword)
}

func (a *API) signIn(ctx context.Context, c caller, in *sent[signInBody]) (signedInView, error) {
	out, err := a.svc.SignIn(ctx, fleet.Login{
		Username: in.Body.Username, Password: in.Body.Password, Origin: c.origin, UserAgent: c.agent, Browser: in.Body.Browser,
	})
	if err != nil {
		return signedInView{}, err
	}
	return signedInView{Token: out.Token, ExpiresAt: out.ExpiresAt, Account: viewAccount(out.Account), Browser: out.Browser}, nil
}

func (a *API) signOut(ctx context.Context, c caller, _ *nothing) error {
	if c.token == "" || strings.HasPrefix(c.actor.Session, "key:") {
		return fmt.Errorf("httpapi: no session to end (%w)", atlas.ErrRefused)
	}
	return a.svc.SignOut(ctx, c.token)
}

func (a *API) me(ctx context.Context, c caller, _ *nothing) (accountView, error) {
	acc, err := a.svc.Me(ctx, c.actor)
	return viewAccount(acc), err
}

func (a *API) sessions(ctx context.Context, c caller, in *ofAccount) (list[sessionView], error) {
	all, err := a.svc.Sessions(ctx, c.actor, in.account(c))
	return whole(all, func(s identity.Session) sessionView {
		return sessionView{
			ID: s.ID, AccountID: string(s.AccountID), CreatedAt: s.CreatedAt, LastSeenAt: s.LastSeenAt, ExpiresAt: s.ExpiresAt,
			Origin: s.Origin, UserAgent: s.UserAgent, Current: s.ID == c.actor.Session,
		}
	}), err
}

func (a *API) changePassword(ctx context.Context, c caller, in *sent[passwordBody]) error {
	return a.svc.ChangePassword(ctx, c.actor, in.Body.Present, in.Body.Next)
}

type keyBody struct {
	Name      string    `json:"name" minLength:"1" maxLength:"100"`
	Scopes    []string  `json:"scopes" nullable:"false" minItems:"1" maxItems:"100" doc:"Actions it is good for, such as device.read"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

type keyView struct {
	ID         string    `json:"id"`
	AccountID  string    `json:"account_id"`
	Name       string    `json:"name"`
	Scopes     []string  `json:"scopes" nullable:"false"`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	Token      string    `json:"token,omitempty" doc:"Shown once, when the key is made"`
}

func viewKey(k identity.APIKey) keyView {
	return keyView{
		ID: k.ID, AccountID: string(k.AccountID), Name: k.Name, Scopes: orEmpty(k.Scopes), CreatedAt: k.CreatedAt,
		ExpiresAt: k.ExpiresAt, LastUsedAt: k.LastUsedAt, RevokedAt: k.RevokedAt,
	}
}

func (a *API) routeAPIKeys() {
	register(a, route{method: get, path: "/v1/api-keys", id: "list-api-keys", tag: "api-keys", summary: "API keys of an account"}, a.apiKeys)
	register(a, route{
		method: post, path: "/v1/api-keys", id: "create-api-key", tag: "api-keys",
		summary: "Make an API key for your own account", status: 201, creates: true,
	}, a.createAPIKey)
	registerEmpty(a, route{method: del, path: "/v1/api-keys/{id}", id: "revoke-api-key", tag: "api-keys", summary: "End an API key"}, a.revokeAPIKey)
}

func (a *API) apiKeys(ctx context.Context, c caller, in *ofAccount) (list[keyView], error) {
	keys, err := a.svc.APIKeys(ctx, c.actor, in.account(c))
	return whole(keys, viewKey), err
}

func (a *API) createAPIKey(ctx context.Context, c caller, in *sent[keyBody]) (keyView, error) {
	out, err := a.svc.CreateAPIKey(ctx, c.actor, c.key, fleet.NewAPIKey{
		Name: in.Body.Name, Scopes: in.Body.Scopes, ExpiresAt: in.Body.ExpiresAt,
	})
	v := viewKey(out.Key)
	v.Token = out.Token
	return v, err
}

func (a *API) revokeAPIKey(ctx context.Context, c caller, in *byID) error {
	return a.svc.RevokeAPIKey(ctx, c.actor, string(in.ID))
}

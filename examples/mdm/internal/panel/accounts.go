package panel

import (
	"context"
	"net/http"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// node is an account in the tree.
type node struct {
	atlas.Account
	Balance ledger.Balance
	Kids    []node
	Unread  bool   // its children are fetched when it is opened
	After   string // where the rest of its children begins
}

// maxNodes is how many accounts one answer reads; the rest of a tree is
// fetched as it is opened.
const maxNodes = 60

type accountsBody struct {
	Query string
	Roots []node
	Found []node // instead of Roots, for a query
	New   form
}

func (p *Panel) accounts(w http.ResponseWriter, r *http.Request, v *visit) error {
	body := accountsBody{Query: strings.TrimSpace(r.URL.Query().Get("q")), New: p.accountForm(r.Context(), v, "")}
	s := sheet{Title: "Accounts", At: "/accounts", Visit: v}
	var err error
	if body.Query != "" {
		f := store.AccountFilter{Query: body.Query}
		var last string
		if body.Found, last, err = p.nodes(r.Context(), v, f, pageOf(r)); err != nil {
			return err
		}
		s.Older = older(r, len(body.Found), last)
	} else if body.Roots, err = p.roots(r.Context(), v); err != nil {
		return err
	}
	s.Body = body
	p.show(w, r, http.StatusOK, "accounts", s)
	return nil
}

// roots is the tree from the visitor's own account down; an Admin sees the
// trees of all Admins.
func (p *Panel) roots(ctx context.Context, v *visit) ([]node, error) {
	left := maxNodes
	if v.Me.Role == atlas.Admin {
		return p.below(ctx, v, store.AccountFilter{Role: atlas.Admin}, &left, atlas.Page{Limit: pageSize})
	}
	b, err := p.svc.Credits(ctx, v.Actor, v.Me.ID)
	if err != nil {
		return nil, err
	}
	me := node{Account: v.Me, Balance: b}
	if v.Me.Role != atlas.Client {
		me.Kids, err = p.below(ctx, v, store.AccountFilter{ParentID: v.Me.ID}, &left, atlas.Page{Limit: pageSize})
	}
	return []node{me}, err
}

// below reads the accounts of a filter and what is below them, as long as
// there are some left to read.
func (p *Panel) below(ctx context.Context, v *visit, f store.AccountFilter, left *int, page atlas.Page) ([]node, error) {
	nodes, _, err := p.nodes(ctx, v, f, page)
	if err != nil {
		return nil, err
	}
	*left -= len(nodes)
	for i, n := range nodes {
		switch {
		case n.Role == atlas.Client:
		case *left <= 0:
			nodes[i].Unread = true
		default:
			if nodes[i].Kids, err = p.below(ctx, v, store.AccountFilter{ParentID: n.ID}, left, atlas.Page{Limit: pageSize}); err != nil {
				return nil, err
			}
			if k := nodes[i].Kids; len(k) == pageSize {
				nodes[i].After = string(k[len(k)-1].ID)
			}
		}
	}
	return nodes, nil
}

// nodes is one page of accounts with their credits.
func (p *Panel) nodes(ctx context.Context, v *visit, f store.AccountFilter, page atlas.Page) (out []node, last string, err error) {
	all, err := p.svc.Accounts(ctx, v.Actor, f, page)
	if err != nil {
		return nil, "", err
	}
	for _, a := range all {
		b, err := p.svc.Credits(ctx, v.Actor, a.ID)
		if err != nil {
			return nil, "", err
		}
		out, last = append(out, node{Account: a, Balance: b}), string(a.ID)
	}
	return out, last, nil
}

func (p *Panel) accountChildren(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, left := atlas.AccountID(r.PathValue("id")), maxNodes
	kids, err := p.below(r.Context(), v, store.AccountFilter{ParentID: id}, &left, pageOf(r))
	if err != nil {
		return err
	}
	parent := node{Account: atlas.Account{ID: id}, Kids: kids}
	if len(kids) == pageSize {
		parent.After = string(kids[len(kids)-1].ID)
	}
	p.fragment(w, r, http.StatusOK, "accounts", "branches", parent)
	return nil
}

type accountBody struct {
	node
	Names   names
	Lines   []ledger.Line
	Devices int64
	Forms   []form
	// StatusDo is what may be done to its status: "suspend", "resume" or "".
	StatusDo string
}

// Counterparty names the other side of a posting.
func (b accountBody) Counterparty(id atlas.AccountID) string {
	if ledger.IsSystem(id) {
		kind, _, _ := strings.Cut(string(id), "/")
		return kind
	}
	return b.Names.Of(id)
}

func (p *Panel) account(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, id := r.Context(), atlas.AccountID(r.PathValue("id"))
	a, err := p.svc.Account(ctx, v.Actor, id)
	if err != nil {
		return err
	}
	body := accountBody{node: node{Account: a}, Names: p.names(ctx, v), Forms: p.accountForms(ctx, v, a), StatusDo: statusAction(v, a)}
	if body.Balance, err = p.svc.Credits(ctx, v.Actor, id); err != nil {
		return err
	}
	if body.Lines, err = p.svc.CreditEntries(ctx, v.Actor, id, pageOf(r)); err != nil {
		return err
	}
	if body.Devices, err = p.svc.CountDevices(ctx, v.Actor, store.DeviceFilter{OwnerID: id}); err != nil {
		return err
	}
	last := ""
	if n := len(body.Lines); n > 0 {
		last = body.Lines[n-1].Entry.ID
	}
	p.show(w, r, http.StatusOK, "account", sheet{
		Title: a.Username, At: "/accounts", Visit: v, Body: body, Older: older(r, len(body.Lines), last),
	})
	return nil
}

func statusAction(v *visit, a atlas.Account) string {
	switch {
	case a.ID == v.Me.ID || !v.MayOn(string(atlas.AccountSuspend), a.Path):
		return ""
	case a.Status == atlas.Active:
		return "suspend"
	case a.Status == atlas.Suspended:
		return "resume"
	}
	return ""
}

// accountForms are the forms of an account's page that the policy allows.
func (p *Panel) accountForms(ctx context.Context, v *visit, a atlas.Account) []form {
	var out []form
	if v.MayOn(string(atlas.CreditTransfer), a.Path) {
		out = append(out, p.transferForm(ctx, v, a.ID))
	}
	if v.MayOn(string(atlas.CreditGrant), a.Path) && a.Role != atlas.Admin {
		out = append(out, grantForm(a.ID))
	}
	if v.MayOn(string(atlas.AccountCreate), a.Path) && a.Role != atlas.Client {
		out = append(out, p.accountForm(ctx, v, a.ID))
	}
	return out
}

// accountForm is the form for a new account, below the given parent or one to
// be chosen.
func (p *Panel) accountForm(ctx context.Context, v *visit, parent atlas.AccountID) form {
	f := form{ID: "new-account", Action: "/accounts", Title: "New account", Submit: "Create account", Fields: []field{
		{Name: "username", Label: "Username", Required: true, Auto: "off", Hint: "3 to 64 letters, digits and . _ - + @"},
		{Name: "display_name", Label: "Name", Auto: "off"},
		{Name: "role", Label: "Role", Kind: "select", Options: roles(v.Me.Role)},
		{Name: "parent_id", Label: "Below", Kind: "select", Value: string(parent), Options: p.accountOptions(ctx, v, func(a atlas.Account) bool { return a.Role != atlas.Client })},
		{Name: "password", Label: "First password", Kind: "password", Required: true, Auto: "new-password", Hint: "At least 8 characters"},
	}}
	if parent == "" {
		f.Fields[3].Value = string(v.Me.ID)
	}
	return f
}

// roles are those that can be below an account of the visitor's role or below
// what is below it.
func roles(own atlas.Role) []option {
	var out []option
	for _, r := range atlas.Roles() {
		if own.MayParent(r) || own == atlas.Admin && r == atlas.SubReseller {
			out = append(out, option{Value: string(r), Label: capital(words(r))})
		}
	}
	return out
}

// accountOptions are the accounts a visitor may choose from in a form.
func (p *Panel) accountOptions(ctx context.Context, v *visit, fit func(atlas.Account) bool) []option {
	all, err := p.svc.Accounts(ctx, v.Actor, store.AccountFilter{}, atlas.Page{Limit: atlas.MaxPage})
	if err != nil {
		p.log.WarnContext(ctx, "accounts were not listed for a form", "error", err)
	}
	var out []option
	for i := len(all) - 1; i >= 0; i-- { // oldest first: the top of the tree
		if a := all[i]; a.Status == atlas.Active && fit(a) {
			out = append(out, option{Value: string(a.ID), Label: a.Username + " (" + words(a.Role) + ")"})
		}
	}
	return out
}

func (p *Panel) createAccount(w http.ResponseWriter, r *http.Request, v *visit) error {
	a, err := p.svc.CreateAccount(r.Context(), v.Actor, key(r), fleet.NewAccount{
		Username: r.PostFormValue("username"), DisplayName: r.PostFormValue("display_name"), Role: atlas.Role(r.PostFormValue("role")),
		ParentID: atlas.AccountID(r.PostFormValue("parent_id")), Password: r.PostFormValue("password"),
	})
	if err != nil {
		p.refuse(w, r, v, p.accountForm(r.Context(), v, ""), onField(err, "username"))
		return nil
	}
	return done(w, r, "/accounts/"+string(a.ID), "account")
}

func (p *Panel) accountStatus(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, change, what := atlas.AccountID(r.PathValue("id")), p.svc.SuspendAccount, "suspended"
	switch r.PostFormValue("do") {
	case "suspend":
	case "resume":
		change, what = p.svc.ResumeAccount, "resumed"
	default:
		return atlas.Invalid("do", "is neither suspend nor resume")
	}
	if _, err := change(r.Context(), v.Actor, id); err != nil {
		return err
	}
	return done(w, r, "/accounts/"+string(id), what)
}

package panel

import (
	"context"
	"net/http"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
)

func grantForm(to atlas.AccountID) form {
	return form{
		ID: "grant", Action: "/accounts/" + string(to) + "/grant", Title: "Grant new credits", Submit: "Grant",
		Hint: "Puts credits into circulation.", Fields: moneyFields(),
	}
}

func moneyFields() []field {
	return []field{
		{Name: "amount", Label: "Credits", Kind: "number", Min: "1", Required: true},
		{Name: "memo", Label: "Memo", Auto: "off"},
	}
}

func (p *Panel) grant(w http.ResponseWriter, r *http.Request, v *visit) error {
	id := atlas.AccountID(r.PathValue("id"))
	n, err := amount(r)
	if err == nil {
		_, err = p.svc.GrantCredits(r.Context(), v.Actor, key(r), fleet.Grant{AccountID: id, Amount: n, Memo: r.PostFormValue("memo")})
	}
	if err != nil {
		p.refuse(w, r, v, grantForm(id), err)
		return nil
	}
	return done(w, r, "/accounts/"+string(id), "grant")
}

func (p *Panel) transferForm(ctx context.Context, v *visit, id atlas.AccountID) form {
	others := p.accountOptions(ctx, v, func(a atlas.Account) bool { return a.ID != id })
	fields := append([]field{
		{Name: "direction", Label: "Direction", Kind: "select", Options: []option{{Value: "in", Label: "to this account"}, {Value: "out", Label: "from this account"}}},
		{Name: "other", Label: "The other account", Kind: "select", Value: string(v.Me.ID), Options: others},
	}, moneyFields()...)
	return form{
		ID: "transfer", Action: "/accounts/" + string(id) + "/transfer", Title: "Move credits", Submit: "Move",
		Hint: "Down the tree, or back up: one of the two accounts is above the other.", Fields: fields,
	}
}

func (p *Panel) transfer(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, other := atlas.AccountID(r.PathValue("id")), atlas.AccountID(r.PostFormValue("other"))
	in := fleet.Transfer{From: other, To: id, Memo: r.PostFormValue("memo")}
	if r.PostFormValue("direction") == "out" {
		in.From, in.To = id, other
	}
	var err error
	if in.Amount, err = amount(r); err == nil {
		_, err = p.svc.TransferCredits(r.Context(), v.Actor, key(r), in)
	}
	if err != nil {
		p.refuse(w, r, v, p.transferForm(r.Context(), v, id), err)
		return nil
	}
	return done(w, r, "/accounts/"+string(id), "transfer")
}

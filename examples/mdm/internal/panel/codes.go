package panel

import (
	"context"
	"net/http"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// codeRow is a code in a list.
type codeRow struct {
	activation.Code
	Plan, Owner string
	Change      []string // what may be done to its state
}

type codesBody struct {
	Plans  []activation.Plan
	Rows   []codeRow
	Issue  form
	Plan   form
	Issued []fleet.IssuedCode // just now
}

func (p *Panel) codes(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.codesSheet(r, v, nil)
	if err != nil {
		return err
	}
	p.show(w, r, http.StatusOK, "codes", s)
	return nil
}

func (p *Panel) codesSheet(r *http.Request, v *visit, issued []fleet.IssuedCode) (sheet, error) {
	ctx := r.Context()
	s := sheet{Title: "Activation codes", At: "/codes", Visit: v}
	plans, err := p.svc.Plans(ctx, v.Actor, atlas.Page{Limit: atlas.MaxPage})
	if err != nil {
		return s, err
	}
	codes, err := p.svc.Codes(ctx, v.Actor, store.CodeFilter{}, pageOf(r))
	if err != nil {
		return s, err
	}
	body := codesBody{Plans: plans, Plan: planForm(), Issued: issued}
	if v.May(string(atlas.CodeIssue)) && len(plans) > 0 {
		body.Issue = p.issueForm(ctx, v, plans)
	}
	owners, titles := p.names(ctx, v), planNames(plans)
	for _, c := range codes {
		body.Rows = append(body.Rows, codeRow{c, titles[c.PlanID], owners.Of(c.OwnerID), codeChanges(v, c)})
		s.Older = older(r, len(codes), c.ID)
	}
	s.Body = body
	return s, nil
}

func planNames(plans []activation.Plan) map[string]string {
	out := map[string]string{}
	for _, p := range plans {
		out[p.ID] = p.Name
	}
	return out
}

func codeChanges(v *visit, c activation.Code) []string {
	if !v.MayOn(string(atlas.CodeChange), c.Path) {
		return nil
	}
	switch c.State {
	case activation.Issued, activation.Active, activation.Reserved:
		return []string{"suspend", "revoke"}
	case activation.Suspended:
		return []string{"resume", "revoke"}
	}
	return nil
}

func (p *Panel) issueForm(ctx context.Context, v *visit, plans []activation.Plan) form {
	var choice []option
	for _, pl := range plans {
		choice = append(choice, option{Value: pl.ID, Label: pl.Name + " · " + group(pl.Cost()) + " credits a code"})
	}
	return form{ID: "issue", Action: "/codes", Title: "Issue codes", Submit: "Issue", Fields: []field{
		{Name: "plan_id", Label: "Plan", Kind: "select", Options: choice},
		{Name: "owner_id", Label: "For", Kind: "select", Options: p.accountOptions(ctx, v, func(a atlas.Account) bool { return a.Role != atlas.Admin }), Hint: "Pays for the codes and will own the devices."},
		{Name: "count", Label: "How many", Kind: "number", Min: "1", Value: "10", Required: true},
		{Name: "prefix", Label: "Prefix", Auto: "off", Hint: "Up to 12 letters and digits; no 0, O, 1, I or L."},
		{Name: "note", Label: "Note", Auto: "off"},
	}}
}

// issueCodes shows the new codes as a sheet to print. Loading it again shows
// the same codes: the form's key makes it one deed.
func (p *Panel) issueCodes(w http.ResponseWriter, r *http.Request, v *visit) error {
	n, err := number(r, "count")
	var codes []fleet.IssuedCode
	if err == nil {
		codes, err = p.svc.IssueCodes(r.Context(), v.Actor, key(r), fleet.NewCodes{
			PlanID: r.PostFormValue("plan_id"), Count: int(min(n, fleet.MaxCodes+1)), OwnerID: atlas.AccountID(r.PostFormValue("owner_id")),
			Prefix: r.PostFormValue("prefix"), Note: r.PostFormValue("note"),
		})
	}
	if err != nil {
		plans, perr := p.svc.Plans(r.Context(), v.Actor, atlas.Page{Limit: atlas.MaxPage})
		if perr != nil {
			return perr
		}
		p.refuse(w, r, v, p.issueForm(r.Context(), v, plans), err)
		return nil
	}
	s, err := p.codesSheet(r, v, codes)
	if err != nil {
		return err
	}
	if isHTMX(r) {
		w.Header().Set("HX-Retarget", "#content")
		w.Header().Set("HX-Reswap", "innerHTML show:#issued:top")
		p.fragment(w, r, http.StatusOK, "codes", "main", s)
		return nil
	}
	p.show(w, r, http.StatusOK, "codes", s)
	return nil
}

func (p *Panel) revealCode(w http.ResponseWriter, r *http.Request, v *visit) error {
	c, err := p.svc.RevealCode(r.Context(), v.Actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	if !isHTMX(r) {
		p.show(w, r, http.StatusOK, "issued", sheet{Title: "Code", At: "/codes", Visit: v, Body: []fleet.IssuedCode{c}})
		return nil
	}
	p.fragment(w, r, http.StatusOK, "codes", "code-text", c.Text)
	return nil
}

func (p *Panel) codeState(w http.ResponseWriter, r *http.Request, v *visit) error {
	change, ok := map[string]func(context.Context, atlas.Actor, string) (activation.Code, error){
		"suspend": p.svc.SuspendCode, "resume": p.svc.ResumeCode, "revoke": p.svc.RevokeCode,
	}[r.PostFormValue("do")]
	if !ok {
		return atlas.Invalid("do", "is none of suspend, resume, revoke")
	}
	if _, err := change(r.Context(), v.Actor, r.PathValue("id")); err != nil {
		return err
	}
	return done(w, r, "/codes", "code")
}

func planForm() form {
	return form{ID: "plan", Action: "/plans", Title: "New plan", Submit: "Create plan", Fields: []field{
		{Name: "name", Label: "Name", Required: true, Auto: "off"},
		{Name: "days", Label: "Days", Kind: "number", Min: "0", Value: "365", Hint: "Length of an activation; 0 is without end."},
		{Name: "devices", Label: "Devices a code", Kind: "number", Min: "1", Value: "1"},
		{Name: "price", Label: "Credits a device", Kind: "number", Min: "0", Value: "10"},
		{Name: "charge", Label: "Charged", Kind: "select", Options: []option{
			{Value: string(activation.ChargeOnRedeem), Label: "when a device redeems the code"},
			{Value: string(activation.ChargeOnIssue), Label: "when the code is issued"},
		}},
		{Name: "grace_hours", Label: "Grace in hours", Kind: "number", Min: "0", Value: "72", Hint: "How long a missed daily verification is forgiven."},
		{Name: "redeem_days", Label: "Redeem within days", Kind: "number", Min: "0", Value: "0", Hint: "0 is for ever."},
	}}
}

func (p *Panel) createPlan(w http.ResponseWriter, r *http.Request, v *visit) error {
	in := activation.Plan{Name: r.PostFormValue("name"), Charge: activation.Charge(r.PostFormValue("charge"))}
	var price int64
	var err error
	for name, to := range map[string]*int64{"days": &in.Days, "devices": &in.Devices, "price": &price, "grace_hours": &in.GraceHours, "redeem_days": &in.RedeemDays} {
		if *to, err = number(r, name); err != nil {
			break
		}
	}
	if in.Price = ledger.Credits(price); err == nil {
		_, err = p.svc.CreatePlan(r.Context(), v.Actor, key(r), in)
	}
	if err != nil {
		p.refuse(w, r, v, planForm(), err)
		return nil
	}
	return done(w, r, "/codes", "plan")
}

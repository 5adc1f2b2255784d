package panel

import (
	"context"
	"net/http"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// overview are the numbers of the first page.
type overview struct {
	Devices, Online int64
	Credits         ledger.Balance
	Codes           []tally
	Packages        []tally
	Events          []event
}

// tally is how many there are in a state; More says that there are at least
// as many.
type tally struct {
	State string
	N     int
	More  bool
}

func (p *Panel) overview(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showOverview(w, r, v, "layout")
}

func (p *Panel) overviewNumbers(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showOverview(w, r, v, "numbers")
}

func (p *Panel) showOverview(w http.ResponseWriter, r *http.Request, v *visit, block string) error {
	o, err := p.numbers(r.Context(), v)
	if err != nil {
		return err
	}
	p.fragment(w, r, http.StatusOK, "overview", block, sheet{Title: "Overview", At: "/", Visit: v, Body: o})
	return nil
}

func (p *Panel) numbers(ctx context.Context, v *visit) (o overview, err error) {
	if o.Devices, err = p.svc.CountDevices(ctx, v.Actor, store.DeviceFilter{}); err != nil {
		return o, err
	}
	if o.Online, err = p.svc.CountDevices(ctx, v.Actor, p.svc.OnlineFilter(store.DeviceFilter{}, true)); err != nil {
		return o, err
	}
	if o.Credits, err = p.svc.Credits(ctx, v.Actor, v.Me.ID); err != nil {
		return o, err
	}
	if o.Codes, err = p.codeTally(ctx, v); err != nil {
		return o, err
	}
	if o.Packages, err = p.packageTally(ctx, v); err != nil {
		return o, err
	}
	events, err := p.svc.AuditEvents(ctx, v.Actor, atlas.Page{Limit: 8})
	o.Events = p.describe(ctx, v, events)
	return o, err
}

func (p *Panel) codeTally(ctx context.Context, v *visit) ([]tally, error) {
	var out []tally
	for _, s := range []activation.State{activation.Issued, activation.Active, activation.Suspended} {
		codes, err := p.svc.Codes(ctx, v.Actor, store.CodeFilter{State: s}, atlas.Page{Limit: atlas.MaxPage})
		if err != nil {
			return nil, err
		}
		if len(codes) > 0 || s != activation.Suspended {
			out = append(out, tally{string(s), len(codes), len(codes) == atlas.MaxPage})
		}
	}
	return out, nil
}

func (p *Panel) packageTally(ctx context.Context, v *visit) ([]tally, error) {
	all, err := p.svc.APKs(ctx, v.Actor, atlas.Page{Limit: atlas.MaxPage})
	if err != nil {
		return nil, err
	}
	n := map[intake.State]int{}
	for _, a := range all {
		n[a.State]++
	}
	var out []tally
	for _, s := range intake.States() {
		if n[s] > 0 || s == intake.Clean {
			out = append(out, tally{string(s), n[s], len(all) == atlas.MaxPage})
		}
	}
	return out, nil
}

// names are the usernames of accounts by id, for tables that have ids only:
// the newest ones, which is enough of a small tree; others show as ids. It is
// decoration, so an error gives none.
func (p *Panel) names(ctx context.Context, v *visit) names {
	out := names{v.Me.ID: v.Me.Username}
	all, err := p.svc.Accounts(ctx, v.Actor, store.AccountFilter{}, atlas.Page{Limit: atlas.MaxPage})
	if err != nil {
		return out
	}
	for _, a := range all {
		out[a.ID] = a.Username
	}
	return out
}

type names map[atlas.AccountID]string

// Of returns the name of an account, or the end of its id.
func (n names) Of(id atlas.AccountID) string {
	if name, ok := n[id]; ok {
		return name
	}
	return short(id)
}

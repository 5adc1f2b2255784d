package panel

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// Deployments is how a package arrives on its devices.
type Deployments struct {
	Rows                           []commandRow
	Total, Ended, Succeeded, Worse int64 // devices of what is counted
	Refresh                        string
	Older                          string
}

// Running reports whether there is something to wait for.
func (d Deployments) Running() bool { return d.Ended < d.Total }

func (p *Panel) apkDeployments(w http.ResponseWriter, r *http.Request, v *visit) error {
	d, err := p.deployments(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	p.fragment(w, r, http.StatusOK, "apk", "deployments", d)
	return nil
}

// deployments counts the commands of one page of a package's history. The
// campaign that the page was sent to watch counts from the start, although a
// device has no command of it before it asks.
func (p *Panel) deployments(r *http.Request, v *visit, id string) (Deployments, error) {
	q := r.URL.Query()
	q.Del("done")
	out := Deployments{Refresh: "/packages/" + id + "/deployments?" + q.Encode()}
	cs, err := p.svc.Deployments(r.Context(), v.Actor, id, pageOf(r))
	if err != nil {
		return out, err
	}
	watched := q.Get("campaign")
	if !slices.ContainsFunc(cs, func(c commands.Command) bool { return watched != "" && c.CampaignID == watched }) {
		out.Total = p.expected(r.Context(), v, watched)
	}
	seen := map[string]bool{}
	for _, c := range cs {
		out.count(c.State)
		if c.CampaignID != "" && !seen[c.CampaignID] {
			seen[c.CampaignID] = true
			out.Total += max(p.expected(r.Context(), v, c.CampaignID)-inCampaign(cs, c.CampaignID), 0)
		}
	}
	if n := len(cs); n > 0 {
		out.Older = older(r, n, cs[n-1].ID)
		out.Older = strings.Replace(out.Older, "/deployments?", "?", 1)
	}
	out.Rows = commandRows(cs, p.names(r.Context(), v))
	devices := p.deviceNames(r.Context(), v)
	for i := range out.Rows {
		out.Rows[i].Device = devices[out.Rows[i].DeviceID]
	}
	return out, nil
}

func (d *Deployments) count(s commands.State) {
	d.Total++
	switch {
	case s == commands.Succeeded:
		d.Succeeded++
		d.Ended++
	case s.Final():
		d.Worse++
		d.Ended++
	}
}

func inCampaign(cs []commands.Command, id string) (n int64) {
	for _, c := range cs {
		if c.CampaignID == id {
			n++
		}
	}
	return n
}

// expected is how many devices a campaign is for; 0 for none, or one that is
// not the visitor's.
func (p *Panel) expected(ctx context.Context, v *visit, campaign string) int64 {
	if campaign == "" {
		return 0
	}
	c, err := p.svc.Campaign(ctx, v.Actor, campaign)
	if err != nil || c.Cancelled {
		return 0
	}
	return c.Devices
}

// deviceNames are the names of the newest devices by id.
func (p *Panel) deviceNames(ctx context.Context, v *visit) map[atlas.DeviceID]string {
	out := map[atlas.DeviceID]string{}
	all, err := p.svc.Devices(ctx, v.Actor, store.DeviceFilter{}, atlas.Page{Limit: atlas.MaxPage})
	if err != nil {
		p.log.WarnContext(ctx, "devices were not listed", "error", err)
	}
	for _, d := range all {
		out[d.ID] = deviceTitle(d)
	}
	return out
}

// targetField offers accounts and devices; parseTarget reads the choice.
func (p *Panel) targetField(r *http.Request, v *visit, label string) field {
	f := field{Name: "target", Label: label, Kind: "select", Required: true}
	for _, o := range p.accountOptions(r.Context(), v, func(atlas.Account) bool { return true }) {
		f.Options = append(f.Options, option{Value: "account:" + o.Value, Label: o.Label, Group: "All devices of an account and below"})
	}
	all, err := p.svc.Devices(r.Context(), v.Actor, store.DeviceFilter{}, atlas.Page{Limit: atlas.MaxPage})
	if err != nil {
		p.log.WarnContext(r.Context(), "devices were not listed for a form", "error", err)
	}
	for _, d := range all {
		f.Options = append(f.Options, option{Value: "device:" + string(d.ID), Label: deviceTitle(d) + " · " + d.SupportID, Group: "One device"})
	}
	return f
}

func parseTarget(r *http.Request) (account atlas.AccountID, device atlas.DeviceID, err error) {
	switch kind, id, _ := strings.Cut(r.PostFormValue("target"), ":"); kind {
	case "account":
		return atlas.AccountID(id), "", nil
	case "device":
		return "", atlas.DeviceID(id), nil
	}
	return "", "", atlas.Invalid("target", "is needed")
}

func (p *Panel) assignForm(r *http.Request, v *visit, id string) form {
	return form{
		ID: "assign", Action: "/packages/" + id + "/assign", Title: "Assign", Submit: "Assign",
		Hint: "Says which devices may have it.", Fields: []field{p.targetField(r, v, "Assign to")},
	}
}

func (p *Panel) assign(w http.ResponseWriter, r *http.Request, v *visit) error {
	id := r.PathValue("id")
	account, device, err := parseTarget(r)
	if err == nil {
		_, err = p.svc.AssignAPK(r.Context(), v.Actor, key(r), id, fleet.AssignTarget{AccountID: account, DeviceID: device})
	}
	if err != nil {
		p.refuse(w, r, v, p.assignForm(r, v, id), err)
		return nil
	}
	return done(w, r, "/packages/"+id, "assigned")
}

func (p *Panel) deployForm(r *http.Request, v *visit, id string) form {
	return form{
		ID: "deploy", Action: "/packages/" + id + "/deploy", Title: "Install", Submit: "Install now",
		Hint: "Orders the installation on the devices it is assigned to.", Fields: []field{p.targetField(r, v, "Install on")},
	}
}

func (p *Panel) deploy(w http.ResponseWriter, r *http.Request, v *visit) error {
	id := r.PathValue("id")
	sent, err := p.order(r, v, id)
	if err != nil {
		p.refuse(w, r, v, p.deployForm(r, v, id), err)
		return nil
	}
	to := "/packages/" + id
	if sent.CampaignID != "" {
		to += "?" + url.Values{"campaign": {sent.CampaignID}}.Encode()
	}
	return done(w, r, to, "deployed")
}

func (p *Panel) order(r *http.Request, v *visit, id string) (fleet.Sent, error) {
	account, device, err := parseTarget(r)
	if err != nil {
		return fleet.Sent{}, err
	}
	in := fleet.NewCommand{Kind: commands.AppInstall, Target: fleet.Target{AccountID: account}}
	if device != "" {
		in.Target.DeviceIDs = []atlas.DeviceID{device}
	}
	if in.Params, err = json.Marshal(commands.Install{APKID: id}); err != nil {
		return fleet.Sent{}, err
	}
	return p.svc.SendCommand(r.Context(), v.Actor, key(r), in)
}

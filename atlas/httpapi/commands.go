package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

type commandView struct {
	ID         string          `json:"id"`
	CampaignID string          `json:"campaign_id" doc:"Empty for a command to one device alone"`
	Kind       string          `json:"kind"`
	DeviceID   string          `json:"device_id"`
	State      string          `json:"state" enum:"queued,delivered,acknowledged,succeeded,failed,expired,cancelled,superseded"`
	Params     json.RawMessage `json:"params"`
	Priority   int64           `json:"priority"`
	Attempt    int64           `json:"attempt"`
	NotBefore  time.Time       `json:"not_before,omitzero"`
	CreatedAt  time.Time       `json:"created_at"`
	ExpiresAt  time.Time       `json:"expires_at"`
	Result     *resultView     `json:"result,omitempty"`
}

type resultView struct {
	Detail     string    `json:"detail" doc:"As the device reported it"`
	SentAt     time.Time `json:"sent_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
}

func commandID(c commands.Command) string { return c.ID }

func viewCommand(c commands.Command) commandView {
	v := commandView{
		ID: c.ID, CampaignID: c.CampaignID, Kind: string(c.Kind), DeviceID: string(c.DeviceID), State: string(c.State), Params: c.Params,
		Priority: c.Priority, Attempt: c.Attempt, NotBefore: c.NotBefore, CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt,
	}
	if !c.SentAt.IsZero() || !c.FinishedAt.IsZero() || c.Detail != "" {
		v.Result = &resultView{Detail: c.Detail, SentAt: c.SentAt, FinishedAt: c.FinishedAt}
	}
	return v
}

type campaignView struct {
	ID        string           `json:"id"`
	Kind      string           `json:"kind"`
	Params    json.RawMessage  `json:"params"`
	AccountID string           `json:"account_id" doc:"Whose devices it is for, with those below"`
	FolderID  string           `json:"folder_id,omitempty"`
	Priority  int64            `json:"priority"`
	NotBefore time.Time        `json:"not_before,omitzero"`
	CreatedAt time.Time        `json:"created_at"`
	ExpiresAt time.Time        `json:"expires_at"`
	Cancelled bool             `json:"cancelled"`
	Devices   int64            `json:"devices" doc:"How many it is for now"`
	Progress  map[string]int64 `json:"progress" doc:"Commands by state; devices that have not asked yet are in none"`
}

func viewCampaign(c fleet.Campaign) campaignView {
	v := campaignView{
		ID: c.ID, Kind: string(c.Kind), Params: c.Params, AccountID: string(c.Path.Account()), FolderID: string(c.FolderID),
		Priority: c.Priority, NotBefore: c.NotBefore, CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt, Cancelled: c.Cancelled,
		Devices: c.Devices, Progress: map[string]int64{},
	}
	for state, n := range c.Progress {
		v.Progress[string(state)] = n
	}
	return v
}

type targetBody struct {
	DeviceIDs []ident `json:"device_ids,omitempty" maxItems:"10000" validate:"required_without_all=FolderID AccountID,excluded_with=FolderID AccountID" doc:"Exactly one of the three"`
	FolderID  ident   `json:"folder_id,omitempty" validate:"excluded_with=DeviceIDs AccountID"`
	AccountID ident   `json:"account_id,omitempty" validate:"excluded_with=DeviceIDs FolderID" doc:"Every device of the account and below"`
}

type commandBody struct {
	Kind      string          `json:"kind" maxLength:"64" doc:"Such as app.install or device.reboot"`
	Target    targetBody      `json:"target"`
	Params    json.RawMessage `json:"params,omitempty" doc:"Of the kind"`
	Priority  int64           `json:"priority,omitempty" minimum:"-100" maximum:"100" doc:"Higher first"`
	NotBefore time.Time       `json:"not_before,omitzero"`
	ExpiresAt time.Time       `json:"expires_at,omitzero" doc:"After seven days, unless given"`
	DedupKey  string          `json:"dedup_key,omitempty" maxLength:"200" doc:"One unfinished command of a device has it"`
}

type sentView struct {
	ID         string `json:"id" doc:"Of the command to one device, else of the campaign"`
	CampaignID string `json:"campaign_id" doc:"Empty for one device"`
	Devices    int    `json:"devices,omitempty" doc:"How many were listed; absent for an account or folder"`
}

type commandsQuery struct {
	PageQuery
	DeviceID   ident  `query:"device_id"`
	CampaignID ident  `query:"campaign_id"`
	State      string `query:"state" enum:"queued,delivered,acknowledged,succeeded,failed,expired,cancelled,superseded"`
}

func (a *API) routeCommands() {
	const tag, path = "commands", "/v1/commands"
	register(a, route{method: post, path: path, id: "send-command", tag: tag, summary: "Send a command", status: 201, creates: true}, a.sendCommand)
	register(a, route{method: get, path: path, id: "list-commands", tag: tag, summary: "Commands", purpose: atlas.PurposeSupport}, a.commands)
	register(a, route{method: get, path: path + "/{id}", id: "get-command", tag: tag, summary: "A command", purpose: atlas.PurposeSupport},
		func(ctx context.Context, c caller, in *byID) (commandView, error) {
			cmd, err := a.svc.Command(ctx, c.actor, string(in.ID))
			return viewCommand(cmd), err
		})
	register(a, route{
		method: post, path: path + "/{id}/cancel", id: "cancel-command", tag: tag,
		summary: "End a command, or with the id of a campaign all of it",
	}, a.cancelCommand)
	register(a, route{method: get, path: "/v1/campaigns/{id}", id: "get-campaign", tag: tag, summary: "A campaign", purpose: atlas.PurposeSupport},
		func(ctx context.Context, c caller, in *byID) (campaignView, error) {
			all, err := a.svc.Campaign(ctx, c.actor, string(in.ID))
			return viewCampaign(all), err
		})
}

func (a *API) sendCommand(ctx context.Context, c caller, in *sent[commandBody]) (sentView, error) {
	b := in.Body
	target := fleet.Target{FolderID: atlas.FolderID(b.Target.FolderID), AccountID: atlas.AccountID(b.Target.AccountID)}
	for _, id := range b.Target.DeviceIDs {
		target.DeviceIDs = append(target.DeviceIDs, atlas.DeviceID(id))
	}
	out, err := a.svc.SendCommand(ctx, c.actor, c.key, fleet.NewCommand{
		Kind: commands.Kind(b.Kind), Target: target, Params: b.Params, Priority: b.Priority,
		NotBefore: b.NotBefore, ExpiresAt: b.ExpiresAt, DedupKey: b.DedupKey,
	})
	return sentView{ID: out.ID, CampaignID: out.CampaignID, Devices: out.Devices}, err
}

func (a *API) commands(ctx context.Context, c caller, in *commandsQuery) (list[commandView], error) {
	f := store.CommandFilter{DeviceID: atlas.DeviceID(in.DeviceID), CampaignID: string(in.CampaignID), State: commands.State(in.State)}
	return page(a, c, in.PageQuery, func(p atlas.Page) ([]commands.Command, error) {
		return a.svc.Commands(ctx, c.actor, f, p)
	}, commandID, viewCommand)
}

// cancelCommand answers in the shape of a command for a campaign too, so that
// who holds the id of either reads the same members.
func (a *API) cancelCommand(ctx context.Context, c caller, in *byID) (commandView, error) {
	done, err := a.svc.Cancel(ctx, c.actor, string(in.ID))
	switch {
	case err != nil:
		return commandView{}, err
	case done.Campaign != nil:
		return viewCommand(done.Campaign.Whole(a.svc.Now())), nil
	}
	return viewCommand(*done.Command), nil
}

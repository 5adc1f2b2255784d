package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// MaxTargets is the most devices that one call may list; a whole account or
// folder has no bound.
const MaxTargets = 10_000

// maxOpen is the most unfinished commands that a device may have before no
// more are sent to it: well below what a check-in looks at, so that no command
// waits unseen behind others.
const maxOpen = commands.Scan / 2

// Target is whom a command is for: exactly one of its fields.
type Target struct {
	DeviceIDs []atlas.DeviceID
	FolderID  atlas.FolderID
	AccountID atlas.AccountID // every device below it
}

// NewCommand is a command to be sent.
type NewCommand struct {
	Kind      commands.Kind
	Target    Target
	Params    json.RawMessage
	Priority  int64
	NotBefore time.Time // zero: at once
	ExpiresAt time.Time // zero: after commands.DefaultLife
	DedupKey  string    // one unfinished command of a device has it; empty: none
}

// Sent says what a call of SendCommand made.
type Sent struct {
	// ID is the command's for one device, and the campaign's otherwise.
	ID         string
	CampaignID string // empty for one device
	Devices    int    // listed devices; 0 for an account or folder
}

// SendCommand queues a command for devices within the actor's reach. For a
// list of devices each gets its own; for an account or folder one campaign is
// made, of which each device gets its part when it asks.
func (s *Service) SendCommand(ctx context.Context, a atlas.Actor, key Key, in NewCommand) (Sent, error) {
	c := call{actor: a, action: atlas.CommandSend, target: in.Target.name(), key: key, input: in}
	if in.Target.AccountID != "" {
		c.still = []atlas.AccountID{in.Target.AccountID}
	}
	var wake func()
	out, err := write(ctx, s, c, func(ctx context.Context, w *work) (Sent, error) {
		if _, err := w.scope(); err != nil { // before the input is looked at
			return Sent{}, err
		}
		order, err := w.order(ctx, in)
		if err != nil {
			return Sent{}, err
		}
		var out Sent
		if len(in.Target.DeviceIDs) > 0 {
			out, err = w.sendListed(ctx, order, in)
			wake = func() { s.wakeups.wake(in.Target.DeviceIDs...) }
		} else {
			var place atlas.Path
			out, place, err = w.sendCampaign(ctx, order, in.Target)
			wake = func() { s.wakeups.wakeBelow(place) }
		}
		return out, err
	})
	if err == nil && wake != nil {
		wake()
	}
	return out, err
}

func (t Target) name() string {
	if len(t.DeviceIDs) > 0 {
		return string(t.DeviceIDs[0])
	}
	return string(t.FolderID) + string(t.AccountID)
}

func (t Target) check() error {
	n := 0
	for _, given := range []bool{len(t.DeviceIDs) > 0, t.FolderID != "", t.AccountID != ""} {
		if given {
			n++
		}
	}
	switch {
	case n != 1:
		return atlas.Invalid("target", "needs exactly one of device_ids, folder_id, account_id")
	case len(t.DeviceIDs) > MaxTargets:
		return atlas.Invalid("target", "may list at most %d devices", MaxTargets)
	}
	seen := slices.Clone(t.DeviceIDs)
	slices.Sort(seen)
	if len(slices.Compact(seen)) != len(t.DeviceIDs) {
		return atlas.Invalid("target", "lists a device twice")
	}
	return nil
}

// order checks a new command and returns what all its parts have in common.
func (w *work) order(ctx context.Context, in NewCommand) (commands.Campaign, error) {
	c := commands.Campaign{
		Kind: in.Kind, Priority: in.Priority, NotBefore: atlas.Instant(in.NotBefore), ExpiresAt: atlas.Instant(in.ExpiresAt),
		ByID: w.who.Account, CreatedAt: w.now, Version: 1,
	}
	if in.ExpiresAt.IsZero() {
		c.ExpiresAt = w.now.Add(commands.DefaultLife)
	}
	switch {
	case in.Priority < -commands.MaxPriority || in.Priority > commands.MaxPriority:
		return c, atlas.Invalid("priority", "must be between -%d and %d", commands.MaxPriority, commands.MaxPriority)
	case !c.ExpiresAt.After(w.now) || c.ExpiresAt.After(w.now.Add(commands.MaxLife)):
		return c, atlas.Invalid("expires_at", "must lie ahead, by at most %d days", int(commands.MaxLife.Hours()/24))
	case c.NotBefore.After(c.ExpiresAt):
		return c, atlas.Invalid("not_before", "must be before expires_at")
	}
	if err := atlas.CheckText("dedup_key", in.DedupKey, 200); err != nil {
		return c, err
	}
	if err := in.Target.check(); err != nil {
		return c, err
	}
	params, err := w.s.opt.Kinds.Decode(in.Kind, in.Params)
	if err != nil {
		return c, err
	}
	if err := w.fill(ctx, params, &c); err != nil {
		return c, err
	}
	c.Attempts = w.s.opt.Kinds[in.Kind].Attempts
	c.Params, err = json.Marshal(params)
	return c, err
}

// fill completes an install with what was found in the file itself.
func (w *work) fill(ctx context.Context, params any, c *commands.Campaign) error {
	in, ok := params.(*commands.Install)
	if !ok {
		return nil
	}
	p, err := w.visible(ctx, in.APKID)
	if err != nil {
		return fmt.Errorf("apk_id: %w", err)
	}
	if !p.State.Deployable() {
		return fmt.Errorf("%w: it is %s", intake.ErrNotClean, p.State)
	}
	*in = commands.Install{
		APKID: p.ID, Package: p.Package, VersionCode: p.VersionCode, VersionName: p.VersionName,
		Size: p.Size, SHA256: p.SHA256, Signers: p.Signers,
	}
	c.RefID = p.ID
	return nil
}

// sendListed queues one command for each listed device.
func (w *work) sendListed(ctx context.Context, order commands.Campaign, in NewCommand) (Sent, error) {
	out := Sent{Devices: len(in.Target.DeviceIDs)}
	if out.Devices > 1 {
		order.ID, order.Listed, order.Path, order.Tenant = w.id(), true, w.who.Path, w.who.Path.Tenant()
		out.ID, out.CampaignID = order.ID, order.ID
		if err := w.tx.Commands().InsertCampaign(ctx, order); err != nil {
			return out, err
		}
	}
	rows := make([]commands.Command, out.Devices)
	for i, id := range in.Target.DeviceIDs {
		d, err := w.device(ctx, id)
		if err != nil {
			return out, err
		}
		if err := w.accepts(ctx, order, d); err != nil {
			return out, err
		}
		rows[i] = order.For(w.id(), d)
		rows[i].CampaignID, rows[i].DedupKey = out.CampaignID, in.DedupKey
		if err := w.switchAgent(ctx, order, d); err != nil {
			return out, err
		}
	}
	if err := w.tx.Commands().Insert(ctx, rows); err != nil {
		return out, err
	}
	if out.ID == "" {
		out.ID = rows[0].ID
	}
	for _, c := range rows {
		if err := w.audit(ctx, c.ID, c.Path, fact("device", c.DeviceID), fact("kind", c.Kind)); err != nil {
			return out, err
		}
	}
	return out, nil
}

// accepts returns why a device can't be sent a command now, or nil.
func (w *work) accepts(ctx context.Context, order commands.Campaign, d atlas.Device) error {
	spec := w.s.opt.Kinds[order.Kind]
	if !d.AgentEnabled && !spec.WhileDisabled {
		return fmt.Errorf("agent of device %s is disabled: %w", d.ID, atlas.ErrRefused)
	}
	if !slices.Contains(d.Capabilities, string(order.Kind)) {
		return fmt.Errorf("device %s can't run %s: %w", d.ID, order.Kind, atlas.ErrRefused)
	}
	busy, err := w.busy(ctx, d)
	if err != nil {
		return err
	}
	if busy && !spec.WhileDisabled {
		return fmt.Errorf("device %s has %d unfinished commands: %w", d.ID, maxOpen, atlas.ErrLimited)
	}
	if !installs(order.Kind) {
		return nil
	}
	return w.deployable(ctx, order.RefID, d)
}

// busy reports whether a device has so many unfinished commands that it gets
// no more but those that clean up.
func (w *work) busy(ctx context.Context, d atlas.Device) (bool, error) {
	open, err := w.tx.Commands().Open(ctx, d.ID, maxOpen)
	return len(open) == maxOpen, err
}

// switchAgent records that an agent was enabled or disabled, by whom and why,
// at the moment it is ordered (M-034).
func (w *work) switchAgent(ctx context.Context, order commands.Campaign, d atlas.Device) error {
	if order.Kind != commands.AgentEnable && order.Kind != commands.AgentDisable {
		return nil
	}
	var p commands.Agent
	if err := json.Unmarshal(order.Params, &p); err != nil {
		return err
	}
	d.AgentEnabled = order.Kind == commands.AgentEnable
	d.AgentChangedBy, d.AgentReason, d.AgentChangedAt = w.who.Account, p.Reason, w.now
	return w.tx.Devices().Save(ctx, d)
}

// sendCampaign makes one campaign for a whole account or folder and returns
// its place.
func (w *work) sendCampaign(ctx context.Context, order commands.Campaign, t Target) (Sent, atlas.Path, error) {
	place, err := w.place(ctx, t)
	if err != nil {
		return Sent{}, "", err
	}
	order.ID, order.Path, order.Tenant, order.FolderID = w.id(), place, place.Tenant(), t.FolderID
	if order.Kind == commands.AgentEnable || order.Kind == commands.AgentDisable {
		if err := w.switchAll(ctx, order); err != nil {
			return Sent{}, "", err
		}
	}
	if err := w.tx.Commands().InsertCampaign(ctx, order); err != nil {
		return Sent{}, "", err
	}
	err = w.audit(ctx, order.ID, place, fact("kind", order.Kind), fact("folder", t.FolderID))
	return Sent{ID: order.ID, CampaignID: order.ID}, place, err
}

// place returns the path of a target account or folder, authorized.
func (w *work) place(ctx context.Context, t Target) (atlas.Path, error) {
	if t.FolderID != "" {
		f, err := w.tx.Folders().Get(ctx, t.FolderID)
		f, err = seen(w, f, err)
		return f.Path, err
	}
	acc, err := w.account(ctx, t.AccountID)
	return acc.Path, err
}

// switchAll is switchAgent for all devices of a campaign.
func (w *work) switchAll(ctx context.Context, order commands.Campaign) error {
	return eachPage(func(p atlas.Page) ([]atlas.Device, error) {
		return w.tx.Devices().List(ctx, atlas.SubtreeOf(order.Path), store.DeviceFilter{FolderID: order.FolderID}, p)
	}, func(d atlas.Device) (string, error) {
		return string(d.ID), w.switchAgent(ctx, order, d)
	})
}

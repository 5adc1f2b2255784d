package memory

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// The indexes of commands. Open, dedup and expiry have those that are not at
// an end; those of campaign and reference only those that have one.
const (
	commandOpen = iota // of a device, in order of delivery
	commandByDedup
	commandByExpiry
	commandByDevice
	commandByCampaign
	commandByTarget // campaign and device
	commandByRef
)

func commandTable() table[commands.Command] {
	type record = commands.Command
	return newTable(kind[record]{
		id:      func(c *record) string { return c.ID },
		version: func(c *record) *int64 { return &c.Version },
		place:   func(c *record) (*atlas.Path, *atlas.AccountID) { return &c.Path, &c.Tenant },
		indexes: []index[record]{
			commandOpen: func(c *record) []string {
				return onlyIf(!c.State.Final(), joined(c.DeviceID, ordered(^c.Priority)+c.ID))
			},
			commandByDedup: func(c *record) []string {
				return onlyIf(!c.State.Final() && c.DedupKey != "", joined(c.DeviceID, c.DedupKey))
			},
			commandByExpiry: func(c *record) []string {
				return onlyIf(!c.State.Final(), moment(c.ExpiresAt)+c.ID)
			},
			commandByDevice:   func(c *record) []string { return only(joined(c.DeviceID, c.ID)) },
			commandByCampaign: func(c *record) []string { return onlyIf(c.CampaignID != "", joined(c.CampaignID, c.ID)) },
			commandByTarget: func(c *record) []string {
				return onlyIf(c.CampaignID != "", joined(c.CampaignID, c.DeviceID))
			},
			commandByRef: func(c *record) []string { return onlyIf(c.RefID != "", joined(c.RefID, c.ID)) },
		},
	})
}

// onlyIf is only for the records that an index has at all.
func onlyIf(has bool, key string) []string {
	if !has {
		return nil
	}
	return only(key)
}

func campaignTable() table[commands.Campaign] {
	type record = commands.Campaign
	return newTable(kind[record]{
		id:      func(c *record) string { return c.ID },
		version: func(c *record) *int64 { return &c.Version },
		place:   func(c *record) (*atlas.Path, *atlas.AccountID) { return &c.Path, &c.Tenant },
	})
}

type queue struct{ *tx }

func (q queue) Insert(ctx context.Context, cs []commands.Command) error {
	return insert(ctx, q.tx, "commands.Insert", &q.commands, cs...)
}

func (q queue) Command(ctx context.Context, id string) (commands.Command, error) {
	return get(ctx, q.tx, "commands.Command", &q.commands, id)
}

func (q queue) Save(ctx context.Context, c commands.Command) error {
	return save(ctx, q.tx, "commands.Save", &q.commands, c)
}

func (q queue) Open(ctx context.Context, d atlas.DeviceID, limit int) ([]commands.Command, error) {
	if err := q.read(ctx, "commands.Open"); err != nil {
		return nil, err
	}
	return q.commands.first(limit, q.commands.sharing(commandOpen, string(d))), nil
}

func (q queue) List(ctx context.Context, scope atlas.Scope, f store.CommandFilter, p atlas.Page) ([]commands.Command, error) {
	wanted := query[commands.Command]{
		scope: scope,
		match: func(c *commands.Command) bool {
			return is(f.DeviceID, c.DeviceID) && is(f.CampaignID, c.CampaignID) && is(f.RefID, c.RefID) && is(f.State, c.State)
		},
	}
	switch {
	case f.DeviceID != "":
		wanted.ix, wanted.key = commandByDevice, string(f.DeviceID)
	case f.CampaignID != "":
		wanted.ix, wanted.key = commandByCampaign, f.CampaignID
	case f.RefID != "":
		wanted.ix, wanted.key = commandByRef, f.RefID
	}
	return list(ctx, q.tx, "commands.List", &q.commands, wanted, p)
}

func (q queue) Late(ctx context.Context, now time.Time, limit int) ([]commands.Command, error) {
	if err := q.read(ctx, "commands.Late"); err != nil {
		return nil, err
	}
	return q.commands.first(limit, q.commands.between(commandByExpiry, "", moment(now.Add(time.Microsecond)))), nil
}

func (q queue) InsertCampaign(ctx context.Context, c commands.Campaign) error {
	return insert(ctx, q.tx, "commands.InsertCampaign", &q.campaigns, c)
}

func (q queue) Campaign(ctx context.Context, id string) (commands.Campaign, error) {
	return get(ctx, q.tx, "commands.Campaign", &q.campaigns, id)
}

func (q queue) SaveCampaign(ctx context.Context, c commands.Campaign) error {
	return save(ctx, q.tx, "commands.SaveCampaign", &q.campaigns, c)
}

// Waiting looks at the campaigns of the accounts above the device only.
func (q queue) Waiting(ctx context.Context, d atlas.Device, now time.Time, limit int) ([]commands.Campaign, error) {
	if err := q.read(ctx, "commands.Waiting"); err != nil {
		return nil, err
	}
	var found []*commands.Campaign
	for _, place := range d.Path.Line() {
		for c := range q.campaigns.at(place) {
			if c.Reaches(d, now) && !q.sent(c.ID, d.ID) {
				found = append(found, c)
			}
		}
	}
	slices.SortFunc(found, func(a, b *commands.Campaign) int { return strings.Compare(a.ID, b.ID) })
	return q.campaigns.first(limit, slices.Values(found)), nil
}

func (q queue) sent(campaign string, d atlas.DeviceID) bool {
	_, err := q.commands.lookup(commandByTarget, joined(campaign, d))
	return err == nil
}

func (q queue) Progress(ctx context.Context, campaignID string) (commands.Progress, error) {
	if err := q.read(ctx, "commands.Progress"); err != nil {
		return nil, err
	}
	states := commands.Progress{}
	for c := range q.commands.sharing(commandByCampaign, campaignID) {
		states[c.State]++
	}
	return states, nil
}

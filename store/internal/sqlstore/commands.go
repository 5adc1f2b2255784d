package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

var (
	commandTable  = tableOf[commands.Command]("atlas_commands")
	campaignTable = tableOf[commands.Campaign]("atlas_campaigns")
)

// unfinished is the condition of three indexes of atlas_commands, word for
// word. A test holds it against commands.State.Final.
const unfinished = "state IN ('queued', 'delivered', 'acknowledged')"

type queue struct{ *tx }

func (s queue) Insert(ctx context.Context, cs []commands.Command) error {
	return commandTable.insert(ctx, s.tx, cs...)
}

func (s queue) Command(ctx context.Context, id string) (commands.Command, error) {
	return commandTable.get(ctx, s.tx, "id = ?", id)
}

func (s queue) Save(ctx context.Context, c commands.Command) error {
	return commandTable.save(ctx, s.tx, c)
}

func (s queue) Open(ctx context.Context, d atlas.DeviceID, limit int) ([]commands.Command, error) {
	return commandTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return few(q.Where("device_id = ?", d).Where(unfinished), limit, "priority DESC", "id")
	})
}

func (s queue) List(ctx context.Context, scope atlas.Scope, f store.CommandFilter, p atlas.Page) ([]commands.Command, error) {
	return commandTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = scoped(q, scope)
		q = equal(q, "device_id", f.DeviceID)
		q = equal(q, "state", f.State)
		if f.CampaignID != "" {
			q = q.Where("campaign_id = ? AND campaign_id <> ''", f.CampaignID)
		}
		if f.RefID != "" {
			q = q.Where("ref_id = ? AND ref_id <> ''", f.RefID)
		}
		return paged(q, p)
	})
}

func (s queue) Late(ctx context.Context, now time.Time, limit int) ([]commands.Command, error) {
	return commandTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return few(q.Where(unfinished).Where("expires_at <= ?", now), limit, "expires_at", "id")
	})
}

func (s queue) InsertCampaign(ctx context.Context, c commands.Campaign) error {
	return campaignTable.insert(ctx, s.tx, c)
}

func (s queue) Campaign(ctx context.Context, id string) (commands.Campaign, error) {
	return campaignTable.get(ctx, s.tx, "id = ?", id)
}

func (s queue) SaveCampaign(ctx context.Context, c commands.Campaign) error {
	return campaignTable.save(ctx, s.tx, c)
}

// Waiting says in SQL what commands.Campaign.Reaches says in Go.
func (s queue) Waiting(ctx context.Context, d atlas.Device, now time.Time, limit int) ([]commands.Campaign, error) {
	return campaignTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("path IN (?)", bun.List(d.Path.Line())).
			Where("NOT cancelled AND NOT listed").
			Where("expires_at > ? AND not_before <= ?", now, now).
			Where("folder_id IN ('', ?)", d.FolderID).
			Where("created_at >= ?", d.EnrolledAt).
			Where(`NOT EXISTS (SELECT 1 FROM atlas_commands AS c
				WHERE c.campaign_id = ?TableAlias.id AND c.campaign_id <> '' AND c.device_id = ?)`, d.ID)
		return few(q, limit, "id")
	})
}

func (s queue) Progress(ctx context.Context, campaignID string) (commands.Progress, error) {
	var counts []struct {
		State commands.State
		N     int64
	}
	err := s.db.NewRaw("SELECT state, count(*) AS n FROM atlas_commands WHERE campaign_id = ? AND campaign_id <> '' GROUP BY state", campaignID).
		Conn(s.conn).Scan(ctx, &counts)
	if err != nil {
		return nil, fmt.Errorf("store: count atlas_commands: %w", err)
	}
	out := commands.Progress{}
	for _, c := range counts {
		out[c.State] = c.N
	}
	return out, nil
}

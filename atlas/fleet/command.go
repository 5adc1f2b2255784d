package fleet

import (
	"context"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// Command returns a command within the actor's reach; for the id of a campaign
// the campaign in the shape of a command.
func (s *Service) Command(ctx context.Context, a atlas.Actor, id string) (commands.Command, error) {
	c := call{actor: a, action: atlas.CommandRead, target: id}
	return read(ctx, s, c, func(ctx context.Context, w *work) (commands.Command, error) {
		cmd, err := w.tx.Commands().Command(ctx, id)
		if isNotFound(err) {
			var all commands.Campaign
			all, err = w.tx.Commands().Campaign(ctx, id)
			cmd = all.Whole(w.now)
		}
		return seen(w, cmd, err)
	})
}

// Commands returns a page of the commands within the actor's reach, newest
// first.
func (s *Service) Commands(ctx context.Context, a atlas.Actor, f store.CommandFilter, p atlas.Page) ([]commands.Command, error) {
	c := call{actor: a, action: atlas.CommandRead}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]commands.Command, error) {
		scope, err := w.scope()
		if err != nil {
			return nil, err
		}
		return w.tx.Commands().List(ctx, scope, f, p)
	})
}

// CancelCommand ends a command that no end was reported of. One that the
// device already holds may still run; its report then changes nothing.
func (s *Service) CancelCommand(ctx context.Context, a atlas.Actor, id string) (commands.Command, error) {
	c := call{actor: a, action: atlas.CommandCancel, target: id}
	return write(ctx, s, c, func(ctx context.Context, w *work) (commands.Command, error) { return w.cancelCommand(ctx, id) })
}

func (w *work) finish(ctx context.Context, c commands.Command, end commands.State) (commands.Command, error) {
	c, err := c.Finish(end, w.now)
	if err != nil {
		return c, err
	}
	if err := w.tx.Commands().Save(ctx, c); err != nil {
		return c, err
	}
	c.Version++
	return c, nil
}

// Campaign is a command to many devices with how far it is.
type Campaign struct {
	commands.Campaign
	Progress commands.Progress
	// Devices is how many devices it is for now.
	Devices int64
}

// Campaign returns a campaign within the actor's reach.
func (s *Service) Campaign(ctx context.Context, a atlas.Actor, id string) (Campaign, error) {
	c := call{actor: a, action: atlas.CommandRead, target: id}
	return read(ctx, s, c, func(ctx context.Context, w *work) (Campaign, error) { return w.campaign(ctx, id) })
}

func (w *work) campaign(ctx context.Context, id string) (out Campaign, err error) {
	got, err := w.tx.Commands().Campaign(ctx, id)
	if out.Campaign, err = seen(w, got, err); err != nil {
		return out, err
	}
	if out.Progress, err = w.tx.Commands().Progress(ctx, id); err != nil {
		return out, err
	}
	if out.Listed {
		for _, n := range out.Progress {
			out.Devices += n
		}
		return out, nil
	}
	out.Devices, err = w.tx.Devices().Count(ctx, atlas.SubtreeOf(out.Path), store.DeviceFilter{FolderID: out.FolderID})
	return out, err
}

// CancelCampaign stops a campaign: no further device gets it, and its open
// commands are cancelled.
func (s *Service) CancelCampaign(ctx context.Context, a atlas.Actor, id string) (Campaign, error) {
	c := call{actor: a, action: atlas.CommandCancel, target: id}
	return write(ctx, s, c, func(ctx context.Context, w *work) (Campaign, error) { return w.cancelCampaign(ctx, id) })
}

// cancelOpen cancels every command in scope that matches and is not at an end.
func (w *work) cancelOpen(ctx context.Context, scope atlas.Scope, f store.CommandFilter) error {
	return eachPage(func(p atlas.Page) ([]commands.Command, error) {
		return w.tx.Commands().List(ctx, scope, f, p)
	}, func(c commands.Command) (string, error) {
		if c.State.Final() {
			return c.ID, nil
		}
		_, err := w.finish(ctx, c, commands.Cancelled)
		return c.ID, err
	})
}

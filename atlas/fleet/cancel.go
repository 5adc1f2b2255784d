package fleet

import (
	"context"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// Cancelled is what [Service.Cancel] ended: one of the two.
type Cancelled struct {
	Command  *commands.Command
	Campaign *Campaign
}

// Cancel is [Service.CancelCommand] or [Service.CancelCampaign], for callers
// who hold the id that [Service.SendCommand] gave them and need not know which
// of the two it names. What is neither is refused once.
func (s *Service) Cancel(ctx context.Context, a atlas.Actor, id string) (Cancelled, error) {
	c := call{actor: a, action: atlas.CommandCancel, target: id}
	return write(ctx, s, c, func(ctx context.Context, w *work) (Cancelled, error) {
		_, err := w.tx.Commands().Campaign(ctx, id)
		if isNotFound(err) {
			cmd, err := w.cancelCommand(ctx, id)
			return Cancelled{Command: &cmd}, err
		}
		if err != nil {
			return Cancelled{}, err
		}
		all, err := w.cancelCampaign(ctx, id)
		return Cancelled{Campaign: &all}, err
	})
}

func (w *work) cancelCommand(ctx context.Context, id string) (commands.Command, error) {
	cmd, err := w.tx.Commands().Command(ctx, id)
	if cmd, err = seen(w, cmd, err); err != nil {
		return cmd, err
	}
	if cmd, err = w.finish(ctx, cmd, commands.Cancelled); err != nil {
		return cmd, err
	}
	return cmd, w.audit(ctx, id, cmd.Path)
}

func (w *work) cancelCampaign(ctx context.Context, id string) (Campaign, error) {
	out, err := w.campaign(ctx, id)
	if err != nil {
		return out, err
	}
	out.Cancelled = true
	if err := w.tx.Commands().SaveCampaign(ctx, out.Campaign); err != nil {
		return out, err
	}
	scope, err := w.scope() // a device that was given away since is not the actor's any more
	if err != nil {
		return out, err
	}
	if err := w.cancelOpen(ctx, scope, store.CommandFilter{CampaignID: id}); err != nil {
		return out, err
	}
	if err := w.audit(ctx, id, out.Path); err != nil {
		return out, err
	}
	return w.campaign(ctx, id)
}

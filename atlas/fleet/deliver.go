package fleet

import (
	"context"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/commands"
)

// claim hands out what is due. Every command is authorized again now: who
// sent it must still be allowed to, and what it installs must still be clean
// and assigned (M-069).
func (w *work) claim(ctx context.Context, d atlas.Device, state activation.State) ([]commands.Command, error) {
	return commands.Claim(ctx, w.tx.Commands(), d.ID, w.now, commands.Hand{Max: maxClaim, Allow: func(ctx context.Context, c commands.Command) error {
		if err := w.stillMay(ctx, c, d); err != nil {
			return err
		}
		if !w.deliverable(c.Kind, d, state) {
			return commands.ErrLater
		}
		if !installs(c.Kind) {
			return nil
		}
		return w.deployable(ctx, c.RefID, d)
	}})
}

// deliverable reports whether the device gets commands of a kind as it is now.
// A device whose activation does not count gets what one with a disabled agent
// gets: what cleans up. That an agent was ordered to be disabled is recorded
// when it is ordered, so the order itself must still reach it.
func (w *work) deliverable(k commands.Kind, d atlas.Device, state activation.State) bool {
	if state != activation.Active {
		d.AgentEnabled = false
	} else if k == commands.AgentDisable {
		d.AgentEnabled = true
	}
	return w.s.opt.Kinds.Allowed(k, d)
}

// stillMay checks that the sender of a command may still send it to d.
func (w *work) stillMay(ctx context.Context, c commands.Command, d atlas.Device) error {
	if c.ByID == "" { // the system's own
		return nil
	}
	sender, err := w.s.subject(ctx, w.tx, atlas.Actor{Account: c.ByID})
	if err != nil {
		return err
	}
	return w.s.policy.Authorize(sender, atlas.CommandSend, d.Resource())
}

func installs(k commands.Kind) bool { return k == commands.AppInstall || k == commands.AppUpdate }

// deployable checks that the package may go to d now.
func (w *work) deployable(ctx context.Context, packageID string, d atlas.Device) error {
	p, err := w.tx.Packages().Package(ctx, packageID)
	if err != nil {
		return err
	}
	as, err := w.tx.Packages().Assignments(ctx, p.ID)
	if err != nil {
		return err
	}
	return intake.Deploy(p, as, d)
}

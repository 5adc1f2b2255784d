package device

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/commands"
)

// The outcomes of an attempt.
const (
	acknowledged = string(commands.OutcomeAcknowledged)
	succeeded    = string(commands.OutcomeSucceeded)
	failed       = string(commands.OutcomeFailed)
	unsupported  = string(commands.OutcomeUnsupported)
)

// maxDetail bounds the text of a report in characters.
const maxDetail = 500

// runQueue runs the commands that were taken over, in their order, and
// returns how many ended.
func (a *Agent) runQueue(ctx context.Context) (ran int, err error) {
	for {
		queue := a.snapshot().Queue
		if len(queue) == 0 {
			return ran, nil
		}
		if err := ctx.Err(); err != nil {
			return ran, fmt.Errorf("device: stopped with %d commands waiting: %w", len(queue), err)
		}
		if err := a.run(ctx, queue[0]); err != nil {
			return ran, err
		}
		ran++
	}
}

// settle ends the attempts that were begun and never ended, because the agent
// was stopped or crashed in the middle. None of them begins again; what the
// device looks like decides what became of them.
func (a *Agent) settle(ctx context.Context) error {
	for _, j := range a.snapshot().Queue {
		if !j.Started {
			continue
		}
		outcome, detail := a.aftermath(ctx, j)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("device: stopped before it was known what became of %s: %w", j.Command.Kind, err)
		}
		if err := a.finish(j.Command, outcome, detail); err != nil {
			return err
		}
	}
	return nil
}

// run takes one command to its end. It returns an error only if there is no
// end yet: the agent is being stopped, or the state can't be written.
func (a *Agent) run(ctx context.Context, j job) error {
	c := j.Command
	if now, floor := a.now(); !c.ExpiresAt.IsZero() && (now.After(c.ExpiresAt) || floor.After(c.ExpiresAt)) {
		return a.finish(c, failed, "expired before it was run")
	}
	act, err := a.prepare(ctx, c)
	if ctx.Err() != nil {
		return fmt.Errorf("device: stopped before %s: %w", c.Kind, ctx.Err())
	}
	if err == nil {
		if err := a.start(ctx, c); err != nil {
			return err
		}
		err = act(ctx)
	}
	switch {
	case err == nil:
		return a.finish(c, succeeded, "")
	case errors.Is(err, ErrUnsupported):
		return a.finish(c, unsupported, err.Error())
	case ctx.Err() != nil: // the next check-in finds out what became of it
		return fmt.Errorf("device: stopped during %s: %w", c.Kind, ctx.Err())
	}
	return a.finish(c, failed, err.Error())
}

// start makes it durable that the attempt is about to happen.
func (a *Agent) start(ctx context.Context, c deviceproto.Command) error {
	boot := a.bootID(ctx)
	return a.update(func(s *state) {
		for i, j := range s.Queue {
			if j.is(c.ID, c.Attempt) {
				s.Queue[i].Started, s.Queue[i].Boot = true, boot
			}
		}
	})
}

func (a *Agent) finish(c deviceproto.Command, outcome, detail string) error {
	a.opt.Logger.Info("command ended", "command", c.ID, "attempt", c.Attempt, "kind", c.Kind, "outcome", outcome, "detail", detail)
	return a.update(func(s *state) {
		s.finish(deviceproto.Report{
			CommandID: c.ID, Attempt: c.Attempt, Outcome: outcome, Detail: atlas.CleanText(detail, maxDetail),
		})
		if outcome == succeeded && commands.Kind(c.Kind) == commands.DeviceSync {
			s.SentDevice, s.SentApps = "", ""
		}
	})
}

// prepare does what may be done twice, which is to check the parameters and
// to download, and returns what may not.
func (a *Agent) prepare(ctx context.Context, c deviceproto.Command) (func(context.Context) error, error) {
	if !slices.Contains(a.opt.Capabilities, c.Kind) {
		return nil, fmt.Errorf("%q is %w", atlas.CleanText(c.Kind, 64), ErrUnsupported)
	}
	switch commands.Kind(c.Kind) {
	case commands.AppInstall, commands.AppUpdate:
		return a.prepareInstall(ctx, c.Params)
	case commands.AppUninstall:
		return onApp(c.Params, a.executor.Uninstall)
	case commands.AppClearCache:
		return onApp(c.Params, a.executor.ClearCache)
	case commands.AppClearData:
		return onApp(c.Params, a.executor.ClearData)
	case commands.DeviceReboot:
		return a.executor.Reboot, nil
	case commands.DeviceSync, commands.AgentEnable, commands.AgentDisable:
		// The next report says all, and every answer says whether the agent is
		// enabled.
		return func(context.Context) error { return nil }, nil
	}
	return nil, fmt.Errorf("%q is %w", atlas.CleanText(c.Kind, 64), ErrUnsupported)
}

func onApp(params json.RawMessage, act func(context.Context, string) error) (func(context.Context) error, error) {
	var p deviceproto.Target
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	if err := commands.CheckPackageName("package", p.Package); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return act(ctx, p.Package) }, nil
}

func (a *Agent) prepareInstall(ctx context.Context, params json.RawMessage) (func(context.Context) error, error) {
	var p deviceproto.Install
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	if err := commands.CheckPackageName("package", p.Package); err != nil {
		return nil, err
	}
	file, err := a.download(ctx, p)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		if err := a.executor.Install(ctx, file, p); err != nil {
			return err
		}
		if err := os.Remove(file); err != nil {
			a.opt.Logger.Warn("installed package can't be deleted", "error", err)
		}
		return nil
	}, nil
}

// decode reads parameters. Unknown ones are ignored, as everywhere in what
// the server says: a new meaning gets a new kind of command, and an agent in
// the field must be able to install its successor.
func decode(params json.RawMessage, into any) error {
	if err := json.Unmarshal(params, into); err != nil {
		return fmt.Errorf("parameters don't fit: %w", err)
	}
	return nil
}

// aftermath decides what became of an attempt whose end nobody saw.
func (a *Agent) aftermath(ctx context.Context, j job) (outcome, detail string) {
	const done, interrupted = "found done after an interruption", "interrupted"
	var ok bool
	switch commands.Kind(j.Command.Kind) {
	case commands.AppInstall, commands.AppUpdate:
		var p deviceproto.Install
		ok = decode(j.Command.Params, &p) == nil && a.installed(ctx, p)
	case commands.AppUninstall:
		var p deviceproto.Target
		ok = decode(j.Command.Params, &p) == nil && a.absent(ctx, p.Package)
	case commands.DeviceReboot:
		_, knows := a.executor.(Booter)
		now := a.bootID(ctx)
		ok = !knows || j.Boot != "" && now != "" && now != j.Boot
	case commands.DeviceSync, commands.AgentEnable, commands.AgentDisable:
		ok = true
	}
	if ok {
		return succeeded, done
	}
	return failed, interrupted
}

func (a *Agent) installed(ctx context.Context, p deviceproto.Install) bool {
	apps, err := a.executor.Apps(ctx)
	return err == nil && slices.ContainsFunc(apps, func(app deviceproto.App) bool {
		return app.Package == p.Package && app.VersionCode == p.VersionCode
	})
}

func (a *Agent) absent(ctx context.Context, pkg string) bool {
	apps, err := a.executor.Apps(ctx)
	return err == nil && !slices.ContainsFunc(apps, func(app deviceproto.App) bool { return app.Package == pkg })
}

// bootID returns "" where the device does not tell.
func (a *Agent) bootID(ctx context.Context) string {
	b, ok := a.executor.(Booter)
	if !ok {
		return ""
	}
	id, err := b.BootID(ctx)
	if err != nil {
		a.opt.Logger.Warn("device does not tell its boot id", "error", err)
		return ""
	}
	return id
}

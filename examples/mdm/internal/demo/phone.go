package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/examples/agent/device"
)

// phone is a simulated device: the reference agent on a folder.
type phone struct {
	name  string
	agent *device.Agent
}

var models = [phones]deviceproto.Device{
	{Name: "Driver 1", Manufacturer: "Google", Model: "Pixel 9", OSVersion: "16", SDK: 36, ABIs: []string{"arm64-v8a"}},
	{Name: "Driver 2", Manufacturer: "Samsung", Model: "Galaxy XCover7", OSVersion: "15", SDK: 35, ABIs: []string{"arm64-v8a"}},
	{Name: "Warehouse", Manufacturer: "Fairphone", Model: "FP5", OSVersion: "14", SDK: 34, ABIs: []string{"arm64-v8a", "armeabi-v7a"}},
}

// openPhones opens the devices' state without sending anything.
func (s *story) openPhones() error {
	for i, m := range models {
		dir := s.phoneDir(i + 1)
		m.AgentVersion = "demo"
		a, err := device.Open(s.o.URL, dir, device.FolderExecutor{Dir: filepath.Join(dir, "device")}, device.Options{
			Info: m, Logger: slog.New(warnings{s.o.Logger.Handler()}).With("device", m.Name),
		})
		if err != nil {
			return fmt.Errorf("demo: %s: %w", m.Name, err)
		}
		s.phones = append(s.phones, &phone{m.Name, a})
	}
	return nil
}

// warnings keeps from a log what a device finds worth telling only itself.
type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

// WithAttrs implements slog.Handler.
func (w warnings) WithAttrs(as []slog.Attr) slog.Handler { return warnings{w.Handler.WithAttrs(as)} }

// WithGroup implements slog.Handler.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }

// startPhones keeps the devices in contact until ctx ends. One that has no
// place in the server any more is not the server's problem.
func (s *story) startPhones(ctx context.Context, g *errgroup.Group) {
	for _, p := range s.phones {
		g.Go(func() error {
			err := p.agent.Run(ctx)
			if errors.Is(err, device.ErrNotEnrolled) || errors.Is(err, device.ErrUnknownDevice) {
				s.out.say("%s stays away: %v", p.name, err)
				err = nil
			}
			return err
		})
	}
}

func (s *story) closePhones() {
	for _, p := range s.phones {
		if err := p.agent.Close(); err != nil {
			s.o.Logger.Warn("device was not closed", "device", p.name, "error", err)
		}
	}
}

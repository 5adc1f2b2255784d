package device

import (
	"context"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// Executor is what the agent does to the device. Its methods are called one
// at a time and never twice for one attempt of a command; package names were
// checked. Each returns [ErrUnsupported] for what the platform can't do, and
// any other error for what went wrong: its text is reported to the server.
type Executor interface {
	// Install installs or updates the package in file, whose size and SHA-256
	// are those of p. It must refuse a file whose manifest or signers are not
	// those of p, and must not make a version older.
	Install(ctx context.Context, file string, p deviceproto.Install) error
	// Uninstall removes an application. One that is not there is no error.
	Uninstall(ctx context.Context, pkg string) error
	// ClearCache deletes what an application can make again.
	ClearCache(ctx context.Context, pkg string) error
	// ClearData deletes all that an application has stored.
	ClearData(ctx context.Context, pkg string) error
	// Reboot restarts the device. It may or may not return before the end.
	Reboot(ctx context.Context) error
	// Apps lists the installed applications.
	Apps(ctx context.Context) ([]deviceproto.App, error)
}

// Booter is an [Executor] that knows one start of the device from the next.
// After a restart in the middle of device.reboot it tells whether the device
// rebooted or only the agent crashed; without it the agent takes the first
// for granted.
type Booter interface {
	// BootID returns a text that differs after each start of the device.
	BootID(ctx context.Context) (string, error)
}

//go:build android

package device

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// AndroidExecutor works on the Android device it runs on, from API level 26,
// by the platform's own commands. They ask for the rights of the shell user,
// of root, or of the system. Arguments are passed as they are: no shell reads
// them.
type AndroidExecutor struct{}

// The platform's programs, by their full names, so that no PATH decides.
const (
	cmdProgram = "/system/bin/cmd"
	svcProgram = "/system/bin/svc"
)

// Install checks manifest and signers and hands the file to the package
// manager, which checks the signature once more, and that an installed
// version has the same signer and is not newer.
func (AndroidExecutor) Install(ctx context.Context, file string, p deviceproto.Install) error {
	if _, err := inspect(file, p, 0); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("device: install: %w", err)
	}
	defer func() { _ = f.Close() }()
	// By the standard input: the system may not read the agent's folder.
	out, err := run(ctx, f, cmdProgram, "package", "install", "-r", "-S", strconv.FormatInt(p.Size, 10))
	if err != nil {
		return err
	}
	return packageResult(out)
}

// Uninstall removes an application with its data.
func (x AndroidExecutor) Uninstall(ctx context.Context, pkg string) error {
	apps, err := x.Apps(ctx)
	if err != nil {
		return err
	}
	for _, app := range apps {
		if app.Package != pkg {
			continue
		}
		out, err := run(ctx, nil, cmdProgram, "package", "uninstall", pkg)
		if err != nil {
			return err
		}
		return packageResult(out)
	}
	return nil
}

// ClearCache is unsupported: Android lets nobody clear the cache of one other
// application. What it has trims the caches of all of them.
func (AndroidExecutor) ClearCache(context.Context, string) error {
	return fmt.Errorf("clearing the cache of one application is %w: Android has no call for it", ErrUnsupported)
}

// ClearData deletes all data of an application.
func (AndroidExecutor) ClearData(ctx context.Context, pkg string) error {
	out, err := run(ctx, nil, cmdProgram, "package", "clear", pkg)
	if err != nil {
		return err
	}
	return packageResult(out)
}

// Reboot asks the platform to restart the device and returns at once.
func (AndroidExecutor) Reboot(ctx context.Context) error {
	_, err := run(ctx, nil, svcProgram, "power", "reboot")
	return err
}

// BootID returns the kernel's id of this start.
func (AndroidExecutor) BootID(context.Context) (string, error) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(raw)), err
}

// Apps lists the installed applications of the first user. The platform's
// list has no version names.
func (AndroidExecutor) Apps(ctx context.Context) ([]deviceproto.App, error) {
	out, err := run(ctx, nil, cmdProgram, "package", "list", "packages", "-i", "--show-versioncode")
	if err != nil {
		return nil, err
	}
	return packageList(out)
}

// maxOutput bounds what a program may print.
const maxOutput = 4 << 20

// run returns what a program printed, also as part of the error if it failed.
func run(ctx context.Context, stdin io.Reader, program string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, program, args...)
	c.Stdin = stdin
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("device: %s: %w: %s", program, err, atlas.CleanText(string(out), 300))
	}
	if len(out) > maxOutput {
		return "", fmt.Errorf("device: %s printed %d bytes", program, len(out))
	}
	return string(out), nil
}

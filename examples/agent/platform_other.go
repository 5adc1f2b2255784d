//go:build !android

package main

import (
	"path/filepath"

	"github.com/atlas-mdm/atlas-go/examples/agent/device"
)

// platform is a device that is a folder, which can do everything.
func platform(state string) (device.Executor, []string) {
	return device.FolderExecutor{Dir: filepath.Join(state, "device")}, nil
}

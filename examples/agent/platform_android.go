package main

import (
	"slices"

	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/examples/agent/device"
)

// platform is the device that the agent works on and the kinds of command it
// can run there: all but the one that Android has no call for.
func platform(string) (device.Executor, []string) {
	var kinds []string
	for _, k := range commands.BuiltIn().Names() {
		kinds = append(kinds, string(k))
	}
	clearCache := string(commands.AppClearCache)
	return device.AndroidExecutor{}, slices.DeleteFunc(kinds, func(k string) bool { return k == clearCache })
}

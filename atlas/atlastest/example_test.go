package atlastest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

// In a test t is the test's own.
func Example() {
	t, ctx := &testing.T{}, context.Background()
	w := atlastest.New(t, memory.New(memory.Options{}))
	phone := w.Enrolled("north/a/1")

	sent, err := w.SendCommand(ctx, w.Actor("north/a"), "", fleet.NewCommand{
		Kind: commands.DeviceReboot, Target: fleet.Target{DeviceIDs: []atlas.DeviceID{phone.ID}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := phone.Sync(ctx); err != nil {
		fmt.Println(err)
		return
	}
	c, err := w.Command(ctx, w.Actor("north"), sent.ID)
	fmt.Println(c.State, err)
	_, err = w.Command(ctx, w.Actor("south"), sent.ID)
	fmt.Println(err)
	atlastest.RequireAudit(t, w.Store, "command.send", sent.ID)
	atlastest.RequireNoCreditLost(t, w)
	// Output:
	// succeeded <nil>
	// fleet: command.read: not allowed or not there
}

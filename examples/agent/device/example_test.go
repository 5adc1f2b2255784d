package device_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/examples/agent/device"
	"github.com/atlas-mdm/atlas-go/examples/agent/internal/script"
)

// A device enrols and does what the server has for it. In real life the
// server is one of package atlas/httpapi, and Run takes the place of CheckIn.
func Example() {
	server := script.Start(atlas.SystemClock())
	defer server.Close()
	server.Send("c1", "device.sync", struct{}{})
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	phone := device.FolderExecutor{Dir: filepath.Join(dir, "phone"), SDK: 34}
	agent, err := device.Open(server.URL, filepath.Join(dir, "state"), phone, device.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = agent.Close() }()
	ctx := context.Background()
	if err := agent.Enroll(ctx, "CODE"); err != nil {
		fmt.Println(err)
		return
	}
	if err := agent.CheckIn(ctx); err != nil {
		fmt.Println(err)
		return
	}
	status := agent.Status()
	fmt.Println(status.SupportID, status.Active, status.LeaseStatus)
	fmt.Println(server.Ended[script.ID("c1", 1)].Outcome)
	// Output:
	// 7K2M9QXR true valid
	// succeeded
}

// Command agent is the reference device agent of an ATLAS server.
//
//	agent -server URL [-code CODE] [-state DIR] [-name NAME] [-once] [-v] [-dns ADDR] [-plain-http]
//
// It enrols with the activation code if it is not enrolled yet, checks in,
// runs the commands it gets, and waits for more until it is interrupted. On
// Android (GOOS=android) it works on the device itself; everywhere else the
// device is a folder below the state folder, which is good for trying things
// out. It exits with 0 when it was stopped, with 1 when it can't go on, and
// with 2 when it was called wrongly.
//
// To try it on a phone, as the shell user:
//
//	GOOS=android GOARCH=arm64 CGO_ENABLED=0 go build -o agent-android ./examples/agent
//	adb push agent-android /data/local/tmp/
//	adb shell /data/local/tmp/agent-android -server URL -code CODE -state /data/local/tmp/atlas -dns 9.9.9.9:53
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

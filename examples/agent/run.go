package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/examples/agent/device"
)

const (
	exitStopped = 0
	exitFailed  = 1
	exitUsage   = 2
)

// version is what the agent says of itself.
const version = "1.0"

// arguments are the parsed command line.
type arguments struct {
	server, code, state, name, dns string
	once, verbose, plainHTTP       bool
}

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitStopped
	}
	if err != nil {
		fmt.Fprintln(stderr, "agent:", err)
		return exitUsage
	}
	if err := work(ctx, a, stdout, stderr); err != nil && ctx.Err() == nil {
		fmt.Fprintln(stderr, "agent:", err)
		return exitFailed
	}
	return exitStopped
}

func parse(args []string, stderr io.Writer) (arguments, error) {
	var a arguments
	fs := flag.NewFlagSet("agent", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&a.server, "server", "", "`URL` of the server")
	fs.StringVar(&a.code, "code", "", "activation `code`, for the first start")
	fs.StringVar(&a.state, "state", "agent-state", "`folder` of key and state")
	fs.StringVar(&a.name, "name", "", "`name` of the device")
	fs.BoolVar(&a.once, "once", false, "check in once and stop")
	fs.BoolVar(&a.verbose, "v", false, "log more")
	fs.StringVar(&a.dns, "dns", "", "`address` of a DNS server (Android has no resolv.conf), such as 9.9.9.9:53; empty: the system's")
	fs.BoolVar(&a.plainHTTP, "plain-http", false, "allow a server without TLS that is not on this machine")
	if err := fs.Parse(args); err != nil {
		return a, err
	}
	switch {
	case fs.NArg() > 0:
		return a, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case a.server == "":
		return a, errors.New("-server is missing")
	}
	if _, _, err := net.SplitHostPort(a.dns); a.dns != "" && err != nil {
		return a, errors.New("-dns has to be an address and a port")
	}
	return a, nil
}

func work(ctx context.Context, a arguments, stdout, stderr io.Writer) error {
	level := slog.LevelInfo
	if a.verbose {
		level = slog.LevelDebug
	}
	executor, kinds := platform(a.state)
	agent, err := device.Open(a.server, a.state, executor, device.Options{
		Info:         describe(a.name),
		Capabilities: kinds,
		PlainHTTP:    a.plainHTTP,
		Client:       client(a.dns),
		Logger:       slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})),
		Progress:     progress(stderr),
	})
	if err != nil {
		return err
	}
	defer func() { _ = agent.Close() }()
	if a.code != "" {
		if err := agent.Enroll(ctx, a.code); err != nil {
			return err
		}
	}
	if s := agent.Status(); s.DeviceID != "" {
		fmt.Fprintf(stdout, "device %s, support id %s\n", s.DeviceID, s.SupportID)
	}
	if a.once {
		return agent.CheckIn(ctx)
	}
	return agent.Run(ctx)
}

func describe(name string) deviceproto.Device {
	return deviceproto.Device{Name: name, OSVersion: runtime.GOOS, ABIs: []string{abi(runtime.GOARCH)}, AgentVersion: version}
}

// abi is Android's name of an architecture.
func abi(arch string) string {
	switch arch {
	case "arm64":
		return "arm64-v8a"
	case "arm":
		return "armeabi-v7a"
	case "amd64":
		return "x86_64"
	case "386":
		return "x86"
	}
	return arch
}

// client is an HTTP client that asks the DNS server at that address; empty
// asks the system's.
func client(dns string) *http.Client {
	if dns == "" {
		return nil
	}
	d := &net.Dialer{Timeout: 10 * time.Second}
	d.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, dns)
	}}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = d.DialContext
	return &http.Client{Transport: t}
}

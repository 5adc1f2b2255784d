package main

import (
	"context"
	"fmt"
	"os"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/examples/agent/internal/script"
)

func Example() {
	server := script.Start(atlas.SystemClock()) // in real life: examples/mdm
	defer server.Close()
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	code := run(context.Background(), []string{"-server", server.URL, "-code", "CODE", "-state", dir, "-once"}, os.Stdout, os.Stderr)
	fmt.Println("exit code", code)
	// Output:
	// device device-1, support id 7K2M9QXR
	// exit code 0
}

// Command apkinspect says what an Android package is and whether its signature holds.
//
//	apkinspect [-json] [-min-sdk N] [-max-sdk N] [-v4 FILE.idsig] FILE…
//
// It prints one JSON object a line for each file, in the order of the arguments; -json=false prints a few lines for
// people instead. It exits with 0 when every file verifies, with 1 when one does not or can't be read, and with 2 when
// it was called wrongly.
//
// With -v4 a file verifies only if its v4 signature does as well.
package main

import (
	"context"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Command mdm is a whole MDM server over the packages of this module: the web
// panel, the operators' API and the device protocol on one port.
//
//	mdm [-addr 127.0.0.1:8080] [-store sqlite:atlas.db] [-data DIR] [-url URL] [-clamd ADDRESS] [-trusted-proxy CIDR[,CIDR]] [-demo] [-v]
//
// It needs nothing else: data is in a SQLite file below -data unless -store
// names a PostgreSQL server (postgres://…) or memory:. On the first start it
// makes the account admin, with the password in ATLAS_ADMIN_PASSWORD or a
// random one that it prints once. SIGTERM and SIGINT let what is running come
// to its end, and exit with 0.
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

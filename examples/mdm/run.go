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
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/examples/mdm/internal/demo"
)

const (
	exitStopped = 0
	exitFailed  = 1
	exitUsage   = 2
)

// arguments are the parsed command line.
type arguments struct {
	addr, store, data string
	url, clamd        string
	proxies           proxies
	demo, verbose     bool
}

// run is the program. It serves until ctx ends and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitStopped
	}
	if err != nil {
		fmt.Fprintln(stderr, "mdm:", err)
		return exitUsage
	}
	if err := serve(ctx, a, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "mdm:", err)
		return exitFailed
	}
	return exitStopped
}

func parse(args []string, stderr io.Writer) (arguments, error) {
	var a arguments
	fs := flag.NewFlagSet("mdm", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&a.addr, "addr", "127.0.0.1:8080", "`address` to listen on; port 0 takes a free one")
	fs.StringVar(&a.store, "store", "sqlite:atlas.db", "where records are: sqlite:`FILE` (below -data unless absolute), postgres://…, or memory:")
	fs.StringVar(&a.data, "data", "atlas-data", "`folder` of files and keys; it is made if it is not there")
	fs.StringVar(&a.url, "url", "", "`URL` by which devices call the server, where a proxy before it changes that (as they call it)")
	fs.StringVar(&a.clamd, "clamd", "", "`ADDRESS` of a ClamAV daemon that scans packages too: a socket's path, or host:port (none)")
	fs.Var(&a.proxies, "trusted-proxy", "`CIDR[,CIDR]` of the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed (none by default)")
	fs.BoolVar(&a.demo, "demo", false, "make a reseller tree with three simulated devices and tell its story")
	fs.BoolVar(&a.verbose, "v", false, "log for people, and more")
	if err := fs.Parse(args); err != nil {
		return a, err
	}
	if fs.NArg() > 0 {
		return a, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return a, nil
}

// serve is the life of the server.
func serve(ctx context.Context, a arguments, stdout, stderr io.Writer) error {
	log := logger(a, stderr)
	if err := os.MkdirAll(a.data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	secret, err := loadSecret(filepath.Join(a.data, "secret.key"))
	if err != nil {
		return err
	}
	kept, err := openStorage(ctx, a)
	if err != nil {
		return err
	}
	defer kept.close(log)
	scanners, err := scanners(a.clamd)
	if err != nil {
		return err
	}
	svc, err := fleet.New(kept.store, kept.blobs, secret, fleet.Options{Logger: log, Scanners: scanners})
	if err != nil {
		return err
	}
	admin, err := firstAdmin(ctx, svc, kept.store, os.Getenv("ATLAS_ADMIN_PASSWORD"), stdout)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", a.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	handler, err := newHandler(ctx, svc, kept.store, secret, a, log)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer log.Info("stopped")
	return live(ctx, ln, handler, svc, log, func(ctx context.Context, url string) error {
		fmt.Fprintln(stdout, "listening on", url)
		log.Info("listening", "url", url, "data", a.data, "clamd", a.clamd != "", "proxies", len(a.proxies))
		if !a.demo {
			return nil
		}
		return demo.Run(ctx, svc, demo.Options{URL: url, Dir: filepath.Join(a.data, "demo"), Admin: admin, Secret: secret, Out: stdout, Logger: log})
	})
}

// drainTime is how long a stopping server waits for requests to end.
const drainTime = 20 * time.Second

// live runs the server, the service's own work and whatever else is to run
// beside them, until ctx ends or one of them fails.
func live(ctx context.Context, ln net.Listener, h http.Handler, svc *fleet.Service, log *slog.Logger, beside func(ctx context.Context, url string) error) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Minute, // an upload on a slow line
		WriteTimeout:      30 * time.Minute, // a download on one
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		if err := srv.Shutdown(end); err != nil {
			return fmt.Errorf("drain: %w", errors.Join(err, srv.Close()))
		}
		return nil
	})
	g.Go(func() error { return svc.Run(ctx) })
	g.Go(func() error { return beside(ctx, "http://"+ln.Addr().String()) })
	return g.Wait()
}

func logger(a arguments, stderr io.Writer) *slog.Logger {
	if a.verbose {
		return slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.NewJSONHandler(stderr, nil))
}

// adminName is the username of the account that the first start makes.
const adminName = "admin"

// firstAdmin makes the account admin in an empty store and returns its id. In
// a store that is not empty it changes nothing.
func firstAdmin(ctx context.Context, svc *fleet.Service, st reader, password string, stdout io.Writer) (atlas.AccountID, error) {
	given := password != ""
	if !given {
		password = randomPassword()
	}
	a, err := svc.Setup(ctx, adminName, "Administrator", password)
	switch {
	case errors.Is(err, atlas.ErrExists):
		if given {
			fmt.Fprintln(stdout, "admin is there already: ATLAS_ADMIN_PASSWORD is for the first start only")
		}
		return adminID(ctx, st)
	case err != nil:
		return "", err
	case given:
		fmt.Fprintln(stdout, "first start: sign in as admin with the password in ATLAS_ADMIN_PASSWORD")
	default:
		fmt.Fprintf(stdout, "first start: sign in as admin with the password %s (it is shown this once)\n", password)
	}
	return a.ID, nil
}

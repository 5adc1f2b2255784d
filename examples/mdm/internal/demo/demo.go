// Package demo fills a server with a small world and tells what happens in
// it: a reseller tree, credits that go down it, activation codes, a real
// signed APK on its way through quarantine, and simulated devices that enrol,
// wait and install over the device protocol like any phone.
//
// The operators' part goes through atlas/fleet as the accounts themselves.
// Nothing is written past it.
package demo

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/store"
)

// Options are what the story needs; all of them.
type Options struct {
	URL    string          // of the server, for the devices
	Dir    string          // of the devices' state
	Admin  atlas.AccountID // who acts at the top
	Secret []byte          // what the accounts' passwords are derived from
	Out    io.Writer       // where the story is told
	Logger *slog.Logger
}

// Done is the line that ends the story. The devices go on living.
const Done = "demo: done"

// Usernames of the accounts, and how many devices there are.
const (
	reseller    = "north"
	subReseller = "harbour"
	client      = "fjord"
	otherClient = "lighthouse"

	phones = 3
)

// Run tells the story and then keeps its devices running until ctx ends. In a
// store that has the story already only the devices come back.
func Run(ctx context.Context, svc *fleet.Service, o Options) error {
	s := &story{svc: svc, o: o, out: newTeller(o.Out), accounts: map[string]atlas.Account{}}
	if o.Admin == "" {
		return errors.New("demo: the account admin was renamed")
	}
	told, err := s.find(ctx)
	if err == nil && !told {
		// Devices of a store that is gone would never be known again.
		err = os.RemoveAll(o.Dir)
	}
	if err != nil {
		return stopped(ctx, err)
	}
	g, ctx := errgroup.WithContext(ctx)
	defer s.closePhones()
	if err := s.openPhones(); err != nil {
		return err
	}
	g.Go(func() error {
		if err := s.tell(ctx, g, told); err != nil {
			return stopped(ctx, err)
		}
		return nil
	})
	return g.Wait()
}

// stopped is nil for a story that was cut short because the server stops.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("demo: %w", err)
}

// story is one run of the demonstration.
type story struct {
	svc      *fleet.Service
	o        Options
	out      *teller
	accounts map[string]atlas.Account
	phones   []*phone
	release  string // id of the package that is rolled out
}

// find looks whether the story was told in this store before.
func (s *story) find(ctx context.Context) (bool, error) {
	all, err := s.svc.Accounts(ctx, s.admin(), store.AccountFilter{}, atlas.Page{Limit: atlas.MaxPage})
	if err != nil {
		return false, err
	}
	for _, a := range all {
		s.accounts[a.Username] = a
	}
	_, told := s.accounts[reseller]
	return told, nil
}

// tell goes through the chapters.
func (s *story) tell(ctx context.Context, g *errgroup.Group, told bool) error {
	if told {
		s.out.say("The story was told before; its devices come back.")
		s.startPhones(ctx, g)
		return s.end(ctx)
	}
	chapters := []func(context.Context) error{s.makeTree, s.moveCredits, s.issueAndEnrol}
	for _, chapter := range chapters {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	s.startPhones(ctx, g)
	for _, chapter := range []func(context.Context) error{s.takeIn, s.rollOut, s.turnAway, s.end} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// admin is the actor at the top.
func (s *story) admin() atlas.Actor {
	return atlas.Actor{Account: s.o.Admin, Purpose: atlas.PurposeSupport, Origin: "demo"}
}

// as is one of the story's accounts as an actor.
func (s *story) as(username string) atlas.Actor {
	return atlas.Actor{Account: s.accounts[username].ID, Origin: "demo"}
}

// password is the same at every start of a server, so that it can be printed
// again, and different on each.
func (s *story) password(username string) (string, error) {
	b, err := hkdf.Key(sha256.New, s.o.Secret, nil, "atlas demo password "+username, 10)
	if err != nil {
		return "", err
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(b)), nil
}

// phoneDir is where a device keeps its state.
func (s *story) phoneDir(n int) string { return filepath.Join(s.o.Dir, fmt.Sprintf("phone-%d", n)) }

// look is how often the story looks whether what it waits for has happened.
const look = 100 * time.Millisecond

// wait asks until done says so.
func wait(ctx context.Context, done func(context.Context) (bool, error)) error {
	t := time.NewTicker(look)
	defer t.Stop()
	for {
		if ok, err := done(ctx); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

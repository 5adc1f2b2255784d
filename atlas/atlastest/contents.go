package atlastest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
)

// Contents returns all that the contract of package store lets a program
// list, as text: a line of JSON for each record. Two stores with the same
// contents give the same text. Security events are left out, because a
// refusal leaves one; see [SecurityEvents].
func Contents(t testing.TB, st store.Store) string {
	t.Helper()
	d := &dump{}
	require.NoError(t, st.View(context.Background(), func(ctx context.Context, tx store.Tx) error {
		*d = dump{ctx: ctx, tx: tx, out: &strings.Builder{}}
		for _, part := range []func() error{d.accounts, d.devices, d.codes, d.packages, d.commands, d.audit, d.ledger} {
			if err := part(); err != nil {
				return err
			}
		}
		return nil
	}))
	return d.out.String()
}

// SecurityEvents returns all security events, oldest first.
func SecurityEvents(t testing.TB, st store.Store) []security.Event {
	t.Helper()
	var out []security.Event
	require.NoError(t, st.View(context.Background(), func(ctx context.Context, tx store.Tx) (err error) {
		out, err = all(func(p atlas.Page) ([]security.Event, error) { return tx.Security().List(ctx, everywhere, p) },
			func(e security.Event) string { return e.ID })
		return err
	}))
	slices.Reverse(out)
	return out
}

// AuditEvents returns all audit events, oldest first.
func AuditEvents(t testing.TB, st store.Store) []audit.Event {
	t.Helper()
	var out []audit.Event
	require.NoError(t, st.View(context.Background(), func(ctx context.Context, tx store.Tx) (err error) {
		out, err = all(func(p atlas.Page) ([]audit.Event, error) { return tx.Audit().List(ctx, everywhere, p) },
			func(e audit.Event) string { return e.ID })
		return err
	}))
	slices.Reverse(out)
	return out
}

// everywhere is the scope of who sees all.
var everywhere = func() atlas.Scope {
	p := atlas.NewPolicy([]atlas.Rule{{Action: "all", Reach: map[atlas.Role]atlas.Reach{atlas.Admin: atlas.Everywhere}}})
	s, err := p.Scope(atlas.Subject{Actor: atlas.Actor{Account: "a"}, Role: atlas.Admin, Path: "a", Status: atlas.Active}, "all")
	if err != nil {
		panic("atlastest: " + err.Error())
	}
	return s
}()

// all walks a list to its end.
func all[T any](list func(atlas.Page) ([]T, error), id func(T) string) ([]T, error) {
	var out []T
	for page := (atlas.Page{Limit: atlas.MaxPage}); ; {
		items, err := list(page)
		out = append(out, items...)
		if err != nil || len(items) < page.Limit {
			return out, err
		}
		page.After = id(items[len(items)-1])
	}
}

// dump writes one snapshot.
type dump struct {
	ctx context.Context
	tx  store.Tx
	out *strings.Builder

	holds, campaigns []string
}

func put[T any](d *dump, what string, items ...T) error {
	for _, it := range items {
		b, err := json.Marshal(it)
		if err != nil {
			return err
		}
		fmt.Fprintf(d.out, "%s %s\n", what, b)
	}
	return nil
}

// putAll writes what a list has and calls each, unless it is nil, for each item.
func putAll[T any](d *dump, what string, list func(atlas.Page) ([]T, error), id func(T) string, each func(T) error) error {
	items, err := all(list, id)
	if err != nil {
		return err
	}
	slices.Reverse(items)
	if err := put(d, what, items...); err != nil || each == nil {
		return err
	}
	for _, it := range items {
		if err := each(it); err != nil {
			return err
		}
	}
	return nil
}

// putOne writes what a look-up found, if it found anything.
func putOne[T any](d *dump, what string, item T, err error) error {
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return put(d, what, item)
}

// putSome is putOne for several.
func putSome[T any](d *dump, what string, items []T, err error) error {
	if err != nil {
		return err
	}
	return put(d, what, items...)
}

func (d *dump) accounts() error {
	err := putAll(d, "account", func(p atlas.Page) ([]atlas.Account, error) {
		return d.tx.Accounts().List(d.ctx, everywhere, store.AccountFilter{}, p)
	}, func(a atlas.Account) string { return string(a.ID) }, func(a atlas.Account) error {
		cred, err := d.tx.Identity().Credential(d.ctx, a.ID)
		if err := putOne(d, "credential", cred, err); err != nil {
			return err
		}
		sessions, err := d.tx.Identity().Sessions(d.ctx, a.ID)
		if err := putSome(d, "session", sessions, err); err != nil {
			return err
		}
		keys, err := d.tx.Identity().APIKeys(d.ctx, a.ID)
		return putSome(d, "api key", keys, err)
	})
	if err != nil {
		return err
	}
	return putAll(d, "folder", func(p atlas.Page) ([]atlas.Folder, error) {
		return d.tx.Folders().List(d.ctx, everywhere, "", p)
	}, func(f atlas.Folder) string { return string(f.ID) }, nil)
}

func (d *dump) devices() error {
	return putAll(d, "device", func(p atlas.Page) ([]atlas.Device, error) {
		return d.tx.Devices().List(d.ctx, everywhere, store.DeviceFilter{}, p)
	}, func(v atlas.Device) string { return string(v.ID) }, func(v atlas.Device) error {
		inv, err := d.tx.Devices().Inventory(d.ctx, v.ID)
		return putOne(d, "inventory", inv, err)
	})
}

func (d *dump) codes() error {
	err := putAll(d, "plan", func(p atlas.Page) ([]activation.Plan, error) {
		return d.tx.Codes().Plans(d.ctx, p)
	}, func(p activation.Plan) string { return p.ID }, nil)
	if err != nil {
		return err
	}
	return putAll(d, "code", func(p atlas.Page) ([]activation.Code, error) {
		return d.tx.Codes().List(d.ctx, everywhere, store.CodeFilter{}, p)
	}, func(c activation.Code) string { return c.ID }, func(c activation.Code) error {
		d.holds = append(d.holds, c.HoldID)
		return nil
	})
}

func (d *dump) packages() error {
	ps, err := d.tx.Packages().InState(d.ctx, intake.States(), 1<<30)
	if err != nil {
		return err
	}
	for _, p := range ps {
		if err := put(d, "package", p); err != nil {
			return err
		}
		scans, err := d.tx.Packages().Scans(d.ctx, p.ID)
		if err := putSome(d, "scan", scans, err); err != nil {
			return err
		}
		as, err := d.tx.Packages().Assignments(d.ctx, p.ID)
		if err := putSome(d, "assignment", as, err); err != nil {
			return err
		}
	}
	return nil
}

func (d *dump) commands() error {
	return putAll(d, "command", func(p atlas.Page) ([]commands.Command, error) {
		return d.tx.Commands().List(d.ctx, everywhere, store.CommandFilter{}, p)
	}, func(c commands.Command) string { return c.ID }, func(c commands.Command) error {
		d.campaigns = append(d.campaigns, c.CampaignID)
		return nil
	})
}

// audit writes the log, and the campaigns and holds that it names: they can't
// be listed.
func (d *dump) audit() error {
	err := putAll(d, "audit", func(p atlas.Page) ([]audit.Event, error) {
		return d.tx.Audit().List(d.ctx, everywhere, p)
	}, func(e audit.Event) string { return e.ID }, func(e audit.Event) error {
		switch atlas.Action(e.Action) {
		case atlas.CommandSend, atlas.CommandCancel:
			d.campaigns = append(d.campaigns, e.TargetID)
		case atlas.CreditHold:
			d.holds = append(d.holds, e.TargetID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c, err := d.tx.Audit().Checkpoint(d.ctx)
	return putOne(d, "checkpoint", c, err)
}

func (d *dump) ledger() error {
	balances, err := d.tx.Ledger().Balances(d.ctx)
	if err := putSome(d, "balance", balances, err); err != nil {
		return err
	}
	entries, err := d.tx.Ledger().AllEntries(d.ctx, "", 1<<30)
	if err := putSome(d, "entry", entries, err); err != nil {
		return err
	}
	for _, id := range distinct(d.holds) {
		h, err := d.tx.Ledger().Hold(d.ctx, id)
		if err := putOne[ledger.Hold](d, "hold", h, err); err != nil {
			return err
		}
	}
	for _, id := range distinct(d.campaigns) {
		c, err := d.tx.Commands().Campaign(d.ctx, id)
		if err := putOne(d, "campaign", c, err); err != nil {
			return err
		}
	}
	return nil
}

func distinct(ids []string) []string {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

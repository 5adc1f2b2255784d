package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/ledger"
)

// makeTree makes the accounts, each by the one above it.
func (s *story) makeTree(ctx context.Context) error {
	s.out.chapter("A reseller tree")
	for _, a := range []struct {
		name, title, parent string
		role                atlas.Role
	}{
		{reseller, "North Mobile", "", atlas.Reseller},
		{subReseller, "Harbour Phones", reseller, atlas.SubReseller},
		{client, "Fjord Logistics", subReseller, atlas.Client},
		{otherClient, "Lighthouse Inns", reseller, atlas.Client},
	} {
		by, parent := s.admin(), s.o.Admin
		if a.parent != "" {
			by, parent = s.as(a.parent), s.accounts[a.parent].ID
		}
		pw, err := s.password(a.name)
		if err != nil {
			return err
		}
		made, err := s.svc.CreateAccount(ctx, by, "", fleet.NewAccount{
			Username: a.name, DisplayName: a.title, Role: a.role, ParentID: parent, Password: pw,
		})
		if err != nil {
			return err
		}
		s.accounts[a.name] = made
		above := a.parent
		if above == "" {
			above = "admin"
		}
		s.out.say("%s makes the %s %q (%s)", above, roleText(a.role), a.title, a.name)
	}
	return nil
}

func roleText(r atlas.Role) string {
	if r == atlas.SubReseller {
		return "sub-reseller"
	}
	return string(r)
}

// moveCredits grants credits at the top and moves them down the tree.
func (s *story) moveCredits(ctx context.Context) error {
	s.out.chapter("Credits")
	north := s.accounts[reseller].ID
	if _, err := s.svc.GrantCredits(ctx, s.admin(), "", fleet.Grant{AccountID: north, Amount: 1000, Memo: "Opening order"}); err != nil {
		return err
	}
	s.out.say("admin grants 1000 credits to %s", reseller)
	for _, t := range []struct {
		from, to string
		amount   ledger.Credits
	}{{reseller, subReseller, 400}, {subReseller, client, 150}, {reseller, otherClient, 80}} {
		_, err := s.svc.TransferCredits(ctx, s.as(t.from), "", fleet.Transfer{
			From: s.accounts[t.from].ID, To: s.accounts[t.to].ID, Amount: t.amount, Memo: "Stock",
		})
		if err != nil {
			return err
		}
		s.out.say("%s passes %d on to %s", t.from, t.amount, t.to)
	}
	return nil
}

// issueAndEnrol makes a plan and codes, and has each device redeem one.
func (s *story) issueAndEnrol(ctx context.Context) error {
	s.out.chapter("Activation codes and devices")
	plan, err := s.svc.CreatePlan(ctx, s.admin(), "", activation.Plan{
		Name: "Business year", Days: 365, Devices: 1, Price: 10, Charge: activation.ChargeOnRedeem, GraceHours: 72,
	})
	if err != nil {
		return err
	}
	codes, err := s.svc.IssueCodes(ctx, s.as(subReseller), "", fleet.NewCodes{
		PlanID: plan.ID, Count: phones + 2, OwnerID: s.accounts[client].ID, Prefix: "FJRD", Note: "Drivers' phones",
	})
	if err != nil {
		return err
	}
	s.out.say("%s issues %d codes of the plan %q for %s; %d credits are set aside", subReseller, len(codes), plan.Name, client, 10*len(codes))
	for i, p := range s.phones {
		if err := p.agent.Enroll(ctx, codes[i].Text); err != nil {
			return err
		}
		s.out.say("%s redeems a code and is device %s", p.name, p.agent.Status().SupportID)
	}
	b, err := s.svc.Credits(ctx, s.as(client), s.accounts[client].ID)
	if err != nil {
		return err
	}
	s.out.say("%s has %d credits left, %d of them set aside for the codes that remain", client, b.Posted, b.Held)
	return nil
}

// takeIn uploads the package and waits for the scanners.
func (s *story) takeIn(ctx context.Context) error {
	s.out.chapter("A package goes through quarantine")
	p, err := s.uploaded(ctx, tinyAPK, "tiny.apk")
	if err != nil {
		return err
	}
	s.release = p.ID
	s.out.say("%s %s is %s: %s", p.Package, p.VersionName, p.State, p.Reason)
	if p.State != intake.Clean {
		return fmt.Errorf("%s is %s: %s", p.FileName, p.State, p.Reason)
	}
	target := fleet.AssignTarget{AccountID: s.accounts[subReseller].ID}
	if _, err := s.svc.AssignAPK(ctx, s.as(reseller), "", p.ID, target); err != nil {
		return err
	}
	s.out.say("%s assigns it to %s and everybody below", reseller, subReseller)
	return nil
}

// uploaded uploads a file for the reseller and returns the package as the
// scanners judged it.
func (s *story) uploaded(ctx context.Context, file []byte, name string) (intake.Package, error) {
	bar := s.out.bar(int64(len(file)), reseller+" uploads "+name)
	p, err := s.svc.UploadAPK(ctx, s.as(reseller), fleet.Upload{FileName: name}, bar.reader(bytes.NewReader(file)))
	bar.finish()
	if err != nil {
		return p, err
	}
	s.out.say("%s is in quarantine", name)
	err = wait(ctx, func(ctx context.Context) (bool, error) {
		got, err := s.svc.APK(ctx, s.as(reseller), p.ID)
		p = got.Package
		return p.State != intake.Quarantined && p.State != intake.Scanning, err
	})
	return p, err
}

// rollOut installs the package on all devices of the client and watches it
// arrive.
func (s *story) rollOut(ctx context.Context) error {
	s.out.chapter("The package reaches the devices")
	params, err := json.Marshal(commands.Install{APKID: s.release})
	if err != nil {
		return err
	}
	sent, err := s.svc.SendCommand(ctx, s.as(subReseller), "", fleet.NewCommand{
		Kind: commands.AppInstall, Target: fleet.Target{AccountID: s.accounts[client].ID}, Params: params,
	})
	if err != nil {
		return err
	}
	s.out.say("%s orders it onto every device of %s, by one campaign", subReseller, client)
	bar := s.out.bar(phones, "installed")
	defer bar.finish()
	return wait(ctx, func(ctx context.Context) (bool, error) {
		c, err := s.svc.Campaign(ctx, s.as(subReseller), sent.ID)
		bar.set(c.Progress[commands.Succeeded])
		if bad := c.Progress[commands.Failed]; err == nil && bad > 0 {
			err = fmt.Errorf("%d installations failed", bad)
		}
		return c.Progress[commands.Succeeded] >= phones, err
	})
}

// turnAway uploads the same application by another signer.
func (s *story) turnAway(ctx context.Context) error {
	s.out.chapter("A package that is not what it says")
	p, err := s.uploaded(ctx, forgedAPK, "tiny-update.apk")
	if err != nil {
		return err
	}
	if p.State != intake.Rejected {
		return fmt.Errorf("%s is %s, not rejected", p.FileName, p.State)
	}
	s.out.say("it is %s: %s", p.State, p.Reason)
	return nil
}

// end waits until the log of it all is sealed, and says where to look.
func (s *story) end(ctx context.Context) error {
	s.out.chapter("Where to look")
	if err := s.sealed(ctx); err != nil {
		return err
	}
	s.out.say("the panel is at %s", s.o.URL)
	s.out.say("  %-12s the password that the first start printed", "admin")
	for _, name := range []string{reseller, subReseller, client, otherClient} {
		pw, err := s.password(name)
		if err != nil {
			return err
		}
		s.out.say("  %-12s %s", name, pw)
	}
	s.out.say("the devices stay online until the server stops")
	s.out.line(Done)
	return nil
}

// sealed waits until the newest event is in the Merkle log, and checks the
// proof of it as a stranger would.
func (s *story) sealed(ctx context.Context) error {
	events, err := s.svc.AuditEvents(ctx, s.admin(), atlas.Page{Limit: 1})
	if err != nil || len(events) == 0 {
		return err
	}
	var p sealed.Proof
	err = wait(ctx, func(ctx context.Context) (bool, error) {
		p, err = s.svc.AuditProof(ctx, s.admin(), events[0].ID)
		if errors.Is(err, fleet.ErrNotSealed) {
			return false, nil
		}
		return true, err
	})
	if err == nil {
		err = p.Verify(s.svc.AuditVerifier())
	}
	if err == nil {
		s.out.say("%d audit events are sealed in the Merkle log; the proof of №\u00a0%d holds", p.Size, p.Index)
	}
	return err
}

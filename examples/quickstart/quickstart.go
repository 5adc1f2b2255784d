// Package quickstart is ATLAS's main job in one function, on the memory
// store and without a server: a reseller buys credits and issues an
// activation code, a device enrols with it, and an APK goes through
// quarantine and is installed. Run it with
//
//	go test -run Example -v ./examples/quickstart
package quickstart

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store/blob/mem"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

// Run tells the story to out with the APK in the named file. It returns the
// first error.
func Run(ctx context.Context, out io.Writer, apkFile string) error {
	secret := []byte("32 random bytes outside the store") // in production: crypto/rand, kept for good
	svc, err := fleet.New(memory.New(memory.Options{}), new(mem.Store), secret, fleet.Options{})
	if err != nil {
		return err
	}
	boss, err := svc.Setup(ctx, "admin", "The vendor", "correct horse battery staple")
	if err != nil {
		return err
	}
	admin := atlas.Actor{Account: boss.ID, Purpose: atlas.PurposeSupport}

	// A reseller, with credits, and a code that costs 10 of them.
	shop, err := svc.CreateAccount(ctx, admin, "", fleet.NewAccount{
		Username: "north", DisplayName: "North Mobile", Role: atlas.Reseller, ParentID: boss.ID, Password: "another long password",
	})
	if err != nil {
		return err
	}
	if _, err := svc.GrantCredits(ctx, admin, "", fleet.Grant{AccountID: shop.ID, Amount: 100, Memo: "invoice 1"}); err != nil {
		return err
	}
	year, err := svc.CreatePlan(ctx, admin, "", activation.Plan{Name: "One year", Days: 365, Devices: 1, Price: 10, Charge: activation.ChargeOnRedeem})
	if err != nil {
		return err
	}
	reseller := atlas.Actor{Account: shop.ID}
	codes, err := svc.IssueCodes(ctx, reseller, "", fleet.NewCodes{PlanID: year.ID, Count: 1, OwnerID: shop.ID})
	if err != nil {
		return err
	}

	// A phone enrols with it. Over HTTP it would sign its requests.
	phone, err := svc.Enrol(ctx, fleet.Enrolment{
		Code: codes[0].Text, PublicKey: []byte("the phone's public key"), KeyID: "its thumbprint",
		Info: fleet.DeviceInfo{Name: "Counter 1", Capabilities: []string{string(commands.AppInstall)}},
	})
	if err != nil {
		return err
	}
	left, err := svc.Credits(ctx, reseller, shop.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is active, %d credits are left\n", phone.Device.Name, left.Available())
	return install(ctx, out, svc, reseller, phone.Device, apkFile)
}

// install takes the file through quarantine and onto the phone.
func install(ctx context.Context, out io.Writer, svc *fleet.Service, who atlas.Actor, phone atlas.Device, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	app, err := svc.UploadAPK(ctx, who, fleet.Upload{FileName: "tiny.apk"}, f)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s %s is %s\n", app.Package, app.VersionName, app.State)
	if _, err := svc.ScanPending(ctx); err != nil { // Service.Run does this in a server
		return err
	}
	judged, err := svc.APK(ctx, who, app.ID)
	if err != nil || judged.State != intake.Clean {
		return fmt.Errorf("package is %s: %s: %w", judged.State, judged.Reason, err)
	}
	if _, err := svc.AssignAPK(ctx, who, "", app.ID, fleet.AssignTarget{AccountID: who.Account}); err != nil {
		return err
	}
	sent, err := svc.SendCommand(ctx, who, "", fleet.NewCommand{
		Kind: commands.AppInstall, Target: fleet.Target{DeviceIDs: []atlas.DeviceID{phone.ID}}, Params: fmt.Appendf(nil, `{"apk_id":%q}`, app.ID),
	})
	if err != nil {
		return err
	}

	// The phone asks, installs, and says so.
	me := fleet.Device{ID: phone.ID}
	orders, err := svc.CheckIn(ctx, me, fleet.CheckIn{})
	if err != nil {
		return err
	}
	for _, c := range orders.Commands {
		done := commands.Report{CommandID: c.ID, Attempt: c.Attempt, Outcome: commands.OutcomeSucceeded}
		if _, err := svc.CheckIn(ctx, me, fleet.CheckIn{Results: []commands.Report{done}}); err != nil {
			return err
		}
	}
	c, err := svc.Command(ctx, who, sent.ID)
	fmt.Fprintf(out, "%s %s on %s\n", c.Kind, c.State, phone.Name)
	return err
}

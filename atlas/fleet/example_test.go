package fleet_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/store/blob/mem"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

// An Admin makes a reseller, gives it credits, and the reseller buys a code
// that a device enrols with.
func Example() {
	if err := resell(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// north has 8 credits left
	// the device is enrolled and has a lease
	// a code is for one device
}

func resell(ctx context.Context) error {
	secret := make([]byte, 32) // keep it, and keep it out of the database
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	s, err := fleet.New(memory.New(memory.Options{}), new(mem.Store), secret, fleet.Options{})
	if err != nil {
		return err
	}
	root, err := s.Setup(ctx, "admin", "The Admin", "a pass phrase of your own")
	if err != nil {
		return err
	}
	admin := atlas.Actor{Account: root.ID, Purpose: atlas.PurposeBilling}
	north, err := s.CreateAccount(ctx, admin, "", fleet.NewAccount{
		Username: "north", Role: atlas.Reseller, ParentID: root.ID, Password: "another pass phrase",
	})
	if err != nil {
		return err
	}
	if _, err := s.GrantCredits(ctx, admin, "", fleet.Grant{AccountID: north.ID, Amount: 10}); err != nil {
		return err
	}
	plan, err := s.CreatePlan(ctx, admin, "", activation.Plan{Name: "Month", Days: 30, Devices: 1, Price: 2, Charge: activation.ChargeOnIssue})
	if err != nil {
		return err
	}

	reseller := atlas.Actor{Account: north.ID}
	codes, err := s.IssueCodes(ctx, reseller, "order 17", fleet.NewCodes{PlanID: plan.ID, Count: 1, OwnerID: north.ID})
	if err != nil {
		return err
	}
	b, err := s.Credits(ctx, reseller, north.ID)
	if err != nil {
		return err
	}
	fmt.Println("north has", b.Available(), "credits left")

	d, err := s.Enrol(ctx, fleet.Enrolment{Code: codes[0].Text, PublicKey: []byte("SPKI"), KeyID: "thumbprint"})
	if err != nil {
		return err
	}
	if d.Device.OwnerID == north.ID && d.Lease != "" {
		fmt.Println("the device is enrolled and has a lease")
	}
	_, err = s.Enrol(ctx, fleet.Enrolment{Code: codes[0].Text, PublicKey: []byte("SPKI"), KeyID: "another thumbprint"})
	if errors.Is(err, activation.ErrUsed) {
		fmt.Println("a code is for one device")
	}
	return nil
}

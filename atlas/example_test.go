package atlas_test

import (
	"errors"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// A reseller may read the devices of whoever is below it, and is not told
// whether there is anything elsewhere.
func ExamplePolicy_Authorize() {
	policy := atlas.DefaultPolicy()
	line := []atlas.Account{
		{ID: "root", Role: atlas.Admin, Path: "root", Status: atlas.Active},
		{ID: "north", Role: atlas.Reseller, Path: "root/north", Status: atlas.Active},
	}
	s := atlas.SubjectOf(atlas.Actor{Account: "north"}, line)

	fmt.Println(policy.Authorize(s, atlas.DeviceRead, atlas.Resource{Path: "root/north/shop"}))

	err := policy.Authorize(s, atlas.DeviceRead, atlas.Resource{Path: "root/south/shop"})
	fmt.Println(err, errors.Is(err, atlas.ErrNotFound))

	fmt.Println(policy.Authorize(s, atlas.PlanCreate, atlas.Resource{Path: "root/north"}))
	// Output:
	// <nil>
	// device.read: not found true
	// plan.create: denied
}

func ExamplePolicy_Scope() {
	s := atlas.Subject{Actor: atlas.Actor{Account: "north"}, Role: atlas.Reseller, Path: "root/north", Status: atlas.Active}
	scope, err := atlas.DefaultPolicy().Scope(s, atlas.DeviceRead)
	fmt.Println(scope.Reach(), "of", scope.Path(), err)
	fmt.Println(scope.Contains("root/north/shop"), scope.Contains("root/north-west"))
	// Output:
	// subtree of root/north <nil>
	// true false
}

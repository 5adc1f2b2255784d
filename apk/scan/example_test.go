package scan_test

import (
	"context"
	"fmt"
	"log"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/scan"
)

func Example() {
	info, err := apk.InspectFile("../testdata/tiny-unsigned.apk", apk.Options{})
	if err != nil {
		log.Fatal(err)
	}
	result, err := scan.Static(scan.StaticOptions{}).Scan(context.Background(), scan.Target{Info: info})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Verdict)
	for _, f := range result.Findings {
		fmt.Println(f.Severity, f.Code, f.Evidence)
	}
	// Output:
	// suspicious
	// high signature_unverified jar_sig_no_manifest, not verified
	// info allow_backup dev.atlasmdm.tiny
	// low device_admin dev.atlasmdm.tiny.Admin
}

// What a fleet's own rules make of the same application.
func ExampleStaticOptions() {
	info, err := apk.InspectFile("../testdata/tiny.apk", apk.Options{})
	if err != nil {
		log.Fatal(err)
	}
	s := scan.Static(scan.StaticOptions{
		AllowedSigners: map[string][]string{"dev.atlasmdm.tiny": {"00c0ffee"}},
		FleetMaxSDK:    36, MaxTargetSDKAge: 3,
		Ignore: []string{"allow_backup", "device_admin"},
	})
	result, err := s.Scan(context.Background(), scan.Target{Info: info})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Verdict)
	for _, f := range result.Findings {
		fmt.Println(f.Severity, f.Code, "-", f.Sentence)
	}
	// Output:
	// suspicious
	// high signer_not_allowed - The package name belongs to another signer: this is not the application it claims to be.
	// low fleet_target_old - It is built for an Android further behind the fleet's newest than its owner allows.
}

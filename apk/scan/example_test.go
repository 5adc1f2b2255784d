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
}

package apk_test

import (
	"fmt"
	"log"

	"github.com/atlas-mdm/atlas-go/apk"
)

func ExampleInspectFile() {
	info, err := apk.InspectFile("testdata/tiny.apk", apk.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Package, info.VersionCode, info.Label)
	fmt.Println(info.Signature.Verified, info.Signature.Schemes, info.Signature.Signers[0].Subject)
	// Output:
	// dev.atlasmdm.tiny 1 Tiny ATLAS
	// true [v2 v3] CN=ATLAS test data
}

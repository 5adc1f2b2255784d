package main

import (
	"context"
	"os"
)

func Example() {
	run(context.Background(), []string{"-json=false", "../../apk/testdata/tiny-unsigned.apk"}, os.Stdout, os.Stderr)
	// Output:
	// "../../apk/testdata/tiny-unsigned.apk": "dev.atlasmdm.tiny" 1 ("1.0"): NOT VERIFIED
	//   error jar_sig_no_manifest: "no META-INF/MANIFEST.MF"
}

package quickstart_test

import (
	"context"
	"fmt"
	"os"

	"github.com/atlas-mdm/atlas-go/examples/quickstart"
)

func Example() {
	if err := quickstart.Run(context.Background(), os.Stdout, "../../apk/testdata/tiny.apk"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Counter 1 is active, 90 credits are left
	// dev.atlasmdm.tiny 1.0 is quarantined
	// app.install succeeded on Counter 1
}

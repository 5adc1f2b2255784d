package clamav_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/apk/scan"
	"github.com/atlas-mdm/atlas-go/apk/scan/clamav"
)

// A clamd that isn't there gives an error, and never a verdict.
func Example() {
	s, err := clamav.New(clamav.Options{
		Network: "unix", Address: "/nowhere/clamd.ctl",
		MaxAge: 7 * 24 * time.Hour, Now: time.Now,
	})
	if err != nil {
		log.Fatal(err)
	}
	file := strings.NewReader("the bytes of a package")
	r, err := s.Scan(context.Background(), scan.Target{R: file, Size: file.Size()})
	fmt.Printf("%q %v\n", r.Verdict, err)

	_, err = s.Scan(context.Background(), scan.Target{R: file, Size: 1 << 40})
	fmt.Println(errors.Is(err, clamav.ErrTooLarge), err)
	// Output:
	// "" clamav: connect: dial unix /nowhere/clamd.ctl: connect: no such file or directory
	// true clamav: file is over the limit: 1099511627776 bytes, limit 104857600
}

package main

import (
	"fmt"
	"path/filepath"

	"github.com/atlas-mdm/atlas-go/apk/scan"
	"github.com/atlas-mdm/atlas-go/apk/scan/clamav"
)

// scanners are who judges packages, all of them: the static checks, and the
// ClamAV daemon at the address if one is given.
func scanners(clamd string) ([]scan.Scanner, error) {
	all := []scan.Scanner{scan.Static(scan.StaticOptions{})}
	if clamd == "" {
		return all, nil
	}
	network := "tcp"
	if filepath.IsAbs(clamd) {
		network = "unix"
	}
	daemon, err := clamav.New(clamav.Options{Network: network, Address: clamd})
	if err != nil {
		return nil, fmt.Errorf("-clamd: %w", err)
	}
	return append(all, daemon), nil
}

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package device

import (
	"fmt"
	"os"
	"path/filepath"
)

// lock only makes the file: this platform has no lock that ends with the
// process, and one that outlives a crash would keep the device from starting.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	return f, nil
}

// syncDir does nothing: this platform can't sync a folder.
func syncDir(string) error { return nil }

package atlastest

import (
	"fmt"
	"sync/atomic"
)

// IDs returns a source of identifiers that counts: each is a UUID of version
// 7 by its form (RFC 9562, section 5.7), of which the last digits are the
// number of the call, so that they sort in order and the same test makes the
// same ids. Sources are independent of one another and safe for concurrent
// use.
func IDs() func() string {
	var n atomic.Uint64
	return func() string {
		i := n.Add(1)
		return fmt.Sprintf("%08x-%04x-7000-8000-%012x", i>>16&0xffffffff, i&0xffff, i)
	}
}

package password

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// params are what a hash costs.
type params struct {
	time, memory uint32
	parallel     uint8
}

// The limits of what a stored hash may ask for: a row that somebody planted
// must not take gigabytes or minutes.
const (
	maxTime     = 16
	maxMemory   = 256 << 10 // KiB
	maxParallel = 16
	minSalt     = 8
	maxSalt     = 64
	minKey      = 16
	maxKey      = 64
	maxPHC      = 300
)

func (p params) check() error {
	within := 1 <= p.time && p.time <= maxTime && 1 <= p.parallel && p.parallel <= maxParallel
	// RFC 9106, section 3.1: at least 8 KiB for each lane.
	if !within || p.memory < 8*uint32(p.parallel) || p.memory > maxMemory {
		return fmt.Errorf("%w: its parameters are outside the limits", ErrHash)
	}
	return nil
}

// hash is a PHC string taken apart.
type hash struct {
	params
	salt, key []byte
}

var b64 = base64.RawStdEncoding.Strict()

// String returns the PHC string of argon2id, version 19 (0x13).
func (h hash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.memory, h.time, h.parallel, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

// parse reads a PHC string in exactly the form that String writes.
func parse(phc string) (hash, error) {
	if len(phc) > maxPHC {
		return hash{}, fmt.Errorf("%w: it is too long", ErrHash)
	}
	parts := strings.Split(phc, "$")
	if len(parts) != 6 {
		return hash{}, fmt.Errorf("%w: it has not five parts", ErrHash)
	}
	p, err := parseParams(parts[3])
	if err != nil {
		return hash{}, err
	}
	h := hash{params: p}
	var saltErr, keyErr error
	h.salt, saltErr = b64.DecodeString(parts[4])
	h.key, keyErr = b64.DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || h.String() != phc {
		return hash{}, fmt.Errorf("%w: it is not in the usual encoding of argon2id", ErrHash)
	}
	if len(h.salt) < minSalt || len(h.salt) > maxSalt || len(h.key) < minKey || len(h.key) > maxKey {
		return hash{}, fmt.Errorf("%w: salt or hash has a wrong length", ErrHash)
	}
	return h, nil
}

func parseParams(s string) (params, error) {
	values := strings.Split(s, ",")
	if len(values) != 3 {
		return params{}, fmt.Errorf("%w: it has not three parameters", ErrHash)
	}
	var n [3]uint64
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(values[i], name)
		v, err := strconv.ParseUint(digits, 10, 31)
		if !ok || err != nil {
			return params{}, fmt.Errorf("%w: parameter %s", ErrHash, name)
		}
		n[i] = v
	}
	if n[2] > maxParallel {
		return params{}, fmt.Errorf("%w: its parameters are outside the limits", ErrHash)
	}
	p := params{memory: uint32(n[0]), time: uint32(n[1]), parallel: uint8(n[2])}
	return p, p.check()
}

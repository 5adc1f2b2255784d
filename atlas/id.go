package atlas

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"io"
	"time"
)

// Identifiers of records. They are opaque text of at most [MaxID] bytes; what
// [NewID] makes sorts by time of creation, which is what lists page by.
type (
	// AccountID identifies an [Account].
	AccountID string
	// DeviceID identifies a [Device].
	DeviceID string
	// FolderID identifies a [Folder]; empty means the owner's top.
	FolderID string
)

// MaxID is the most bytes an identifier may have.
const MaxID = 64

// NewID returns an identifier made at now: a UUID of version 7 (RFC 9562,
// section 5.7), whose text sorts by time.
func NewID(now time.Time) string { return NewIDFrom(now, rand.Reader) }

// NewIDFrom is [NewID] with the random part read from random: ten bytes. The
// same time and bytes give the same id, which makes an event that is to be
// written once carry the same id on every try.
func NewIDFrom(now time.Time, random io.Reader) string {
	var b [16]byte
	if _, err := io.ReadFull(random, b[6:]); err != nil {
		panic("atlas: the system's random source failed: " + err.Error())
	}
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(b[:6], ms[2:])
	// rand_a carries the microseconds of the millisecond (RFC 9562, section
	// 6.2, method 3), so that ids made in quick succession still sort.
	frac := uint16(now.Nanosecond()/1000%1000) << 2
	b[6] = 0x70 | byte(frac>>8)&0x0f
	b[7] = byte(frac)
	b[8] = 0x80 | b[8]&0x3f
	out := make([]byte, 36)
	hex.Encode(out, b[:4])
	out[8] = '-'
	hex.Encode(out[9:], b[4:6])
	out[13] = '-'
	hex.Encode(out[14:], b[6:8])
	out[18] = '-'
	hex.Encode(out[19:], b[8:10])
	out[23] = '-'
	hex.Encode(out[24:], b[10:])
	return string(out)
}

// CheckID returns an ErrInvalid unless id is usable as an identifier that
// came from outside: 1 to [MaxID] bytes of letters, digits, '-', '_' and '.'.
// A '/' in particular would break a [Path].
func CheckID(field, id string) error {
	if id == "" || len(id) > MaxID {
		return Invalid(field, "must have 1 to %d characters", MaxID)
	}
	for i := range len(id) {
		if c := id[i]; !isIDByte(c) {
			return Invalid(field, "has a character that identifiers never have")
		}
	}
	return nil
}

func isIDByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}

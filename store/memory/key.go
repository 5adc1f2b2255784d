package memory

import (
	"encoding/binary"
	"time"
)

// Keys of indexes are made of parts with a NUL between them, which no stored
// text has and no byte sorts before: the keys that begin with the same parts
// are one range. An index that several records may share a key in has the id
// as its last part.

// joined returns the key of two parts.
func joined[A, B ~string](a A, b B) string { return string(a) + "\x00" + string(b) }

// under returns the range of the keys that begin with the part p.
func under[P ~string](p P) (from, to string) { return string(p) + "\x00", string(p) + "\x01" }

// ordered returns n as eight bytes that sort as numbers do.
func ordered(n int64) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63))
}

// moment returns t as eight bytes that sort as times do.
func moment(t time.Time) string { return ordered(t.UnixMicro()) }

// only returns the keys of an index that has one for each record.
func only(key string) []string { return []string{key} }

package atlas

import "time"

// Clock tells the time. Services hold one; stores and rules never do.
type Clock func() time.Time

// SystemClock is the machine's time as every backend can store it: UTC, cut
// to the microsecond.
func SystemClock() time.Time { return Instant(time.Now()) }

// Instant returns t as every backend can store it: UTC, cut to the
// microsecond, without a monotonic reading.
func Instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

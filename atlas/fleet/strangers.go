package fleet

import (
	"sync"
	"time"
)

// Bounds of the security events a minute of requests by nobody known.
const (
	strangerEvents = 60  // of one network
	allStrangers   = 600 // of all
)

// strangers counts the events of requests by nobody known within a minute,
// and how many were not kept. The next one that is kept says that number.
type strangers struct {
	mu      sync.Mutex
	minute  time.Time
	by      map[string]int
	all     int
	dropped int
}

// admit reports whether an event of that network is to be kept, and how many
// were dropped since the last one that was.
func (s *strangers) admit(network string, now time.Time) (dropped int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(s.minute) {
		s.minute, s.by, s.all = minute, map[string]int{}, 0
	}
	if s.all >= allStrangers || s.by[network] >= strangerEvents {
		s.dropped++
		return 0, false
	}
	s.all++
	s.by[network]++
	dropped, s.dropped = s.dropped, 0
	return dropped, true
}

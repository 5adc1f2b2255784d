package lease_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
)

// The server signs a lease at the daily check-in; the device checks it with
// the published keys, by the latest time of the server that it knows.
func Example() {
	server, err := lease.NewSigner(ed25519.NewKeyFromSeed([]byte("server key, random in real life.")))
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	token, err := server.Sign(lease.Lease{
		ID: "lease-1", Device: "device-1", Issuer: "https://mdm.example.com", Plan: "standard", State: "active",
		IssuedAt: now, NextCheck: now.Add(20 * time.Hour), Expires: now.Add(24 * time.Hour), GraceUntil: now.Add(96 * time.Hour),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	published, _ := json.Marshal(lease.JWKS{server.Public()})

	keys, err := lease.ParseJWKS(published)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, hours := range []time.Duration{1, 30, 97} {
		l, status, err := lease.Verify(token, keys, "device-1", now.Add(hours*time.Hour), now)
		fmt.Println(l.State, status, err)
	}
	// Output:
	// active valid <nil>
	// active grace <nil>
	//   lease: expired (refused): grace ended 2026-03-05T12:00:00Z
}

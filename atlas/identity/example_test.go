package identity_test

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas/identity"
)

// A session's token is given to the browser and its hash is stored.
func Example() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	token, hash, err := identity.NewToken(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := identity.SessionPolicy{Idle: 30 * time.Minute}
	stored := policy.Start(identity.Session{ID: "s-1", AccountID: "a-1", TokenHash: hash}, now)

	presented, err := identity.HashToken(token)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(identity.SameHash(stored.TokenHash, presented), stored.Live(now.Add(10*time.Minute)), stored.Live(now.Add(time.Hour)))
	// Output: true true false
}

func ExampleLogin() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	login := identity.NewLogin("ana", "203.0.113.9:50123", "")
	for range 8 {
		login = login.Fail(now, identity.ThrottlePolicy{})
	}
	fmt.Println(login.Allowed(now))
	fmt.Println(login.Allowed(now.Add(4 * time.Second)))
	// Output:
	// identity: too many failed logins (limit reached): wait 4s
	// <nil>
}

func ExampleCheckPassword() {
	fmt.Println(identity.CheckPassword("ana", "Password123"))
	fmt.Println(identity.CheckPassword("ana", "five quiet words in order"))
	// Output:
	// password: is one that attackers try first
	// <nil>
}

package lease_test

import (
	"testing"

	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
)

func BenchmarkVerify(b *testing.B) {
	s := signer(b)
	token, keys := signed(b, s, daily()), lease.JWKS{s.Public()}
	for b.Loop() {
		if _, _, err := lease.Verify(token, keys, "d-1", checked, checked); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	s, l := signer(b), daily()
	for b.Loop() {
		if _, err := s.Sign(l); err != nil {
			b.Fatal(err)
		}
	}
}

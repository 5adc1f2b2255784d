package password_test

import (
	"context"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas/identity/password"
)

func Example() {
	ctx := context.Background()
	hasher, err := password.New(password.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	stored, err := hasher.Hash(ctx, "five quiet words in order")
	if err != nil {
		fmt.Println(err)
		return
	}
	ok, rehash, err := hasher.Verify(ctx, stored, "five quiet words in order")
	fmt.Println(ok, rehash, err)
	ok, _, err = hasher.Verify(ctx, stored, "something else")
	fmt.Println(ok, err)
	// Output:
	// true false <nil>
	// false <nil>
}

package mem_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/atlas-mdm/atlas-go/store/blob"
	"github.com/atlas-mdm/atlas-go/store/blob/blobtest"
	"github.com/atlas-mdm/atlas-go/store/blob/mem"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(testing.TB) blob.Staged { return new(mem.Store) })
}

func Example() {
	ctx := context.Background()
	var files mem.Store
	key := blob.Key([]byte("hello"))
	if _, err := files.Put(ctx, key, strings.NewReader("hello")); err != nil {
		fmt.Println(err)
		return
	}
	b, err := files.Open(ctx, key)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	content, err := io.ReadAll(blob.NewReader(b))
	fmt.Println(string(content), err)
	// Output: hello <nil>
}

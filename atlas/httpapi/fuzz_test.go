package httpapi_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi"
)

// What passes is JSON by encoding/json's reading too, and what does not is
// refused by a kind that has a status.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":{"b":[1,"x",null]}}`, `{"a":1,"A":2}`, `[1] 2`, `{"params":{"aB":1}}`, "\"\\ud800\"", "\"\\u0000\"", `1e999`, ``, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := httpapi.CheckJSON(b); err != nil {
			require.ErrorIs(t, err, atlas.ErrInvalid)
			return
		}
		require.True(t, json.Valid(b))
	})
}

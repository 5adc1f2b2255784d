package httpapi_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite openapi.json")

// The document is a promise to programs that we don't see: a change of it is
// a change of the committed file, which a review reads.
func TestTheDocumentIsTheCommittedOne(t *testing.T) {
	t.Parallel()
	got := serve(t).as("", "GET", "/openapi.json", nil).status(200)
	require.Equal(t, "application/openapi+json", got.Header.Get("Content-Type"))
	if *update {
		require.NoError(t, os.WriteFile("openapi.json", got.body, 0o644))
	}
	want, err := os.ReadFile("openapi.json")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got.body), "run go test ./atlas/httpapi -run Document -update")
}

func TestTheDocumentIsValidAndEveryReferenceInItResolves(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("openapi.json")
	require.NoError(t, err)
	var doc any
	require.NoError(t, json.Unmarshal(text, &doc))
	refs := 0
	walk(doc, func(name string, v any) {
		if ref, ok := v.(string); ok && name == "$ref" {
			refs++
			require.NotNil(t, resolve(doc, ref), ref)
		}
	})
	require.Positive(t, refs)
	parsed, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	require.Equal(t, "3.1.0", parsed.OpenAPI)
	require.NotEmpty(t, parsed.Paths.Map())
}

func walk(v any, fn func(name string, v any)) {
	switch v := v.(type) {
	case map[string]any:
		for name, m := range v {
			fn(name, m)
			walk(m, fn)
		}
	case []any:
		for _, m := range v {
			walk(m, fn)
		}
	}
}

func resolve(doc any, ref string) any {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	for _, part := range strings.Split(path, "/") {
		m, ok := doc.(map[string]any)
		if !ok {
			return nil
		}
		doc = m[part]
	}
	return doc
}

// operations returns "METHOD path" of all operations in the document.
func operations(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("openapi.json")
	require.NoError(t, err)
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal(text, &doc))
	var out []string
	for path, item := range doc.Paths {
		for method := range item {
			out = append(out, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(out)
	return out
}

// What outside programs rely on.
const promised = `
POST /v1/sessions|DELETE /v1/sessions/current|GET /v1/me|GET /v1/accounts|POST /v1/accounts|GET /v1/accounts/{id}|PATCH /v1/accounts/{id}
POST /v1/accounts/{id}/move|POST /v1/accounts/{id}/suspend|POST /v1/accounts/{id}/resume|POST /v1/accounts/{id}/block|POST /v1/accounts/{id}/close
GET /v1/accounts/{id}/credits|GET /v1/accounts/{id}/credits/entries
POST /v1/credits/grants|POST /v1/credits/transfers|POST /v1/credits/refunds|POST /v1/credits/holds
POST /v1/credits/holds/{id}/capture|POST /v1/credits/holds/{id}/release
GET /v1/plans|POST /v1/plans|GET /v1/activation-codes|POST /v1/activation-codes
POST /v1/activation-codes/{id}/suspend|POST /v1/activation-codes/{id}/resume|POST /v1/activation-codes/{id}/revoke
GET /v1/devices|GET /v1/devices/{id}|PATCH /v1/devices/{id}|POST /v1/devices/{id}/transfer|GET /v1/devices/{id}/apps|GET /v1/devices/{id}/commands
POST /v1/apks|GET /v1/apks|GET /v1/apks/{id}|GET /v1/apks/{id}/file|POST /v1/apks/{id}/assignments|GET /v1/apks/{id}/deployments
POST /v1/commands|GET /v1/commands/{id}|POST /v1/commands/{id}/cancel|GET /v1/campaigns/{id}
GET /v1/security-events|GET /v1/audit|GET /v1/audit/checkpoint|GET /v1/audit/proof|GET /healthz|GET /readyz
POST /device/v1/enroll|POST /device/v1/checkin|GET /device/v1/wait|GET /device/v1/apks/{sha256}|GET /device/v1/jwks.json
GET /v1/folders|POST /v1/folders|GET /v1/sessions|POST /v1/password|GET /v1/api-keys|POST /v1/api-keys|DELETE /v1/api-keys/{id}
POST /v1/activation-codes/{id}/reveal|POST /v1/apks/{id}/judge|GET /v1/audit/export`

func TestEveryPromisedRouteIsInTheDocument(t *testing.T) {
	t.Parallel()
	all := operations(t)
	for _, op := range strings.FieldsFunc(promised, func(r rune) bool { return r == '|' || r == '\n' }) {
		require.Contains(t, all, op)
	}
}

func TestEveryOperationOfTheDocumentIsServed(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, op := range operations(t) {
		method, path, _ := strings.Cut(op, " ")
		path = strings.NewReplacer("{id}", "x", "{sha256}", strings.Repeat("0", 64)).Replace(path)
		got := s.as("", method, path, nil)
		require.NotContains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusInternalServerError}, got.StatusCode, op)
	}
}

func TestEveryCreatingPostTakesAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("openapi.json")
	require.NoError(t, err)
	parsed, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	for path, item := range parsed.Paths.Map() {
		// Signing in twice is two sessions.
		if item.Post == nil || !strings.HasPrefix(path, "/v1/") || item.Post.Responses.Value("201") == nil || path == "/v1/sessions" {
			continue
		}
		require.NotNil(t, item.Post.Parameters.GetByInAndName("header", "Idempotency-Key"), path)
	}
}

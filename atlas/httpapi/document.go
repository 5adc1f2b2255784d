package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

//go:generate go test . -run ^TestTheDocumentIsTheCommittedOne$ -update

// version is the version of the document.
const version = "0.1.0"

const schemaPrefix = "#/components/schemas/"

// config is huma without anything that would fetch code from elsewhere or add
// members to bodies.
func (a *API) config() huma.Config {
	schemas := huma.NewMapRegistry(schemaPrefix, schemaName)
	schemas.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[Problem]())
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "ATLAS", Version: version,
			Description: "Android fleet management and reseller panels: the operators' API below /v1 and the device protocol below /device/v1.",
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{
			Schemas: schemas,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer", Description: "A session's token or an API key"},
				"device": {
					Type: "apiKey", In: "header", Name: "Signature",
					Description: "HTTP message signature (RFC 9421) by the device's key, with Signature-Input and Content-Digest (RFC 9530)",
				},
			},
		},
	}
	if a.opt.BaseURL != "" {
		doc.Servers = []*huma.Server{{URL: a.opt.BaseURL}}
	}
	return huma.Config{
		OpenAPI: doc, Formats: map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json", Transformers: []huma.Transformer{a.ours},
	}
}

// schemaName names a type in the document. The device protocol has words of
// its own for some things that operators see too.
func schemaName(t reflect.Type, hint string) string {
	name := strings.ReplaceAll(huma.DefaultSchemaNamer(t, hint), "View", "")
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() == reflect.TypeFor[deviceproto.Enrol]().PkgPath() {
		return "Agent" + name
	}
	return name
}

// ours turns the errors that huma itself makes into problems. It never echoes
// what was sent, as huma would: it may be a password.
func (a *API) ours(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := problem(m.Status, "invalid", "Invalid request", "The request breaks rules of form.")
	if m.Status != http.StatusUnprocessableEntity {
		p = problem(m.Status, "malformed", "Malformed request", "")
	}
	for _, e := range m.Errors {
		text := e.Message
		if strings.HasPrefix(text, "json:") { // it names Go types
			text = "has a value of another type"
		}
		p.Errors = append(p.Errors, ProblemField{Location: e.Location, Message: atlas.CleanText(text, 300)})
	}
	return p, nil
}

// describe is the route in the document, as far as its types don't say it.
func (rt route) describe() *huma.Operation {
	op := &huma.Operation{
		Method: rt.method, Path: rt.path, OperationID: rt.id, Summary: rt.summary, Tags: []string{rt.tag}, DefaultStatus: rt.status,
		Responses: map[string]*huma.Response{},
	}
	if !rt.open {
		op.Security = []map[string][]string{{"bearer": {}}}
	}
	if rt.purpose != "" {
		var all []any
		for _, p := range atlas.Purposes() {
			all = append(all, string(p))
		}
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: headerPurpose, In: "header", Description: "Why personal data is read; recorded with what an Admin reads",
			Schema: &huma.Schema{Type: huma.TypeString, Enum: all, Default: string(rt.purpose)},
		})
	}
	if rt.creates {
		most := 200
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: headerKey, In: "header", Description: "Repeated with the same request it gives the first answer",
			Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most},
		})
	}
	return op
}

// schema returns the schema of T by reference.
func schema[T any](a *API) *huma.Schema {
	return a.doc.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}

// answers describes the answers of an operation that huma does not register:
// the one of success, and problems.
func (a *API) answers(op *huma.Operation, status int, contentType string, s *huma.Schema) *huma.Operation {
	ok := &huma.Response{Description: http.StatusText(status)}
	if s != nil {
		ok.Content = map[string]*huma.MediaType{contentType: {Schema: s}}
	}
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses[strconv.Itoa(status)] = ok
	op.Responses["default"] = &huma.Response{
		Description: "Error", Content: map[string]*huma.MediaType{problemType: {Schema: schema[Problem](a)}},
	}
	return op
}

// accepts describes the body of an operation that huma does not register.
func accepts(op *huma.Operation, contentType string, s *huma.Schema) *huma.Operation {
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{contentType: {Schema: s}}}
	return op
}

func binary() *huma.Schema { return &huma.Schema{Type: huma.TypeString, Format: "binary"} }

func pathParam(name string, s *huma.Schema) *huma.Param {
	return &huma.Param{Name: name, In: "path", Required: true, Schema: s}
}

// document renders the document.
func (a *API) document() ([]byte, error) {
	a.openAnswers()
	flat, err := json.Marshal(a.doc.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("httpapi: OpenAPI document: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, flat, "", "  "); err != nil {
		return nil, fmt.Errorf("httpapi: OpenAPI document: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// openAnswers lets what is only answered have members that the document does
// not name, since answers grow. What is sent in is read strictly.
func (a *API) openAnswers() {
	doc, read := a.doc.OpenAPI(), map[string]bool{}
	schemas := doc.Components.Schemas.Map()
	var mark func(s *huma.Schema)
	mark = func(s *huma.Schema) {
		if s == nil {
			return
		}
		if name, ok := strings.CutPrefix(s.Ref, schemaPrefix); ok && !read[name] {
			read[name] = true
			mark(schemas[name])
		}
		mark(s.Items)
		for _, p := range s.Properties {
			mark(p)
		}
	}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Post, item.Patch} {
			if op != nil && op.RequestBody != nil {
				for _, c := range op.RequestBody.Content {
					mark(c.Schema)
				}
			}
		}
	}
	for name, s := range schemas {
		if closed, ok := s.AdditionalProperties.(bool); ok && !closed && !read[name] {
			s.AdditionalProperties = nil
		}
	}
}

// routeDocument serves the document.
func (a *API) routeDocument(mux *http.ServeMux) {
	rt := route{method: http.MethodGet, path: "/openapi.json", id: "get-document", tag: "document", summary: "This document", open: true}
	a.doc.OpenAPI().AddOperation(a.answers(rt.describe(), http.StatusOK, "application/openapi+json", &huma.Schema{Type: huma.TypeObject}))
	mux.HandleFunc(rt.pattern(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(a.text)
	})
}

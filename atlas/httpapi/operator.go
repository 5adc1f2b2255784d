package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
)

// Fields of requests.
const (
	headerKey     = "Idempotency-Key"
	headerPurpose = "Atlas-Purpose"
	headerFile    = "X-File-Name"
	headerPackage = "X-Package-Name"
)

// route is one operation of the operators' API.
type route struct {
	method, path string
	id           string // operationId
	tag          string
	summary      string
	status       int           // of success; 0: 200, or 204 without a body
	purpose      atlas.Purpose // default of Atlas-Purpose; empty: takes none
	creates      bool          // takes an Idempotency-Key
	open         bool          // for everybody
}

func (rt route) pattern() string { return rt.method + " " + rt.path }

// caller is who makes a request, and what belongs to the request rather than
// to its content.
type caller struct {
	actor  atlas.Actor
	key    fleet.Key
	token  string // "" where the embedder authenticates by other means
	origin string
	agent  string
	asked  string // path and filters, which cursors are bound to
}

// caller authenticates r and reads its fields.
func (a *API) caller(r *http.Request, rt route) (c caller, err error) {
	c = caller{token: bearer(r), origin: a.opt.ClientAddr(r), agent: r.UserAgent()}
	if !rt.open {
		if c.actor, err = a.opt.Authenticate(r); err != nil {
			return caller{}, err
		}
	}
	if err := checkPath(r); err != nil {
		return caller{}, err
	}
	if c.actor.Origin == "" {
		c.actor.Origin = c.origin
	}
	if c.asked, err = asked(r.URL); err != nil {
		return caller{}, err
	}
	if rt.purpose != "" {
		if c.actor.Purpose, err = purpose(r, rt.purpose); err != nil {
			return caller{}, err
		}
	}
	if rt.creates {
		key, err := once(r, headerKey)
		return c.with(fleet.Key(key)), err
	}
	return c, nil
}

// checkPath answers an id that can't be one as an id that nothing has.
func checkPath(r *http.Request) error {
	id := r.PathValue("id")
	if id == "" || atlas.CheckID("path.id", id) == nil {
		return nil
	}
	return fmt.Errorf("httpapi: path: %w", atlas.ErrNotFound)
}

func (c caller) with(key fleet.Key) caller {
	c.key = key
	return c
}

// purpose is the one the request names, or the route's.
func purpose(r *http.Request, byDefault atlas.Purpose) (atlas.Purpose, error) {
	given, err := once(r, headerPurpose)
	if err != nil || given == "" {
		return byDefault, err
	}
	p, err := atlas.ParsePurpose(given)
	if err != nil {
		return "", atlas.Invalid("header."+headerPurpose, "is not one of the purposes that data is processed for")
	}
	return p, nil
}

// once returns a field that may be there once at most.
func once(r *http.Request, name string) (string, error) {
	given := r.Header.Values(name)
	if len(given) > 1 {
		return "", atlas.Invalid("header."+name, "is there more than once")
	}
	return r.Header.Get(name), nil
}

// asked returns the path and the filters of a request in one form. It is an
// ErrInvalid if a parameter is there twice or is not text.
func asked(u *url.URL) (string, error) {
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", fmt.Errorf("%w: query", errMalformed)
	}
	for name, values := range q {
		if len(values) > 1 {
			return "", atlas.Invalid("query."+atlas.CleanText(name, 60), "is there more than once")
		}
		if err := atlas.CheckText("query."+atlas.CleanText(name, 60), values[0], 1000); err != nil {
			return "", err
		}
	}
	q.Del("cursor")
	q.Del("limit")
	return u.Path + "?" + q.Encode(), nil
}

// callerKey is where huma's context carries the caller from the middleware,
// which runs before the body is read, to the handler, which gets it as an
// argument. Nothing else looks there.
type callerKey struct{}

// admit authenticates a request and checks its body's form before huma reads
// what it means.
func (a *API) admit(rt route) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		c, err := a.caller(r, rt)
		if err == nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
			err = a.admitBody(w, r, ctx.Operation().RequestBody != nil)
		}
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		next(huma.WithValue(ctx, callerKey{}, c))
	}
}

// admitBody reads the body strictly and puts it back for huma.
func (a *API) admitBody(w http.ResponseWriter, r *http.Request, wanted bool) error {
	body, err := readJSON(w, r, a.opt.MaxBody)
	if err != nil {
		return err
	}
	if !wanted && len(body) > 0 && string(body) != "{}" {
		return atlas.Invalid("body", "must be empty")
	}
	r.Body = replay(body)
	return nil
}

// register adds a route that answers with a body.
func register[I, T any](a *API, rt route, use func(context.Context, caller, *I) (T, error)) {
	type output struct{ Body T }
	op := a.operation(rt)
	huma.Register(a.doc, *op, func(ctx context.Context, in *I) (*output, error) {
		out, err := call(ctx, a, in, use)
		if err != nil {
			return nil, a.blame(ctx, err)
		}
		return &output{Body: out}, nil
	})
}

// registerEmpty adds a route that answers without a body.
func registerEmpty[I any](a *API, rt route, use func(context.Context, caller, *I) error) {
	op := a.operation(rt)
	huma.Register(a.doc, *op, func(ctx context.Context, in *I) (*struct{}, error) {
		_, err := call(ctx, a, in, func(ctx context.Context, c caller, in *I) (struct{}, error) {
			return struct{}{}, use(ctx, c, in)
		})
		if err != nil {
			return nil, a.blame(ctx, err)
		}
		return &struct{}{}, nil
	})
}

func call[I, T any](ctx context.Context, a *API, in *I, use func(context.Context, caller, *I) (T, error)) (T, error) {
	var none T
	c, ok := ctx.Value(callerKey{}).(caller)
	if !ok {
		return none, atlas.ErrUnauthenticated
	}
	if err := a.checkBody(in); err != nil {
		return none, err
	}
	return use(ctx, c, in)
}

// operation is the route as huma wants it. Its own reading of bodies has no
// bounds, since admit has read them already.
func (a *API) operation(rt route) *huma.Operation {
	op := rt.describe()
	op.MaxBodyBytes, op.BodyReadTimeout = -1, -1
	op.RejectUnknownQueryParameters = true
	op.Middlewares = huma.Middlewares{a.admit(rt)}
	return op
}

// raw adds a route whose body or answer is not JSON.
func (a *API) raw(mux *http.ServeMux, rt route, op *huma.Operation, use func(http.ResponseWriter, *http.Request, caller) error) {
	a.doc.OpenAPI().AddOperation(op)
	mux.HandleFunc(rt.pattern(), func(w http.ResponseWriter, r *http.Request) {
		c, err := a.caller(r, rt)
		if err == nil {
			err = use(w, r, c)
		}
		if err != nil {
			a.refuse(w, r, err)
		}
	})
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

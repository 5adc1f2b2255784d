package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-playground/validator/v10"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
)

// Options are the optional parts of an API. The zero value is ready for use.
type Options struct {
	// BaseURL is the URL under which clients reach the API, as httpsig.BaseURL
	// wants it. Devices sign the URL they call, so a server behind a proxy that
	// ends TLS or changes the host needs it, and so does one whose devices may
	// have a key with another server too. Empty: as the request says.
	BaseURL string
	// Authenticate returns who makes a request to the operators' API, or an
	// error of the kind atlas.ErrUnauthenticated. Nil: the session's token or
	// API key after "Authorization: Bearer", by fleet.Service.Authenticate.
	Authenticate func(*http.Request) (atlas.Actor, error)
	// ClientAddr returns the network address of a request, for throttling and
	// security events. Nil: the peer's IP address. Fields that a proxy adds,
	// such as X-Forwarded-For, are believed only by who sets this:
	// [TrustedProxies] does so with care.
	ClientAddr func(*http.Request) string
	// Logger gets what went wrong on the server's side. Nil means none.
	Logger *slog.Logger
	// MaxBody is the most bytes of a JSON body of the operators' API; 0 means
	// 1 MiB.
	MaxBody int64
	// MaxUpload is the most bytes of an APK; 0 means 512 MiB. The service has
	// a bound of its own; the smaller one counts.
	MaxUpload int64
	// CursorKey signs the cursors of lists. Nodes that serve the same clients
	// need the same one. Nil: made at random for each API.
	CursorKey []byte
	// Observe, unless nil, is told of every request when it ends: the pattern
	// of its route ("" if there is none), the status, and the time it took by
	// the service's clock.
	Observe func(route string, status int, took time.Duration)
}

// API is the handlers. It is safe for concurrent use.
type API struct {
	svc     *fleet.Service
	opt     Options
	sig     httpsig.Options
	check   *validator.Validate
	cursors cursors
	doc     huma.API
	text    []byte // the document

	answerKeyID string // name of the key that answers to devices are signed with

	operators, devices, health http.Handler
}

// New returns the handlers over svc. It returns an error for a BaseURL that
// is none and for a CursorKey of less than 16 bytes.
func New(svc *fleet.Service, o Options) (*API, error) {
	if svc == nil {
		return nil, fmt.Errorf("httpapi: no service (%w)", atlas.ErrInvalid)
	}
	a := &API{svc: svc, opt: o.withDefaults(), check: newCheck(), answerKeyID: answerKeyID(svc)}
	var err error
	if a.cursors, err = newCursors(o.CursorKey); err != nil {
		return nil, err
	}
	if o.BaseURL != "" {
		if a.sig.TargetURI, err = httpsig.BaseURL(o.BaseURL); err != nil {
			return nil, fmt.Errorf("httpapi: %w", err)
		}
	}
	if a.opt.Authenticate == nil {
		a.opt.Authenticate = a.byToken
	}
	operators, devices, health := http.NewServeMux(), http.NewServeMux(), http.NewServeMux()
	a.doc = humago.New(operators, a.config())
	a.routeOperators(operators)
	a.routeDevices(devices)
	a.routeHealth(health)
	if a.text, err = a.document(); err != nil {
		return nil, err
	}
	a.operators, a.devices, a.health = a.shell(operators), a.shell(devices), a.shell(health)
	return a, nil
}

func (o Options) withDefaults() Options {
	if o.ClientAddr == nil {
		o.ClientAddr = peer
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 1 << 20
	}
	if o.MaxUpload <= 0 {
		o.MaxUpload = 512 << 20
	}
	return o
}

// peer is the IP address at the other end of the connection.
func peer(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return at.Addr().Unmap().String()
}

// byToken is the default of Options.Authenticate.
func (a *API) byToken(r *http.Request) (atlas.Actor, error) {
	return a.svc.Authenticate(r.Context(), bearer(r), a.opt.ClientAddr(r))
}

// bearer returns the token of a request (RFC 6750, section 2.1), or "".
func bearer(r *http.Request) string {
	given := r.Header["Authorization"]
	if len(given) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

// Handler serves both sides, GET /healthz and GET /readyz.
func (a *API) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/device/"):
			a.devices.ServeHTTP(w, r)
		case r.URL.Path == "/healthz", r.URL.Path == "/readyz":
			a.health.ServeHTTP(w, r)
		default:
			a.operators.ServeHTTP(w, r)
		}
	})
}

// Operators serves /v1 and /openapi.json.
func (a *API) Operators() http.Handler { return a.operators }

// Devices serves /device/v1. Mounted below a prefix, that prefix is a part of
// what devices sign and of the server's URL that they know.
func (a *API) Devices() http.Handler { return a.devices }

// OpenAPI returns the document of all routes, in OpenAPI 3.1 as indented JSON.
func (a *API) OpenAPI() ([]byte, error) {
	if len(a.text) == 0 {
		return nil, errors.New("httpapi: no document")
	}
	return append([]byte(nil), a.text...), nil
}

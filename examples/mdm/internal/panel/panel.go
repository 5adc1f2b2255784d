// Package panel is the web panel of the example server: pages rendered on the
// server with html/template, brought to life by htmx, over the use cases of
// atlas/fleet.
//
// It decides nothing. Every page and button calls fleet with whoever is
// signed in, and the policy is asked beforehand only to leave out what would
// be refused. No script or style comes from elsewhere, and nothing is inline,
// so that the content security policy is "default-src 'self'".
package panel

import (
	"html/template"
	"log/slog"
	"net/http"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
)

// Options are the optional parts of a Panel. The zero value works.
type Options struct {
	// Logger gets errors that are nobody's mistake; nil means none.
	Logger *slog.Logger
	// Policy is what the service decides by, to leave out what it would
	// refuse; nil means atlas.DefaultPolicy.
	Policy *atlas.Policy
	// ClientAddr returns the network address of a request, for throttling and
	// security events; nil means the peer's.
	ClientAddr func(*http.Request) string
	// FromProxy reports whether a request comes from a proxy whose
	// X-Forwarded-Proto is believed; nil means that none does.
	FromProxy func(*http.Request) bool
	// MaxUpload is the most bytes of a package that the service takes; 0 means
	// its default, 512 MiB.
	MaxUpload int64
}

// Panel serves the pages. It is safe for concurrent use.
type Panel struct {
	svc       *fleet.Service
	log       *slog.Logger
	policy    atlas.Policy
	origin    func(*http.Request) string
	fromProxy func(*http.Request) bool
	maxUpload int64
	pages     map[string]*template.Template
	assets    assets
}

// New returns the panel of a service. Its error says that the embedded
// templates don't parse.
func New(svc *fleet.Service, o Options) (*Panel, error) {
	p := &Panel{
		svc: svc, log: o.Logger, policy: atlas.DefaultPolicy(), origin: o.ClientAddr, fromProxy: o.FromProxy, maxUpload: o.MaxUpload,
	}
	if o.Policy != nil {
		p.policy = *o.Policy
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.origin == nil {
		p.origin = peer
	}
	if p.fromProxy == nil {
		p.fromProxy = func(*http.Request) bool { return false }
	}
	if p.maxUpload <= 0 {
		p.maxUpload = 512 << 20
	}
	var err error
	if p.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	p.pages, err = p.parse()
	return p, err
}

// Handler returns the handler of all pages. It takes every path that a more
// specific handler of the caller's does not.
func (p *Panel) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{file}", p.assets)
	mux.HandleFunc("GET /sign-in", p.signInPage)
	mux.HandleFunc("POST /sign-in", p.signIn)
	for pattern, page := range p.routes() {
		mux.Handle(pattern, p.signedIn(page))
	}
	return secure(http.NewCrossOriginProtection().Handler(p.legible(mux)))
}

func (p *Panel) routes() map[string]page {
	return map[string]page{
		"GET /{$}":      p.overview,
		"GET /overview": p.overviewNumbers,
		"GET /":         p.nowhere,

		"POST /sign-out": p.signOut,
		"POST /purpose":  p.setPurpose,

		"GET /accounts":                p.accounts,
		"POST /accounts":               p.createAccount,
		"GET /accounts/{id}":           p.account,
		"GET /accounts/{id}/children":  p.accountChildren,
		"POST /accounts/{id}/grant":    p.grant,
		"POST /accounts/{id}/transfer": p.transfer,
		"POST /accounts/{id}/status":   p.accountStatus,

		"GET /devices":                p.devices,
		"GET /devices/rows":           p.deviceRows,
		"GET /devices/{id}":           p.device,
		"GET /devices/{id}/live":      p.deviceLive,
		"POST /devices/{id}/name":     p.renameDevice,
		"POST /devices/{id}/commands": p.sendCommand,
		"POST /commands/{id}/cancel":  p.cancelCommand,

		"GET /packages":                  p.packages,
		"POST /packages":                 p.upload,
		"GET /packages/rows":             p.packageRows,
		"GET /packages/{id}":             p.apk,
		"GET /packages/{id}/verdict":     p.apkVerdict,
		"GET /packages/{id}/deployments": p.apkDeployments,
		"GET /packages/{id}/file":        p.apkFile,
		"POST /packages/{id}/assign":     p.assign,
		"POST /packages/{id}/deploy":     p.deploy,
		"POST /packages/{id}/judge":      p.judge,

		"GET /codes":              p.codes,
		"POST /codes":             p.issueCodes,
		"POST /codes/{id}/reveal": p.revealCode,
		"POST /codes/{id}/state":  p.codeState,
		"POST /plans":             p.createPlan,

		"GET /audit":            p.audit,
		"GET /audit/{id}/proof": p.auditProof,
		"GET /audit/export":     p.auditExport,
		"GET /security":         p.security,
	}
}

// secure sets the headers that every answer has.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

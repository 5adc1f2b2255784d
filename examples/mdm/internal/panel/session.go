package panel

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
)

// Names of the session cookie. A __Host- cookie can only be set over https,
// for one host; plain http is served on loopback, where no such cookie can be.
const (
	secureCookie = "__Host-atlas"
	localCookie  = "atlas"
)

const purposeCookie = "atlas-purpose"

// Names of the cookie by which the service knows the browser again. It stays
// when people sign out, for as long as browsers keep a cookie at most (RFC
// 6265bis, section 5.5).
const (
	secureBrowserCookie = "__Host-atlas-browser"
	localBrowserCookie  = "atlas-browser"
	browserAge          = 400 * 24 * 60 * 60 // seconds
)

// page answers a request of somebody who is signed in. Its error is shown to
// them in words.
type page func(w http.ResponseWriter, r *http.Request, v *visit) error

// visit is one request of somebody who is signed in.
type visit struct {
	Actor  atlas.Actor
	Me     atlas.Account
	policy atlas.Policy
}

// May reports whether the policy lets the visitor do the action anywhere at
// all. The service decides; this only leaves out what it would refuse.
func (v *visit) May(action string) bool {
	_, err := v.policy.Scope(v.subject(), atlas.Action(action))
	return err == nil
}

// MayOn reports whether the visitor may do the action to what is at the path.
func (v *visit) MayOn(action string, at atlas.Path) bool {
	return v.policy.Authorize(v.subject(), atlas.Action(action), atlas.Resource{Path: at}) == nil
}

func (v *visit) subject() atlas.Subject {
	return atlas.Subject{Actor: v.Actor, Role: v.Me.Role, Path: v.Me.Path, Status: v.Me.Status, Support: v.Me.Support}
}

// IsAdmin reports whether the visitor has to name a purpose.
func (v *visit) IsAdmin() bool { return v.Me.Role == atlas.Admin }

// Purposes are those an Admin may choose from.
func (v *visit) Purposes() []option {
	var out []option
	for _, p := range atlas.Purposes() {
		if p.Discloses() {
			out = append(out, option{Value: string(p), Label: capital(string(p)), Selected: p == v.Actor.Purpose})
		}
	}
	return out
}

// signedIn lets only those through who have a session.
func (p *Panel) signedIn(next page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := p.visitor(r)
		if err != nil {
			p.leave(w, r, err)
			return
		}
		if err := next(w, r, v); err != nil {
			p.fail(w, r, v, err)
		}
	})
}

// visitor returns who is behind the request's cookie.
func (p *Panel) visitor(r *http.Request) (*visit, error) {
	c, err := r.Cookie(p.cookieName(r))
	if err != nil {
		return nil, atlas.ErrUnauthenticated
	}
	actor, err := p.svc.Authenticate(r.Context(), c.Value, p.origin(r))
	if err != nil {
		return nil, err
	}
	actor.Purpose = purpose(r)
	me, err := p.svc.Me(r.Context(), actor)
	return &visit{Actor: actor, Me: me, policy: p.policy}, err
}

// leave sends somebody without a session to the sign-in page.
func (p *Panel) leave(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, atlas.ErrUnauthenticated) && !errors.Is(err, atlas.ErrDenied) {
		p.fail(w, r, nil, err)
		return
	}
	redirect(w, r, "/sign-in")
}

// redirect sends a browser on. htmx would follow an ordinary redirect by
// itself and put the page into the fragment's place.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	if isHTMX(r) {
		w.Header().Set("HX-Redirect", to)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func isHTMX(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }

// peer is the network address at the other end of the connection.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// isHTTPS reports whether the browser speaks https, to this server or to a
// trusted proxy before it.
func (p *Panel) isHTTPS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	said := r.Header.Values("X-Forwarded-Proto")
	return len(said) == 1 && said[0] == "https" && p.fromProxy(r)
}

// isLocal reports whether the browser thinks that the server is its own
// machine.
func isLocal(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (p *Panel) cookieName(r *http.Request) string {
	if p.isHTTPS(r) {
		return secureCookie
	}
	return localCookie
}

func (p *Panel) browserCookieName(r *http.Request) string {
	if p.isHTTPS(r) {
		return secureBrowserCookie
	}
	return localBrowserCookie
}

// knownBrowser is what an earlier sign-in left in the browser, or "".
func (p *Panel) knownBrowser(r *http.Request) string {
	c, err := r.Cookie(p.browserCookieName(r))
	if err != nil {
		return ""
	}
	return c.Value
}

func (p *Panel) setCookie(w http.ResponseWriter, r *http.Request, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: p.isHTTPS(r), SameSite: http.SameSiteStrictMode,
	})
}

func purpose(r *http.Request) atlas.Purpose {
	if c, err := r.Cookie(purposeCookie); err == nil {
		if p, err := atlas.ParsePurpose(c.Value); err == nil && p.Discloses() {
			return p
		}
	}
	return atlas.PurposeSupport
}

func (p *Panel) setPurpose(w http.ResponseWriter, r *http.Request, _ *visit) error {
	chosen, err := atlas.ParsePurpose(r.PostFormValue("purpose"))
	if err != nil {
		return err
	}
	p.setCookie(w, r, purposeCookie, string(chosen), 0)
	w.Header().Set("HX-Refresh", "true")
	if !isHTMX(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
	return nil
}

// signInForm is the form of the sign-in page.
func signInForm() form {
	return form{ID: "sign-in", Action: "/sign-in", Submit: "Sign in", Fields: []field{
		{Name: "username", Label: "Username", Required: true, Auto: "username"},
		{Name: "password", Label: "Password", Kind: "password", Required: true, Auto: "current-password"},
	}}
}

func (p *Panel) signInPage(w http.ResponseWriter, r *http.Request) {
	f := signInForm()
	if !p.isHTTPS(r) && !isLocal(r) {
		f = form{Error: "This panel signs people in over HTTPS only. Put a TLS proxy before it that sets X-Forwarded-Proto and that the server trusts, or use it on the machine itself."}
	}
	p.show(w, r, http.StatusOK, "sign-in", sheet{Title: "Sign in", Body: f})
}

func (p *Panel) signIn(w http.ResponseWriter, r *http.Request) {
	if !p.isHTTPS(r) && !isLocal(r) {
		p.signInPage(w, r)
		return
	}
	in, err := p.svc.SignIn(r.Context(), fleet.Login{
		Username: r.PostFormValue("username"), Password: r.PostFormValue("password"), Origin: p.origin(r), UserAgent: r.UserAgent(),
		Browser: p.knownBrowser(r),
	})
	if err != nil {
		p.refuse(w, r, nil, signInForm(), signInProblem(err))
		return
	}
	p.setCookie(w, r, p.cookieName(r), in.Token, int(in.ExpiresAt.Sub(p.svc.Now()).Seconds()))
	p.setCookie(w, r, p.browserCookieName(r), in.Browser, browserAge)
	redirect(w, r, "/")
}

// signInProblem gives a failed sign-in its own words.
func signInProblem(err error) error {
	switch {
	case errors.Is(err, atlas.ErrSuspended):
		return &problem{http.StatusForbidden, "This account is not active. Ask whoever manages it.", err}
	case errors.Is(err, atlas.ErrUnauthenticated):
		return &problem{http.StatusUnauthorized, "That username and password don't match.", err}
	}
	return err
}

func (p *Panel) signOut(w http.ResponseWriter, r *http.Request, _ *visit) error {
	if c, err := r.Cookie(p.cookieName(r)); err == nil {
		if err := p.svc.SignOut(r.Context(), c.Value); err != nil {
			return err
		}
	}
	p.setCookie(w, r, p.cookieName(r), "", -1)
	redirect(w, r, "/sign-in")
	return nil
}

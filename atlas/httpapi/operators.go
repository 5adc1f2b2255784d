package httpapi

import "net/http"

// Methods and tags of routes.
const (
	get   = http.MethodGet
	post  = http.MethodPost
	patch = http.MethodPatch
	del   = http.MethodDelete
)

// routeOperators adds the whole operators' API.
func (a *API) routeOperators(mux *http.ServeMux) {
	a.routeSessions()
	a.routeAPIKeys()
	a.routeAccounts()
	a.routeCredits()
	a.routeHolds()
	a.routePlans()
	a.routeCodes()
	a.routeDevicesOf()
	a.routeFolders()
	a.routeAPKs(mux)
	a.routeCommands()
	a.routeLogs(mux)
	a.routeDocument(mux)
}

package httpapi

import "net/http"

// routeHealth adds what load balancers ask: whether the process lives, and
// whether it can serve.
func (a *API) routeHealth(mux *http.ServeMux) {
	for _, rt := range []struct {
		route
		ready bool
	}{
		{route{method: get, path: "/healthz", id: "health", tag: "health", summary: "Whether the process lives", open: true}, false},
		{route{method: get, path: "/readyz", id: "ready", tag: "health", summary: "Whether requests can be served", open: true}, true},
	} {
		a.doc.OpenAPI().AddOperation(a.answers(rt.describe(), http.StatusOK, "application/json", schema[healthView](a)))
		mux.HandleFunc(rt.pattern(), func(w http.ResponseWriter, r *http.Request) {
			if rt.ready {
				if err := a.svc.Ready(r.Context()); err != nil {
					a.opt.Logger.ErrorContext(r.Context(), "not ready", "error", err)
					p := problem(http.StatusServiceUnavailable, "unavailable", "Not available now", "")
					writeJSON(w, p.Status, problemType, p)
					return
				}
			}
			writeJSON(w, http.StatusOK, "application/json", healthView{Status: "ok"})
		})
	}
}

type healthView struct {
	Status string `json:"status" enum:"ok"`
}

package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/examples/mdm/internal/panel"
)

// apiPaths are the paths that package httpapi serves; the panel has the rest.
var apiPaths = []string{"/v1/", "/device/v1/", "/openapi.json", "/healthz", "/readyz"}

// newHandler puts the API, the device protocol, the panel and the metrics
// together. Devices that wait are let go when ctx ends.
func newHandler(ctx context.Context, svc *fleet.Service, st reader, secret []byte, args arguments, log *slog.Logger) (http.Handler, error) {
	cursors, err := hkdf.Key(sha256.New, secret, nil, "atlas example mdm cursors", 32)
	if err != nil {
		return nil, fmt.Errorf("cursor key: %w", err)
	}
	m := newMetrics(svc, st, log)
	client := httpapi.TrustedProxies(args.proxies)
	api, err := httpapi.New(svc, httpapi.Options{BaseURL: args.url, Logger: log, CursorKey: cursors, Observe: m.observe, ClientAddr: client})
	if err != nil {
		return nil, err
	}
	pages, err := panel.New(svc, panel.Options{Logger: log, ClientAddr: client, FromProxy: args.proxies.sent})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, path := range apiPaths {
		mux.Handle(path, letGo(ctx, api.Handler()))
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.Handle("/", m.count(pages.Handler()))
	return mux, nil
}

// letGo ends the waiting of devices when the server begins to stop, which
// would otherwise take as long as they wait. They come back by themselves.
func letGo(stop context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != deviceproto.PathWait {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(stop, cancel)()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

package main

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/store"
)

// metrics are what /metrics shows.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(svc *fleet.Service, st reader, log *slog.Logger) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "atlas_http_requests_total", Help: "Requests by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "atlas_http_request_seconds", Help: "How long requests took by route; the waiting of devices is one.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"route"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, gauges{svc, st, log},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe counts one request. The route is the pattern that took it, never
// the path, of which there are too many.
func (m *metrics) observe(route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// count observes the requests that go through next, a http.ServeMux.
func (m *metrics) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin, seen := time.Now(), &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() { m.observe(r.Pattern, seen.status, time.Since(begin)) }() // of those that break off too
		next.ServeHTTP(seen, r)
	})
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// gauges are counted in the store when somebody asks.
type gauges struct {
	svc *fleet.Service
	st  reader
	log *slog.Logger
}

var (
	devicesDesc  = prometheus.NewDesc("atlas_devices", "Devices that are enrolled.", nil, nil)
	onlineDesc   = prometheus.NewDesc("atlas_devices_online", "Devices that were in contact within the window that counts as online.", nil, nil)
	unsealedDesc = prometheus.NewDesc("atlas_audit_unsealed_events", "Audit events without a place in the log yet, 1000 at most.", nil, nil)
)

// Describe implements prometheus.Collector.
func (g gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{devicesDesc, onlineDesc, unsealedDesc} {
		out <- d
	}
}

// gaugeTime bounds what a scrape may cost.
const gaugeTime = 5 * time.Second

// mostUnsealed is where counting events without a place ends.
const mostUnsealed = 1000

// Collect implements prometheus.Collector. Without an answer of the store
// there are no gauges.
func (g gauges) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), gaugeTime)
	defer cancel()
	var devices, online, unsealed int64
	err := g.st.View(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		if devices, err = tx.Devices().Count(ctx, all, store.DeviceFilter{}); err != nil {
			return err
		}
		if online, err = tx.Devices().Count(ctx, all, g.svc.OnlineFilter(store.DeviceFilter{}, true)); err != nil {
			return err
		}
		events, err := tx.Audit().Unsealed(ctx, mostUnsealed)
		unsealed = int64(len(events))
		return err
	})
	if err != nil {
		g.log.Warn("gauges were not counted", "error", err)
		return
	}
	for d, n := range map[*prometheus.Desc]int64{devicesDesc: devices, onlineDesc: online, unsealedDesc: unsealed} {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n))
	}
}

// all is the scope of the server itself, which counts and shows nothing else.
var all, _ = atlas.NewPolicy([]atlas.Rule{{
	Action: atlas.DeviceRead, Reach: map[atlas.Role]atlas.Reach{atlas.Admin: atlas.Everywhere},
}}).Scope(atlas.Subject{Actor: atlas.Actor{Account: "metrics"}, Role: atlas.Admin, Path: "metrics", Status: atlas.Active}, atlas.DeviceRead)

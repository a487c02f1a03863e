package metrics_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin/metrics"
)

func TestHandler(t *testing.T) {
	m := metrics.New()
	var notReady error
	h := metrics.Handler(metrics.HandlerOptions{Metrics: m, Ready: func() error { return notReady }, Pprof: true})
	closed := metrics.Handler(metrics.HandlerOptions{Metrics: m})
	tests := []struct {
		name, method, path, accept string
		handler                    http.Handler
		ready                      error
		status                     int
		has                        string // in Content-Type and body
	}{
		{name: "metrics as text", path: "/metrics", status: 200, has: "liveorigin_config_failures_total 0"},
		{name: "metrics as OpenMetrics", path: "/metrics", accept: "application/openmetrics-text; version=1.0.0", status: 200, has: "# EOF"},
		{name: "metrics as protobuf, for native histograms", path: "/metrics", status: 200, has: "proto=io.prometheus.client.MetricFamily",
			accept: "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"},
		{name: "alive", path: "/healthz", ready: errors.New("no events yet"), status: 200, has: "alive"},
		{name: "ready", path: "/readyz", status: 200, has: "ready"},
		{name: "not ready, and why", path: "/readyz", ready: errors.New("no events yet"), status: 503, has: "no events yet"},
		{name: "always ready", path: "/readyz", handler: closed, status: 200, has: "ready"},
		{name: "HEAD is GET", method: "HEAD", path: "/readyz", ready: errors.New("no"), status: 503, has: "text/plain"},
		{name: "nothing is posted", method: "POST", path: "/metrics", status: 405},
		{name: "nothing else is there", path: "/", status: 404},
		{name: "profiles by name", path: "/debug/pprof/goroutine?debug=1", status: 200, has: "goroutine profile"},
		{name: "profiles that were not asked for", path: "/debug/pprof/", handler: closed, status: 404},
		{name: "a profile that is too long", path: "/debug/pprof/profile?seconds=61", status: 400, has: "at most 60"},
		{name: "a trace that is too long", path: "/debug/pprof/trace?seconds=1e9", status: 400, has: "at most 60"},
		{name: "a difference over too long", path: "/debug/pprof/heap?seconds=100", status: 400, has: "at most 60"},
		{name: "not a number of seconds", path: "/debug/pprof/profile?seconds=NaN", status: 400, has: "at most 60"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			notReady = test.ready
			r := httptest.NewRequest(test.method, test.path, nil)
			r.Header.Set("Accept", test.accept)
			w := httptest.NewRecorder()
			if test.handler == nil {
				test.handler = h
			}
			test.handler.ServeHTTP(w, r)
			body, _ := io.ReadAll(w.Result().Body)
			got := w.Header().Get("Content-Type") + "\n" + string(body)
			if w.Code != test.status || !strings.Contains(got, test.has) {
				t.Errorf("%s: got %d and %.200q, want %d and %q", test.path, w.Code, got, test.status, test.has)
			}
		})
	}
}

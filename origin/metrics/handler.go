package metrics

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// HandlerOptions say what the operators' listener serves.
type HandlerOptions struct {
	Metrics *Metrics
	// Ready says why no request should be sent here yet, or any more; nil means that there is never a reason.
	Ready func() error
	// Pprof serves /debug/pprof/: profiles of the process, which tell more of it than everyone should know.
	Pprof bool
}

// What a stranger on the operators' network can ask for at most.
const (
	maxScrapes    = 4
	scrapeTimeout = 10 * time.Second
	maxProfile    = 60 // seconds
)

// Handler serves GET and HEAD of /metrics (in the text format, OpenMetrics or Prometheus's protobuf, as the client
// prefers), /healthz (200 while the process can answer), /readyz (200, or 503 and the reason as text), and with Pprof
// /debug/pprof/.
func Handler(o HandlerOptions) http.Handler {
	mux := http.NewServeMux()
	registry := o.Metrics.Registry
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if o.Ready != nil {
			if err := o.Ready(); err != nil {
				say(w, http.StatusServiceUnavailable, err.Error())
				return
			}
		}
		say(w, http.StatusOK, "ready")
	})
	if o.Pprof {
		mux.HandleFunc("GET /debug/pprof/", bounded(pprof.Index))
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", bounded(pprof.Profile))
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", bounded(pprof.Trace))
	}
	return mux
}

// say answers with a line of text that nobody keeps.
func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

// bounded refuses profiles that would take too long.
func bounded(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s := r.URL.Query().Get("seconds"); s != "" {
			if seconds, err := strconv.ParseFloat(s, 64); err != nil || !(seconds > 0 && seconds <= maxProfile) {
				say(w, http.StatusBadRequest, fmt.Sprintf("seconds is more than 0 and at most %d", maxProfile))
				return
			}
		}
		h(w, r)
	}
}

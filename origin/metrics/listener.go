package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/liveorigin/liveorigin/origin/guard"
)

// WatchListener adds what a guarded listener counts, by its name; certificates are nil where it speaks no TLS.
func (m *Metrics) WatchListener(name string, stats func() guard.Stats, certificates *guard.Certificates) {
	prometheus.WrapRegistererWith(prometheus.Labels{"listener": name}, m.Registry).MustRegister(listener{stats, certificates})
}

// listener reads all counters at every scrape.
type listener struct {
	stats        func() guard.Stats
	certificates *guard.Certificates
}

var (
	connections         = describe("connections", "Connections that are open now.")
	connectionsAccepted = describe("connections_accepted_total", "Connections that were let in.")
	guardRequests       = describe("guard_requests_total", "Requests of HTTP/1 that were let through.")
	guardRefusals       = describe("guard_refusals_total", "Connections and requests that were not let through, or were cut off.", "reason")
	handlerPanics       = describe("handler_panics_total", "Requests in which a handler panicked.")
	http2Errors         = describe("http2_errors_total", "What net/http counts as errors of clients in HTTP/2: floods, and frames that may not be. Those of heads and of framing it does not count.")
	certificateFailures = describe("certificate_failures_total", "Changes of a certificate's files that could not be used.")
)

// Describe implements prometheus.Collector.
func (l listener) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{connections, connectionsAccepted, guardRequests, guardRefusals, handlerPanics, http2Errors} {
		out <- d
	}
	if l.certificates != nil {
		out <- certificateFailures
	}
}

// Collect implements prometheus.Collector.
func (l listener) Collect(out chan<- prometheus.Metric) {
	s := l.stats()
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	tell(connections, prometheus.GaugeValue, float64(s.Open))
	tell(connectionsAccepted, prometheus.CounterValue, float64(s.Accepted))
	tell(guardRequests, prometheus.CounterValue, float64(s.Requests))
	tell(handlerPanics, prometheus.CounterValue, float64(s.Panics))
	tell(http2Errors, prometheus.CounterValue, float64(s.HTTP2Errors))
	for refusal, count := range s.Refused {
		tell(guardRefusals, prometheus.CounterValue, float64(count), refusal.String())
	}
	if l.certificates != nil {
		tell(certificateFailures, prometheus.CounterValue, float64(l.certificates.Failures()))
	}
}

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// vectors are all that is counted with every call.
type vectors struct {
	requests, served, sent, servedDefects  *prometheus.CounterVec
	latency, hold, store                   *prometheus.HistogramVec
	publications, slow, taken, takenDefect *prometheus.CounterVec
	publish                                *prometheus.HistogramVec
	lookups                                *prometheus.CounterVec
}

func newVectors() vectors {
	return vectors{
		requests: counter("requests_total", "Requests for segments and headers that were answered.", "event", "class", "reason", "status"),
		latency: histogram("request_duration_seconds",
			"From a request's arrival to its answer, less the time that it was held open for.", "event", "class", "reason"),
		hold:          histogram("hold_duration_seconds", "How long requests were held open that were held at all.", "event"),
		store:         histogram("store_wait_seconds", "How long requests waited for the store that asked it.", "event"),
		served:        counter("reads_total", "Bodies that were wanted, by where they were read: in memory, or from a store.", "event", "from"),
		sent:          counter("sent_bytes_total", "Bytes of the bodies that requests were answered with.", "event", "class"),
		servedDefects: counter("served_defects_total", "Defects of the segments that were served, by the pipeline that they came from.", "event", "pipeline", "defect"),
		publications:  counter("publications_total", "Publications that were answered.", "event", "pipeline", "outcome", "status"),
		publish:       histogram("publication_duration_seconds", "From a publication's arrival to its answer.", "event", "pipeline", "outcome"),
		slow:          counter("slow_publications_total", "Publications that took more than 0.5 s.", "event", "pipeline"),
		taken:         counter("taken_bytes_total", "Bytes of the candidates that were taken.", "event", "pipeline"),
		takenDefect:   counter("taken_defects_total", "Defects of the candidates that were taken.", "event", "pipeline", "defect"),
		lookups:       counter("event_lookups_total", "Questions about events, by whether memory had the answer.", "result"),
	}
}

// vector is one of them.
type vector interface {
	prometheus.Collector
	DeletePartialMatch(prometheus.Labels) int
}

// all lists what to register.
func (v *vectors) all() []vector {
	return []vector{v.requests, v.latency, v.hold, v.store, v.served, v.sent, v.servedDefects, v.publications, v.publish,
		v.slow, v.taken, v.takenDefect, v.lookups}
}

// delete drops all that was counted for an event.
func (v *vectors) delete(event string) {
	for _, one := range v.all() {
		one.DeletePartialMatch(prometheus.Labels{"event": event})
	}
}

func newSegments() prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "segment_lookups_total",
		Help: "Questions about segments. Memory has the answer to all of them; what is refused asks none."})
}

func newFailures() prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "config_failures_total",
		Help: "How often the control plane could not be asked for the events."})
}

const namespace = "liveorigin"

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// histogram is native, to 10 % of a value; and classic, for servers that do not ask for native ones.
func histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour}, labels)
}

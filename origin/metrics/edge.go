package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/liveorigin/liveorigin/origin"
)

// How an edge came by an answer.
const (
	edgeOwn       = "own"       // from the event's configuration
	edgeHit       = "hit"       // from its cache
	edgeCollapsed = "collapsed" // from what another request was fetching
	edgeMiss      = "miss"      // from an origin
	edgeUnreached = "no-origin" // from none, since no origin could be reached
)

// WatchEdge adds what an edge answers. What it returns is for the edge to be told with every answer, and may be called at
// once. The hit ratio is that of "hit" and "collapsed" to all but "own".
func (m *Metrics) WatchEdge() func(r *origin.Response, took time.Duration) {
	requests := counter("edge_requests_total", "Requests for segments and headers that an edge answered, by how it came by the answer.", "result")
	sent := counter("edge_sent_bytes_total", "Bytes of the objects that an edge answered with, however much of them was wanted.", "result")
	latency := histogram("edge_request_duration_seconds", "From a request's arrival at an edge to its answer, less the time that an origin held it open for; of a collapsed one, as far as that is known.", "result")
	m.Registry.MustRegister(requests, sent, latency)
	type counted struct {
		requests, sent prometheus.Counter
		latency        prometheus.Observer
	}
	of := map[string]counted{}
	for _, result := range []string{edgeOwn, edgeHit, edgeCollapsed, edgeMiss, edgeUnreached} {
		of[result] = counted{requests.WithLabelValues(result), sent.WithLabelValues(result), latency.WithLabelValues(result)}
	}
	return func(r *origin.Response, took time.Duration) {
		c := of[edgeResult(r)]
		c.requests.Inc()
		c.sent.Add(float64(r.Object.Size))
		c.latency.Observe(max(0, took-r.Hold).Seconds())
	}
}

func edgeResult(r *origin.Response) string {
	switch {
	case r.Cache.Hit && r.Cache.Detail != "":
		return edgeOwn
	case r.Cache.Hit:
		return edgeHit // be it that no origin could be reached a moment ago
	case r.Reason == origin.NoOrigin:
		return edgeUnreached
	case r.Cache.Collapsed:
		return edgeCollapsed
	}
	return edgeMiss
}

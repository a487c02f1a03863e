package metrics

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/liveorigin/liveorigin/origin"
)

// event is what counts for one event. Counters are there from the beginning, at zero: an increase from nothing is none
// to Prometheus, and the first of a kind is the one to hear of. Histograms come as they are needed.
type event struct {
	id           string
	requests     [][]prometheus.Counter // class, reason
	latency      [][]lazyHistogram
	hold, store  prometheus.Observer
	memory, read prometheus.Counter
	sent         []prometheus.Counter
	pipelines    map[string]*pipeline // with "" for whatever the event does not have
}

// pipeline is what counts for one pipeline of an event.
type pipeline struct {
	outcomes      []prometheus.Counter
	latency       []lazyHistogram
	slow, bytes   prometheus.Counter
	taken, served []prometheus.Counter // defects
	newest        atomic.Int64         // when the newest candidate was taken, in Unix nanoseconds; zero before
}

func (v *vectors) event(id string, pipelines []string) *event {
	e := &event{id: id, hold: v.hold.WithLabelValues(id), store: v.store.WithLabelValues(id),
		memory: v.served.WithLabelValues(id, "memory"), read: v.served.WithLabelValues(id, "store"),
		pipelines: map[string]*pipeline{"": v.pipeline(id, "")}}
	for _, class := range classes.names {
		counters := make([]prometheus.Counter, len(reasons.names))
		histograms := make([]lazyHistogram, len(reasons.names))
		for i, reason := range reasons.names {
			counters[i] = v.requests.WithLabelValues(id, string(class), string(reason), strconv.Itoa(reason.Status()))
			histograms[i] = lazyHistogram{vec: v.latency, labels: []string{id, string(class), string(reason)}}
		}
		e.requests = append(e.requests, counters)
		e.latency = append(e.latency, histograms)
		e.sent = append(e.sent, v.sent.WithLabelValues(id, string(class)))
	}
	for _, name := range pipelines {
		e.pipelines[name] = v.pipeline(id, name)
	}
	return e
}

func (v *vectors) pipeline(id, name string) *pipeline {
	p := &pipeline{slow: v.slow.WithLabelValues(id, name), bytes: v.taken.WithLabelValues(id, name),
		latency: make([]lazyHistogram, len(outcomes.names))}
	for i, outcome := range outcomes.names {
		p.outcomes = append(p.outcomes, v.publications.WithLabelValues(id, name, string(outcome), strconv.Itoa(outcome.Status())))
		p.latency[i] = lazyHistogram{vec: v.publish, labels: []string{id, name, string(outcome)}}
	}
	for _, defect := range defects.names {
		p.taken = append(p.taken, v.takenDefect.WithLabelValues(id, name, defect))
		p.served = append(p.served, v.servedDefects.WithLabelValues(id, name, defect))
	}
	return p
}

// pipeline finds what counts for a pipeline; strangers' names are one.
func (e *event) pipeline(name string) *pipeline {
	if p := e.pipelines[name]; p != nil {
		return p
	}
	return e.pipelines[""]
}

// lazyHistogram is made when the first value comes.
type lazyHistogram struct {
	vec    *prometheus.HistogramVec
	labels []string
	made   atomic.Pointer[prometheus.Observer]
}

func (h *lazyHistogram) observe(d time.Duration) {
	o := h.made.Load()
	if o == nil {
		fresh := h.vec.WithLabelValues(h.labels...) // the same one for all who come at once
		o = &fresh
		h.made.Store(o)
	}
	(*o).Observe(d.Seconds())
}

// count adds one for each defect of a set.
func count(counters []prometheus.Counter, set origin.Defects) {
	for i := 0; set != 0; i, set = i+1, set>>1 {
		if set&1 != 0 {
			counters[min(i, len(counters)-1)].Inc()
		}
	}
}

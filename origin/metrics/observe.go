package metrics

import (
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

var _ origin.Observer = (*Metrics)(nil)

// Answered implements origin.Observer.
func (m *Metrics) Answered(a origin.Ask, r origin.Response, took time.Duration) {
	e, class, reason := m.event(a.Event), classes.of(a.Class), reasons.of(r.Reason)
	e.requests[class][reason].Inc()
	e.latency[class][reason].observe(max(0, took-r.Hold))
	if r.Hold > 0 {
		e.hold.Observe(r.Hold.Seconds())
	}
	if r.Store > 0 {
		e.store.Observe(r.Store.Seconds())
	}
	if !r.OK() {
		return
	}
	if a.Remembered {
		e.memory.Inc()
	} else {
		e.read.Inc()
	}
	e.sent[class].Add(float64(r.Object.Size))
	if r.Defects != 0 {
		count(e.pipeline(r.Pipeline).served, r.Defects)
	}
}

// Taken implements origin.Observer. What is said of events and pipelines that there are not is counted together.
func (m *Metrics) Taken(event, pipeline string, r origin.Receipt, bytes int, took time.Duration) {
	p, outcome := m.event(event).pipeline(pipeline), outcomes.of(r.Outcome)
	p.outcomes[outcome].Inc()
	p.latency[outcome].observe(took)
	if took > SlowPublish {
		p.slow.Inc()
	}
	if r.Outcome != origin.Stored {
		return
	}
	p.bytes.Add(float64(bytes))
	count(p.taken, r.Defects)
	if n := m.node.Load(); n != nil && r.Defects&origin.MissingSegment == 0 {
		p.newest.Store(n.Runtime.Now().UnixNano())
	}
}

// LookedUp implements origin.Observer.
func (m *Metrics) LookedUp(of origin.Level, hit bool) {
	switch {
	case of == origin.SegmentLevel:
		m.segments.Inc()
	case hit:
		m.lookups[1].Inc()
	default:
		m.lookups[0].Inc()
	}
}

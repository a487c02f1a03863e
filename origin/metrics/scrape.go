package metrics

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/liveorigin/liveorigin/origin"
)

// scrape reckons, whenever somebody asks, what follows from the node's memory and the clock.
type scrape struct{ metrics *Metrics }

var (
	holders         = describe("holders", "Requests that are being held open now.")
	holdersLimit    = describe("holders_limit", "How many requests are held open at most.")
	configVersion   = describe("config_version", "The version of the event's state that the node has.", "event")
	configAge       = describe("config_age_seconds", "For how long the control plane has not confirmed what the node knows of the event.", "event")
	segmentDuration = describe("event_segment_duration_seconds", "The constant average duration of the event's segments.", "event")
	pipelineAge     = describe("pipeline_age_seconds", "While an event is on air: for how long this node has taken nothing new of a pipeline "+
		"that may publish here; counted from when node or event began, where it never did. A pipeline's age is the least of its nodes'.", "event", "pipeline")
	masked = describe("masked_segments", "How many segments of the time-shift buffer masks keep from being served here, of a pipeline.",
		"event", "pipeline")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

// Describe implements prometheus.Collector.
func (s scrape) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{holders, holdersLimit, configVersion, configAge, segmentDuration, pipelineAge, masked} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s scrape) Collect(out chan<- prometheus.Metric) {
	m := s.metrics
	n := m.node.Load()
	if n == nil {
		return
	}
	now := n.Runtime.Now()
	tell := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	tell(holders, float64(n.Holders()))
	tell(holdersLimit, float64(n.MaxHolders))
	listed := *m.events.Load() // before the node is asked: what comes in between is known to it
	states, known := n.States(), map[string]bool{}
	for i := range states {
		known[states[i].ID] = true
	}
	m.forget(listed, known)
	confirmed := m.confirms.keep(known)
	for i := range states {
		st := &states[i]
		tell(configVersion, float64(st.Version), st.ID)
		tell(segmentDuration, st.SegmentDuration.Seconds(), st.ID)
		if at, ok := confirmed[st.ID]; ok {
			tell(configAge, now.Sub(at).Seconds(), st.ID)
		}
		m.pipelines(n, st, now, tell)
	}
}

// pipelines tells the health of an event's pipelines, and what of them is masked.
func (m *Metrics) pipelines(n *origin.Node, st *origin.State, now time.Time, tell func(*prometheus.Desc, float64, ...string)) {
	e, phase := m.event(st.ID), st.Phase(now)
	for _, region := range st.Regions {
		for _, name := range region.Pipelines {
			tell(masked, float64(maskedSegments(st, n.Region, name, now)), st.ID, name)
			if onAir := phase == origin.PreShow || phase == origin.OnAir; onAir && (region.Name == n.Region || st.CrossPublish) {
				newest := time.Unix(0, e.pipeline(name).newest.Load())
				since := slices.MaxFunc([]time.Time{newest, m.began, st.AvailabilityStartTime}, time.Time.Compare)
				tell(pipelineAge, now.Sub(since).Seconds(), st.ID, name)
			}
		}
	}
}

// maskedSegments counts the numbers in the time-shift buffer, and the one that is being made, of a pipeline that a mask covers in
// a region.
func maskedSegments(st *origin.State, region, pipeline string, now time.Time) (sum origin.SegmentNumber) {
	oldest := max(st.StartNumber, st.SegmentAt(now.Add(-st.TimeShiftBufferDepth)))
	newest := min(st.SegmentAt(now), st.LastNumber())
	masks := slices.Clone(st.Masks)
	slices.SortFunc(masks, func(a, b origin.Mask) int { return cmp.Compare(a.From, b.From) })
	next := oldest // all before it are counted
	for _, mask := range masks {
		from, to := max(mask.From, next), min(mask.To, newest)
		if mask.Covers(region, pipeline, mask.From) && from <= to {
			sum += to - from + 1
			next = to + 1
		}
	}
	return sum
}

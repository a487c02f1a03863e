package liveorigin

import (
	"context"
	"sync/atomic"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/player"
)

// liveMetrics are the extension's metrics, as README.md lists them.
type liveMetrics struct {
	latency, ttfb, lag, stallTime        *metrics.Metric
	segments, missed, late, stalled      *metrics.Metric
	defective, wrong, checked, switches  *metrics.Metric
	held, early, failed, requests, bytes *metrics.Metric
	viewers                              *metrics.Metric
}

// registerMetrics makes the metrics, or finds them: every VU asks for the same ones.
func registerMetrics(registry *metrics.Registry) (*liveMetrics, error) {
	m := &liveMetrics{}
	for _, d := range []struct {
		to   **metrics.Metric
		name string
		kind metrics.MetricType
		unit metrics.ValueType
	}{
		{&m.latency, "live_edge_latency", metrics.Trend, metrics.Time},
		{&m.ttfb, "live_ttfb", metrics.Trend, metrics.Time},
		{&m.lag, "live_generator_lag", metrics.Trend, metrics.Time},
		{&m.stallTime, "live_stall_time", metrics.Trend, metrics.Time},
		{&m.segments, "live_segments", metrics.Counter, metrics.Default},
		{&m.missed, "live_missed", metrics.Counter, metrics.Default},
		{&m.late, "live_late", metrics.Counter, metrics.Default},
		{&m.stalled, "live_stalled", metrics.Counter, metrics.Default},
		{&m.defective, "live_defective", metrics.Counter, metrics.Default},
		{&m.wrong, "live_wrong_bytes", metrics.Counter, metrics.Default},
		{&m.checked, "live_checked", metrics.Counter, metrics.Default},
		{&m.switches, "live_switches", metrics.Counter, metrics.Default},
		{&m.held, "live_held", metrics.Counter, metrics.Default},
		{&m.early, "live_early", metrics.Counter, metrics.Default},
		{&m.failed, "live_failed_requests", metrics.Counter, metrics.Default},
		{&m.requests, "live_requests", metrics.Counter, metrics.Default},
		{&m.bytes, "live_bytes", metrics.Counter, metrics.Data},
		{&m.viewers, "live_viewers", metrics.Gauge, metrics.Default},
	} {
		var err error
		if *d.to, err = registry.NewMetric(d.name, d.kind, d.unit); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// counters are the metrics that should be in a summary even if they are zero.
func (m *liveMetrics) counters() []*metrics.Metric {
	return []*metrics.Metric{m.segments, m.missed, m.late, m.stalled, m.defective, m.wrong, m.failed}
}

// metricSink is a player.Sink that feeds k6's metrics.
type metricSink struct {
	ctx      context.Context
	metrics  *liveMetrics
	state    *lib.State
	base     metrics.TagsAndMeta // the VU's when play() was called; it does not run anything else meanwhile
	options  *options
	event    *player.Event
	watching *atomic.Int64
	mine     int64                            // viewers of this VU among those watching
	tags     []atomic.Pointer[metrics.TagSet] // by place
}

func newMetricSink(ctx context.Context, i *instance, o *options, e *player.Event) *metricSink {
	state := i.vu.State()
	s := &metricSink{
		ctx: ctx, metrics: i.metrics, state: state, base: state.Tags.GetCurrentValues(), options: o, event: e,
		watching: &i.root.watching,
		tags:     make([]atomic.Pointer[metrics.TagSet], (len(o.Phases)+1)*len(o.Edges)*len(e.Renditions)*2),
	}
	// A counter that nobody has touched is not in k6's summary: a zero there says that somebody looked.
	for _, c := range i.metrics.counters() {
		s.push(s.sample(c, s.base.Tags, time.Now(), 0))
	}
	return s
}

// tagsOf are the tags of an outcome's samples. There are few different ones, and each is made once.
func (s *metricSink) tagsOf(o *player.Outcome) *metrics.TagSet {
	place := o.Phase + 1
	place = place*len(s.options.Edges) + o.Edge
	place = place*len(s.event.Renditions) + o.Rendition
	place = place*2 + int(o.Class)
	if t := s.tags[place].Load(); t != nil {
		return t
	}
	edge := &s.options.Edges[o.Edge]
	t := s.base.Tags.With("class", o.Class.String()).With("edge", edge.Name)
	if o.Phase >= 0 {
		t = t.With("phase", s.options.Phases[o.Phase].Name)
	}
	if edge.Region != "" {
		t = t.With("region", edge.Region)
	}
	t = t.With("rendition", s.event.Renditions[o.Rendition].ID)
	s.tags[place].Store(t)
	return t
}

func (s *metricSink) sample(m *metrics.Metric, tags *metrics.TagSet, at time.Time, v float64) metrics.Sample {
	return metrics.Sample{
		TimeSeries: metrics.TimeSeries{Metric: m, Tags: tags}, Time: at, Value: v, Metadata: s.base.Metadata,
	}
}

func (s *metricSink) push(c metrics.SampleContainer) {
	metrics.PushIfNotDone(s.ctx, s.state.Samples, c)
}

// Segment pushes an outcome's samples together.
func (s *metricSink) Segment(o *player.Outcome) {
	tags, now, m := s.tagsOf(o), time.Now(), s.metrics
	samples := make([]metrics.Sample, 0, 8)
	add := func(m *metrics.Metric, v float64) { samples = append(samples, s.sample(m, tags, now, v)) }
	time := func(m *metrics.Metric, d time.Duration) {
		if !s.options.countersOnly {
			add(m, metrics.D(d))
		}
	}
	count := func(m *metrics.Metric, n int64) {
		if n != 0 {
			add(m, float64(n))
		}
	}
	count(m.requests, int64(o.Requests))
	count(m.failed, int64(o.Failed))
	count(m.early, int64(o.Early))
	time(m.lag, o.Lag)
	if o.Received {
		time(m.ttfb, o.FirstByte())
		if o.Class == player.Live {
			time(m.latency, o.Latency())
		}
		if o.Stalled() {
			time(m.stallTime, o.Stall)
		}
		count(m.segments, 1)
		count(m.bytes, o.Bytes)
		count(m.late, one(o.Late))
		count(m.stalled, one(o.Stalled()))
		count(m.defective, one(len(o.Defects) > 0))
		count(m.wrong, one(o.Wrong != ""))
		count(m.checked, one(o.Checked))
		count(m.switches, one(o.Switched))
		count(m.held, one(o.Held))
	} else {
		count(m.missed, one(!o.Left))
	}
	s.push(metrics.ConnectedSamples{Samples: samples, Tags: tags, Time: now})
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// ioSampler is k6's dialer: it counts the bytes of data_sent and data_received, which k6 itself asks for only when an
// iteration is over. For an iteration that lasts as long as the event, that is too late for a dashboard.
type ioSampler interface {
	IOSamples(time.Time, metrics.TagsAndMeta, *metrics.BuiltinMetrics) metrics.SampleContainer
}

// Tick says how many viewers there are: in all VUs, because k6 keeps only a gauge's latest value.
func (s *metricSink) Tick(_ time.Duration, viewers int) {
	now := time.Now()
	s.push(s.sample(s.metrics.viewers, s.base.Tags, now, float64(s.watch(int64(viewers)))))
	if d, ok := s.state.Dialer.(ioSampler); ok && s.ctx.Err() == nil {
		s.push(d.IOSamples(now, s.base, s.state.BuiltinMetrics))
	}
}

// watch puts this VU's part of the viewers right, and gives them all.
func (s *metricSink) watch(viewers int64) int64 {
	added := viewers - s.mine
	s.mine = viewers
	return s.watching.Add(added)
}

// End has nobody watching any more.
func (s *metricSink) End(player.Result) error {
	s.watch(0)
	return nil
}

// sinks are several sinks as one.
type sinks []player.Sink

// Segment tells all of them.
func (all sinks) Segment(o *player.Outcome) {
	for _, s := range all {
		s.Segment(o)
	}
}

// Tick tells all of them.
func (all sinks) Tick(at time.Duration, viewers int) {
	for _, s := range all {
		s.Tick(at, viewers)
	}
}

// End tells all of them, and gives the first error.
func (all sinks) End(r player.Result) (err error) {
	for _, s := range all {
		if e := s.End(r); err == nil {
			err = e
		}
	}
	return err
}

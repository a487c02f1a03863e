package metrics_test

import (
	"context"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/metrics"
)

// world is a node that is observed; it is made inside of a bubble of synctest, so that time costs nothing.
type world struct {
	*testing.T
	*metrics.Metrics
	node *origin.Node
}

func newWorld(t *testing.T, change func(*origin.NodeConfig)) *world {
	t.Helper()
	w := &world{T: t, Metrics: metrics.New()}
	clock := &origin.Wall{}
	t.Cleanup(clock.Join)
	c := origin.NodeConfig{Name: "e1", Region: "us-east", Runtime: clock, Store: origin.NewMemory(clock, 1<<20), Observer: w.Metrics}
	if change != nil {
		change(&c)
	}
	w.node = origin.NewNode(c)
	w.Watch(w.node)
	return w
}

// cup is an event of three pipelines in two regions that begins now.
func cup() origin.State {
	return origin.State{Version: 1, Event: origin.Event{
		ID: "cup", AvailabilityStartTime: time.Now(), SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: time.Minute,
		PublishDelay: time.Second, RetryBudget: 2 * time.Second, Patience: time.Second, LiveEdgeSegments: 3,
		Renditions: []origin.Rendition{{ID: "v1", Kind: origin.Video, Codecs: "avc1", Bandwidth: 1_000_000, Timescale: 30, SampleTicks: 1, TrackID: 1}},
		Regions:    []origin.RegionPlan{{Name: "us-east", Pipelines: []string{"a", "c"}}, {Name: "us-west", Pipelines: []string{"b"}}},
	}}
}

func (w *world) apply(s origin.State) {
	w.Helper()
	if err := w.node.Apply(s); err != nil {
		w.Fatal(err)
	}
}

// get asks the node for a segment.
func (w *world) get(event, rendition string, n origin.SegmentNumber) origin.Response {
	w.Helper()
	resp, err := w.node.Get(context.Background(), origin.Request{Event: event, Rendition: rendition, Number: n})
	if err != nil {
		w.Fatal(err)
	}
	return resp
}

// values are all that is gathered: by name{label="value",...}, labels sorted, a histogram by its count and sum.
func (w *world) values() map[string]float64 {
	w.Helper()
	families, err := w.Registry.Gather()
	if err != nil {
		w.Fatal(err)
	}
	all := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.Metric {
			key := f.GetName() + labels(m)
			switch {
			case m.Counter != nil:
				all[key] = m.Counter.GetValue()
			case m.Gauge != nil:
				all[key] = m.Gauge.GetValue()
			case m.Histogram != nil:
				all[f.GetName()+"_count"+labels(m)] = float64(m.Histogram.GetSampleCount())
				all[f.GetName()+"_sum"+labels(m)] = m.Histogram.GetSampleSum()
			}
		}
	}
	return all
}

func labels(m *dto.Metric) string {
	var pairs []string
	for _, l := range m.Label {
		pairs = append(pairs, l.GetName()+`="`+l.GetValue()+`"`)
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// want fails unless a value is what it is to be, or, with NaN, missing.
func (w *world) want(key string, want float64) {
	w.Helper()
	got, ok := w.values()[key]
	switch {
	case want != want && ok:
		w.Errorf("%s is %v, want none", key, got)
	case want == want && (!ok || got != want):
		w.Errorf("%s is %v (there: %v), want %v", key, got, ok, want)
	}
}

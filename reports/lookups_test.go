package reports

import (
	"testing"

	"github.com/liveorigin/liveorigin/origin"
)

// ask has the nodes of a region be asked about something, in a second, and answer some of it from memory.
func (w *world) ask(s int64, region string, of origin.Level, count, hits int64) {
	w.record(origin.Record{Kind: origin.KindLookup, AtUs: s * second, Node: region + "-origin-1", Region: region, Name: string(of),
		Count: count, Hits: hits})
}

// A second counts against memory when it answered less than nine in ten; each look at a segment that a refusal did not need
// counts by itself.
func TestLookups(t *testing.T) {
	for _, tt := range []struct {
		why       string
		indicator string
		region    string
		ask       func(*world)
		value     float64
		samples   int64
	}{
		{"just nine in ten", "metadata misses", "", func(w *world) { w.ask(20, east, origin.EventLevel, 1000, 900) }, 0, 1000},
		{"less", "metadata misses", "", func(w *world) { w.ask(20, east, origin.EventLevel, 1000, 899) }, 1, 1000},
		{"nodes of a region together", "metadata misses", "", func(w *world) {
			w.ask(20, east, origin.EventLevel, 10, 0)
			w.ask(20, east, origin.EventLevel, 990, 990)
			w.ask(21, east, origin.EventLevel, 10, 0)
		}, 1, 1010},
		{"another region", "metadata misses", east, func(w *world) {
			w.ask(20, west, origin.EventLevel, 10, 0)
			w.ask(20, east, origin.EventLevel, 10, 10)
		}, 0, 10},
		{"looks that were not needed", "needless segment look-ups", "", func(w *world) {
			w.ask(20, east, origin.SegmentLevel, 1000, 998)
			w.ask(20, east, origin.EventLevel, 1000, 0)
		}, 2, 1000},
	} {
		w := quiet().objective(Objective{Indicator: tt.indicator, Region: tt.region, Max: Limit{Count: 1 << 40}})
		tt.ask(w)
		got := w.judge(t).Objectives[0]
		if got.Value == nil || *got.Value != tt.value || got.Samples != tt.samples {
			t.Errorf("%s: %s with %d samples, want %v with %d", tt.why, got.Sentence(), got.Samples, tt.value, tt.samples)
		}
	}
}

package stack

import (
	"context"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// Every node has metrics of its own, and they tell of what it does, of its store, and of the directory that it hears of
// events from, whether it remembers them or asks.
func TestWatched(t *testing.T) {
	for _, memory := range []string{"true", "false"} {
		sc, err := scenarios.Parse("watched.yaml", []byte(network), scenarios.Override{Path: "origin.memory", Value: memory})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		l := loop.New(start.Add(-time.Second))
		t.Cleanup(func() { l.Close() })
		v, err := NewVirtual(l, sc)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]*metrics.Metrics{}
		s, err := New(context.Background(), Config{Scenario: sc, Event: sc.Event(start), Runtime: l, Recorder: new(records), Wiring: v, Media: Sizes,
			Metrics: func(node string) *metrics.Metrics {
				all[node] = metrics.New()
				return all[node]
			}})
		if err != nil {
			t.Fatal(err)
		}
		s.Publish()
		askAll(s, l)
		if err := l.Run(s.Event.End); err != nil {
			t.Fatal(err)
		}
		for _, region := range sc.RegionNames() {
			for i, node := range sc.OriginNames(region) {
				sums := sumsOf(t, all[node])
				want := []string{"liveorigin_requests_total", "liveorigin_event_lookups_total", "liveorigin_config_version"}
				if i == 0 { // where packagers publish to as long as all is well
					want = append(want, "liveorigin_publications_total", "liveorigin_store_puts_total")
				}
				for _, name := range want {
					if sums[name] == 0 {
						t.Errorf("memory %s: %s has no %s", memory, node, name)
					}
				}
				if _, told := sums["liveorigin_config_age_seconds"]; !told {
					t.Errorf("memory %s: %s does not tell how old its configuration is", memory, node)
				}
			}
		}
	}
}

// sumsOf adds up the counters and gauges of each name.
func sumsOf(t *testing.T, m *metrics.Metrics) map[string]float64 {
	t.Helper()
	if m == nil {
		return nil
	}
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			sums[f.GetName()] += one.GetCounter().GetValue() + one.GetGauge().GetValue()
		}
	}
	return sums
}

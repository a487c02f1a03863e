package capacity

import (
	"testing"

	"github.com/liveorigin/liveorigin/reports"
)

func TestNodesFor(t *testing.T) {
	tenth, fifth := 0.1, 0.2 // as variables, so that they are added up in binary: to a little more than 0.3
	for _, tt := range []struct {
		name     string
		atTarget float64
		zones    int
		want     int64
	}{
		{"nothing to carry", 0, 3, 0},
		{"hardly anything: one in each zone, for each may be the one that is left", 0.01, 2, 2},
		{"one node's work, of which two zones have one each", 1, 3, 3},
		{"just over two nodes' work: two in each zone", 2.001, 3, 6},
		{"exactly three nodes' work, but for binary fractions", (tenth + fifth) * 10, 2, 6},
		{"four on two zones are two in each of three", 4, 3, 6},
		{"five on two zones are three in each of three", 5, 3, 9},
		{"five on the one that is left of two", 5, 2, 10},
		{"twelve on five of six", 12, 6, 18},
	} {
		if got := nodesFor(tt.atTarget, tt.zones); got != tt.want {
			t.Errorf("%s: %d nodes, want %d", tt.name, got, tt.want)
		}
	}
}

// Each resource in turn asks for most, at the second that was made for it.
func TestBindingResource(t *testing.T) {
	unit := Unit{Name: "node", Tier: reports.TierStore, Cores: 10, NICBps: 1e9, MemoryBytes: 1e9, OpsPerSecond: 1000,
		HoldersMax: 100, Target: 0.5}
	for _, tt := range []struct {
		binding string
		load    reports.Load
		nodes   int64
	}{
		{"CPU", reports.Load{CPUUs: 30e6, Bytes: 1e6}, 9},       // 30 cores of 10 at a half: 6, so 3 a zone
		{"NIC", reports.Load{Bytes: 500e6, CPUUs: 1e6}, 12},     // 4 Gb/s of 1 at a half: 8
		{"memory", reports.Load{MemoryBytes: 1, CPUUs: 0}, 3},   // a byte is held by somebody
		{"operations", reports.Load{Requests: 1001}, 6},         // just over two
		{"operations", reports.Load{StoreReads: 1e3 + 1}, 6},    // a store's operations, however they are told
		{"holders", reports.Load{Holders: 350, Bytes: 1e6}, 12}, // 7
	} {
		w := &world{in: Inputs{Units: []Unit{unit}, Zones: 3}}
		w.add(1, reports.TierStore, "us-east", reports.Load{Nodes: 2, Failed: 1})
		tt.load.Nodes = 3
		w.add(5, reports.TierStore, "us-east", tt.load)
		p := w.plan(t)
		if len(p.Needs) != 1 {
			t.Fatalf("%+v: needs %+v, want one", tt.load, p.Needs)
		}
		if n := p.Needs[0]; n.Binding != tt.binding || n.Nodes != tt.nodes || n.Simulated == nil || *n.Simulated != 3 {
			t.Errorf("%+v: needs %+v, want %d for %s", tt.load, n, tt.nodes, tt.binding)
		}
		for _, r := range p.Needs[0].Resources {
			if r.Resource == tt.binding && r.PeakAtMs != 5000 {
				t.Errorf("%s peaked at %d ms, want 5000", r.Resource, r.PeakAtMs)
			}
		}
	}
}

// The row of what was simulated says what the needs say; the others follow the trend up to twice as many viewers.
func TestGrowth(t *testing.T) {
	p := ordinary().plan(t)
	var needed int64
	for _, n := range p.Needs {
		if n.Unit == "edge server" {
			needed += n.Nodes
		}
	}
	want := []struct {
		viewers                 int64
		simulated, extrapolated bool
	}{
		{1e6, false, true}, {5e6, false, true}, {10e6, false, false}, {20e6, false, false}, {50e6, false, false},
		{60e6, true, false}, {65e6, false, true}, {100e6, false, true},
	}
	if len(p.Growth) != len(want) {
		t.Fatalf("%d rows, want %d: %+v", len(p.Growth), len(want), p.Growth)
	}
	for i, g := range p.Growth {
		if g.Viewers != want[i].viewers || g.Simulated != want[i].simulated || g.Extrapolated != want[i].extrapolated {
			t.Errorf("row %d is %+v, want %+v", i, g, want[i])
		}
		edges, origins := g.Units[0].Nodes, g.Units[1].Nodes
		if g.Simulated && (*edges != Nodes{needed, needed, needed} || g.Backbone.Low != g.Backbone.High) {
			t.Errorf("what was simulated needs %+v, want exactly %d", edges, needed)
		}
		// 5 Mb/s on servers of 100 Gb/s at 80 %, with a third of them lost, and a little more for the busiest second.
		byHand := float64(g.Viewers) * 5e6 / 80e9 * 1.5 * 1.035
		if g.Viewers >= 10e6 && !near(float64(edges.Value), byHand, 0.01) {
			t.Errorf("%d viewers need %d edge servers, want about %.0f", g.Viewers, edges.Value, byHand)
		}
		if edges.Low > edges.Value || edges.High < edges.Value || origins.Value != 6 {
			t.Errorf("%d viewers: %+v edge servers, %+v origins; want an interval around it, and 6", g.Viewers, edges, origins)
		}
		if !near(g.Backbone.Value, 0.207, 0.02) {
			t.Errorf("%d viewers: backbone %+v, want 0.2 and a little", g.Viewers, g.Backbone)
		}
	}
}

// What is not known leaves no number in the table, but for what was measured; unless it is too little to matter.
func TestGrowthNotKnown(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(second int64, l *reports.Load) // of the edges in one region
		unknown bool
	}{
		{"a little CPU that goes with the time", func(s int64, l *reports.Load) { l.CPUUs = 1e6 * s }, false},
		{"CPU of more than half of what the NIC asks for", func(s int64, l *reports.Load) { l.CPUUs = 30e6 * s }, true},
		{"a peak of traffic when less than half the viewers were there", func(s int64, l *reports.Load) {
			if s == rampSeconds/2-1 {
				l.Bytes *= 4
			}
		}, true},
		{"a peak of traffic when half of them were", func(s int64, l *reports.Load) {
			if s == rampSeconds/2 {
				l.Bytes *= 4
			}
		}, false},
	} {
		w := ordinary()
		w.each(reports.TierEdge, "us-west", 0, eventSeconds, func(l *reports.Load) { tt.change(l.AtUs/1e6, l) })
		w.each(reports.TierBackbone, "us-west", 0, eventSeconds, func(l *reports.Load) { l.Bytes = l.AtUs / 1e6 * 1e6 })
		for _, g := range w.plan(t).Growth {
			if unknown := g.Units[0].Nodes == nil; unknown != (tt.unknown && !g.Simulated) {
				t.Errorf("%s: %d viewers need %v edge servers, want unknown: %v", tt.name, g.Viewers, g.Units[0].Nodes, tt.unknown)
			}
			if (g.Backbone == nil) == g.Simulated || g.Units[1].Nodes == nil {
				t.Errorf("%s: %d viewers: backbone %v, origins %v; want no figure, and one",
					tt.name, g.Viewers, g.Backbone, g.Units[1].Nodes)
			}
		}
	}
}

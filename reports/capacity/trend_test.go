package capacity

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/reports"
)

func limitOf(t *testing.T, p *Plan, tier reports.Tier, region, resource string) Limit {
	t.Helper()
	for _, l := range p.Limits {
		if l.Tier == tier && l.Region == region && l.Resource == resource {
			return l
		}
	}
	t.Fatalf("no limit %s of %s %s in %+v", resource, tier, region, p.Limits)
	return Limit{}
}

func (i *Interval) holds(v float64) bool { return i.Low <= v && v <= i.High }

// Half the viewers at 5 Mb/s fill 2000 servers of 100 Gb/s when there are 80 million; nobody told the plan.
func TestBreaksWhereItMust(t *testing.T) {
	p := ordinary().plan(t)
	for _, region := range []string{"us-east", "us-west"} {
		l := limitOf(t, p, reports.TierEdge, region, "NIC")
		if l.Trend.Shape != Linear || l.BreaksAt == nil || !l.BreaksAt.holds(80e6) || l.BreaksAt.High-l.BreaksAt.Low > 1e6 {
			t.Errorf("%s: breaks at %+v (%+v), want an interval around 80 million, narrower than one",
				region, l.BreaksAt, l.Trend)
		}
		if want := 1.0 / 80; !l.Trend.Slope.holds(want) || l.Trend.Slope.High-l.Trend.Slope.Low > want/50 {
			t.Errorf("%s: slope %+v per million viewers, want an interval around %v", region, l.Trend.Slope, want)
		}
		if !near(l.Calm.Value, 0.75, 0.01) || l.Utilisation < l.Calm.Value || l.Utilisation > 0.78 {
			t.Errorf("%s: %v in the busiest second, %+v in calm time; want a little more than 0.75, and that",
				region, l.Utilisation, l.Calm)
		}
	}
	if first := p.Limits[0]; first.Resource != "NIC" || first.Tier != reports.TierEdge {
		t.Errorf("%s of %s breaks first, want the edges' NIC", first.Resource, first.Tier)
	}
	for i := range p.Limits[1:] {
		if p.Limits[i+1].Utilisation > p.Limits[i].Utilisation {
			t.Errorf("limit %d is used more than the one before", i+1)
		}
	}
}

// Once every site has a viewer of every rendition, origins are asked the same by any number of them.
func TestOriginsDoNotDependOnViewers(t *testing.T) {
	p := ordinary().plan(t)
	for _, resource := range []string{"CPU", "NIC", "operations", "holders"} {
		l := limitOf(t, p, reports.TierOrigin, "us-east", resource)
		change := max(-l.Trend.Slope.Low, l.Trend.Slope.High) * peakViewers / 1e6 / l.Calm.Value
		if l.Trend.Shape != Flat || change > 0.01 || l.BreaksAt != nil || l.Why != "does not depend on viewers" {
			t.Errorf("%s: %s, changes by up to %v over all viewers, breaks at %v, %q; want flat, not by 1 %%, and never",
				resource, l.Trend.Shape, change, l.BreaksAt, l.Why)
		}
	}
	if l := limitOf(t, p, reports.TierEdge, "us-east", "CPU"); l.BreaksAt != nil || l.Why != "not before 120M" {
		t.Errorf("CPU of the edges: %+v, %q; want it to be beyond twice what was simulated", l.BreaksAt, l.Why)
	}
}

// What does not follow viewers gets no figure.
func TestNotKnown(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	eachEdge := func(w *world, bytes func(second int64, viewers float64) float64) {
		for _, region := range []string{"us-east", "us-west"} {
			w.each(reports.TierEdge, region, 0, eventSeconds, func(l *reports.Load) {
				l.Bytes = int64(bytes(l.AtUs/1e6, float64(viewersAt(l.AtUs/1e6))))
			})
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*world)
		want   string
	}{
		{"the ramp and the first minute of the plateau were a fault's", func(w *world) {
			w.in.Plan.Faults = []reports.FaultPlan{{ID: "f", Until: seconds(rampSeconds)}}
		}, "in calm time the number of viewers did not so much as double"},
		{"all but three minutes were", func(w *world) {
			w.in.Plan.Faults = []reports.FaultPlan{{ID: "f", From: seconds(271), Until: seconds(eventSeconds)}}
		}, "7 calm blocks of 30 s; 8 are the least"},
		{"all but three minutes were a surge's", func(w *world) {
			w.in.Surges = []reports.Phase{{Name: "s", From: seconds(271), Until: seconds(eventSeconds)}}
		}, "7 calm blocks of 30 s; 8 are the least"},
		{"it depends on the time, not on viewers", func(w *world) {
			eachEdge(w, func(s int64, _ float64) float64 { return 1e9 * float64(s) })
		}, "viewers explain "},
		{"it depends on nothing", func(w *world) {
			level := 1.0
			eachEdge(w, func(s int64, _ float64) float64 {
				if s%blockSeconds == 0 {
					level = rng.ExpFloat64()
				}
				return 1e12 * level
			})
		}, "viewers explain "},
		{"it depends on viewers, and on something else at least as much", func(w *world) {
			level := 1.0
			eachEdge(w, func(s int64, viewers float64) float64 {
				if s%10 == 0 {
					level = rng.ExpFloat64()
				}
				return 1e4*viewers + 1e12*level
			})
		}, "viewers explain "},
		{"it saturates, as what a site is asked for when all renditions are watched there", func(w *world) {
			eachEdge(w, func(_ int64, viewers float64) float64 { return 1e12 * (1 - math.Exp(-viewers/20e6)) })
		}, "it bends: at twice the viewers a straight line would be off by "},
		{"it grows with the square", func(w *world) {
			eachEdge(w, func(_ int64, viewers float64) float64 { return 1e-3 * viewers * viewers })
		}, "it bends: "},
		{"it falls as viewers come", func(w *world) {
			eachEdge(w, func(_ int64, viewers float64) float64 { return 1e12 - 1e4*viewers })
		}, "the slope must be above 0"},
	} {
		w := ordinary()
		tt.change(w)
		l := limitOf(t, w.plan(t), reports.TierEdge, "us-east", "NIC")
		noLine := strings.Contains(tt.want, "calm")
		figures := l.BreaksAt != nil || l.Calm != nil || l.Trend.Slope != nil || l.Trend.Intercept != nil ||
			(l.Trend.R2 == nil) != noLine
		if l.Trend.Shape != NotKnown || figures || !strings.Contains(l.Why, tt.want) {
			t.Errorf("%s: %+v, breaks at %v because %q; want %q and no figure", tt.name, l.Trend, l.BreaksAt, l.Why, tt.want)
		}
	}
}

// Something trebles the load for two minutes, and for a minute after. Named, as a fault or as a surge, it changes no
// trend; were it not named, it would.
func TestDisturbancesAreNoTrend(t *testing.T) {
	disturbed := func(name func(*Inputs)) *Plan {
		w := ordinary()
		for _, region := range []string{"us-east", "us-west"} {
			w.each(reports.TierEdge, region, 901, 1081, func(l *reports.Load) { l.Bytes *= 3 })
		}
		name(&w.in)
		return w.plan(t)
	}
	for what, name := range map[string]func(*Inputs){
		"fault": func(in *Inputs) {
			in.Plan.Faults = []reports.FaultPlan{{ID: "region-loss", From: seconds(901), Until: seconds(1021)}}
		},
		"surge": func(in *Inputs) {
			in.Surges = []reports.Phase{{Name: "restarts", From: seconds(901), Until: seconds(1021)}}
		},
	} {
		p := disturbed(name)
		l := limitOf(t, p, reports.TierEdge, "us-east", "NIC")
		if l.BreaksAt == nil || !l.BreaksAt.holds(80e6) || p.CalmBlocks != 38-6 {
			t.Errorf("a %s: breaks at %+v, %d calm blocks; want 80 million, and %d", what, l.BreaksAt, p.CalmBlocks, 38-6)
		}
		if l.Utilisation < 2 {
			t.Errorf("a %s: the busiest second is %v, want the one that was disturbed", what, l.Utilisation)
		}
	}
	p := disturbed(func(*Inputs) {})
	l := limitOf(t, p, reports.TierEdge, "us-east", "NIC")
	if l.BreaksAt != nil && l.BreaksAt.holds(80e6) && l.BreaksAt.High < 81e6 {
		t.Errorf("not named: breaks at %+v; this test does not see what it is about", l.BreaksAt)
	}
}

// Of a hundred intervals of 95 %, about five may miss: for the slope, and for where the line comes to a limit; also
// where what the line leaves over hangs together (r = 0.5), for which there is a widening, that gains most of it.
func TestIntervalsHoldTheTruth(t *testing.T) {
	const intercept, slope, limit, trials = 3.0, 2e-6, 100.0, 1000
	rng := rand.New(rand.NewPCG(5, 6))
	for _, tt := range []struct {
		name        string
		r           float64
		least, most int
	}{
		{"independent blocks", 0, 930, 990},
		{"blocks that hang together", 0.5, 870, 990},
	} {
		var slopes, limits int
		for range trials {
			var blocks []calmBlock
			var x, y []float64
			noise := rng.NormFloat64()
			for i := range 40 {
				noise = tt.r*noise + math.Sqrt(1-tt.r*tt.r)*rng.NormFloat64()
				viewers := 1e6 * float64(1+min(i, 20))
				blocks = append(blocks, calmBlock{viewers: viewers})
				x, y = append(x, viewers), append(y, intercept+slope*viewers+2*noise)
			}
			f := &trend{viewersMax: 1e9}
			f.Blocks = len(blocks)
			f.fit(x, y)
			if f.Slope.holds(slope * 1e6) {
				slopes++
			}
			if at := f.reaching(limit); at.holds((limit - intercept) / slope) {
				limits++
			}
		}
		for what, n := range map[string]int{"slope": slopes, "limit": limits} {
			if n < tt.least || n > tt.most {
				t.Errorf("%s: %d of %d intervals of the %s hold the truth, want %d to %d",
					tt.name, n, trials, what, tt.least, tt.most)
			}
		}
	}
}

// Fieller's interval ends where the line's own interval touches the limit.
func TestReachingUndoesAt(t *testing.T) {
	f := limitFit(t)
	at := f.reaching(1)
	if got := f.at(at.Value).Value; !near(got, 1, 1e-9) {
		t.Errorf("the line is %v at %v, want 1", got, at.Value)
	}
	if low, high := f.at(at.Low).High, f.at(at.High).Low; !near(low, 1, 1e-9) || !near(high, 1, 1e-9) {
		t.Errorf("at the ends of the interval the line's own are %v and %v, want 1 and 1", low, high)
	}
}

func limitFit(t *testing.T) *trend {
	t.Helper()
	tl, _, err := readTimeline(strings.NewReader(string(ordinary().file(t))))
	if err != nil {
		t.Fatal(err)
	}
	s := tl.of(reports.TierEdge)[0]
	used := need{of: func(l *reports.Load) float64 { return bps(l) / (2000 * 100e9) }}
	return tl.trendOf(s, used, tl.calmBlocks(nil))
}

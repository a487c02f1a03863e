package audience

import (
	"context"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
)

// figures are what counts and agents are compared by.
type figures struct {
	names  []string
	values []float64
}

// played runs a world with rungs that change, rewinds, and an outage after which viewers restart, and takes its
// figures.
func played(t testing.TB, viewers int, seed uint64, agents bool) (f figures) {
	w := newWorld(viewers, 1, func(w *world, ctx context.Context, at time.Duration, r request) (answer, error) {
		if at > 30*time.Second && at < 45*time.Second && r.Rendition != "a128" {
			return answer{Reason: origin.Gap}, nil
		}
		if r.Number == 1010 && at < 26*time.Second {
			if err := w.loop.Sleep(ctx, 26*time.Second-at); err != nil {
				return answer{}, err
			}
		}
		return well(w, ctx, at, r)
	})
	w.config.Seed, w.config.Agents = seed, agents
	w.config.Audience.Adaptive, w.config.Audience.Rewinds, w.config.Audience.DVRShare = true, 0.2, 0.05
	w.config.Audience.Viewers = scenarios.Viewers{
		Start: viewers / 2, Ramp: 20 * time.Second, Peak: viewers, Leave: 10 * time.Second,
	}
	w.config.Audience.Restarts = scenarios.Restarts{After: 6 * time.Second, Within: 5 * time.Second, Surge: 10}
	for i := range w.config.Edges {
		w.config.Edges[i].Access = &Access{Median: 6e6, Sigma: 1, Steady: time.Minute}
	}
	w.play(t)
	all, latency, _ := w.total(t, nil)
	f.names = []string{"requests", "bytes", "segments", "missed", "latency", "stall"}
	f.values = []float64{float64(all.Requests), float64(all.Bytes), float64(all.Segments), float64(all.Missed),
		latency.Mean() * float64(latency.TotalCount()), float64(all.StallUs)}
	for _, r := range w.config.Event.Renditions { // a viewer asks for one segment of each in a turn: viewer-seconds
		asked, _, _ := w.total(t, func(l *anyLine) bool { return l.Rendition == r.ID })
		f.names, f.values = append(f.names, r.ID), append(f.values, float64(asked.Segments+asked.Missed))
	}
	return f
}

// apartBy is the relative difference between counts and agents for each figure, as the root of its mean square over
// seeds.
func apartBy(t testing.TB, viewers, seeds int) (f figures) {
	for seed := range seeds {
		c, a := played(t, viewers, uint64(seed), false), played(t, viewers, uint64(seed), true)
		if seed == 0 {
			f = figures{c.names, make([]float64, len(c.values))}
		}
		for i := range c.values {
			d := (c.values[i] - a.values[i]) / a.values[i]
			f.values[i] += d * d / float64(seeds)
		}
	}
	for i := range f.values {
		f.values[i] = math.Sqrt(f.values[i])
	}
	return f
}

// slope is the exponent with which the mean difference falls from one size of audience to another.
func slope(small, large int, a, b figures) float64 {
	sum := 0.0
	for i := range a.values {
		sum += math.Log(b.values[i] / a.values[i])
	}
	return sum / float64(len(a.values)) / math.Log(float64(large)/float64(small))
}

// Counts and agents differ by luck alone, which falls with the root of the number of viewers (Le Boudec, McDonald and
// Mundinger, "A generic mean field convergence result for systems of interacting objects", QEST 2007).
func TestCountsAreAgents(t *testing.T) {
	t.Parallel()
	small, large := apartBy(t, 3_000, 2), apartBy(t, 30_000, 2)
	for i, name := range large.names {
		if large.values[i] > 0.01 {
			t.Errorf("%s: counts and agents of 30000 viewers are %.2f %% apart; want at most 1 %%", name, 100*large.values[i])
		}
	}
	if s := slope(3_000, 30_000, small, large); s < -0.8 || s > -0.2 {
		t.Errorf("the difference falls with the viewers to the power of %.2f; want -1/2", s)
	}
}

// TestProveCountsAreAgents prints the table.
func TestProveCountsAreAgents(t *testing.T) {
	if os.Getenv("LIVEORIGIN_PROVE") == "" {
		t.Skip("set LIVEORIGIN_PROVE=1 for a million viewers")
	}
	sizes := []int{10_000, 100_000, 1_000_000}
	var all []figures
	for _, n := range sizes {
		all = append(all, apartBy(t, n, 5))
	}
	fmt.Printf("%-10s %12s %12s %12s\n", "counts against agents", "10^4", "10^5", "10^6")
	for i, name := range all[0].names {
		fmt.Printf("%-21s", name)
		for _, f := range all {
			fmt.Printf(" %10.4f %%", 100*f.values[i])
		}
		fmt.Println()
		if all[2].values[i] > 0.001 {
			t.Errorf("%s: %.3f %% apart at a million viewers; want at most 0.1 %%", name, 100*all[2].values[i])
		}
	}
	s := slope(sizes[0], sizes[2], all[0], all[2])
	fmt.Printf("falls with the viewers to the power of %.2f; luck alone: -0.50\n", s)
	if s < -0.65 || s > -0.35 {
		t.Errorf("exponent %.2f", s)
	}
}

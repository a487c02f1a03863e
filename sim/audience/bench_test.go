package audience

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// large is an audience of an event on groups of sites: nine renditions, of which viewers play what their link carries.
func large(viewers, edges int, length time.Duration) *world {
	w := &world{loop: loop.New(begin)}
	e := testEvent(length)
	e.Renditions = []origin.Rendition{{ID: "a128", Kind: origin.Audio, Bandwidth: 128_000}}
	for i, mbps := range []float64{0.4, 0.7, 1.2, 2, 3, 4.5, 6, 8} {
		e.Renditions = append(e.Renditions, origin.Rendition{
			ID: fmt.Sprint("v", i), Kind: origin.Video, Bandwidth: int(mbps * 1e6),
		})
	}
	w.config = Config{Loop: w.loop, Event: e, Seed: 1, Out: io.Discard, Audience: scenarios.Audience{
		Viewers: scenarios.Viewers{Start: viewers, Peak: viewers}, Adaptive: true, Buffer: 10 * time.Second,
		DVRShare: 0.05, Rewinds: 0.01, Restarts: scenarios.Restarts{
			After: 30 * time.Second, Within: 10 * time.Second, Surge: 10,
		},
	}}
	for i := range edges {
		w.config.Edges = append(w.config.Edges, Edge{
			Name: fmt.Sprint("sites-", i), Region: []string{"east", "west"}[i%2], Getter: scripted{w, instant}, Alike: 25,
		})
	}
	return w
}

// BenchmarkCounts plays an event of 65 million viewers on 240 groups of sites that answer at once: what the audience
// itself costs.
func BenchmarkCounts(b *testing.B) {
	benchmark(b, large(65_000_000, 240, 2*time.Minute), 2*time.Minute)
}

// BenchmarkAgents plays an event of a million viewers with a state each.
func BenchmarkAgents(b *testing.B) {
	w := large(1_000_000, 24, 2*time.Minute)
	w.config.Agents = true
	benchmark(b, w, 2*time.Minute)
}

// benchmark plays one event in every iteration.
func benchmark(b *testing.B, w *world, length time.Duration) {
	for b.Loop() {
		w.loop = loop.New(begin)
		w.config.Loop = w.loop
		w.play(b)
	}
	b.ReportMetric(length.Seconds()*float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
}

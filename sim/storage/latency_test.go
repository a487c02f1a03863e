package storage

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/sim/streams"
)

// The drawn latencies have the percentiles that they were asked for, within the error of 100,000 draws.
func TestLatencyPercentiles(t *testing.T) {
	l := Latency{25 * time.Millisecond, 129 * time.Millisecond}
	d, r := l.distribution(), streams.New(1, "test")
	draws := make([]time.Duration, 100_000)
	for i := range draws {
		draws[i] = d.draw(r)
	}
	slices.Sort(draws)
	for p, want := range map[int]time.Duration{50: l.P50, 99: l.P99} {
		got := draws[len(draws)*p/100]
		if math.Abs(float64(got-want)) > 0.03*float64(want) {
			t.Errorf("p%d is %v, want %v", p, got, want)
		}
	}
}

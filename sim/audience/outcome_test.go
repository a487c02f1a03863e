package audience

import (
	"context"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

// A slice of many counts what as many viewers, each asked about by itself, would have counted: whenever the answer
// comes and however long it takes from there.
func TestSliceIsItsViewers(t *testing.T) {
	t.Parallel()
	within := func(t *rapid.T, what string, most time.Duration) time.Duration {
		return time.Duration(rapid.IntRange(0, int(most/ms)).Draw(t, what)) * ms
	}
	rapid.Check(t, func(t *rapid.T) {
		const viewers = 1000
		answered, roundTrip := within(t, "answered", 3*time.Second), within(t, "round trip", 2500*ms)
		buffer := max(within(t, "buffer", 3*time.Second), answered+roundTrip-2*time.Second) // or nobody waits for it
		w := newWorld(viewers, 1, func(w *world, ctx context.Context, at time.Duration, r request) (answer, error) {
			resp := object(r)
			if wait := 2*time.Second + answered - at; wait > 0 {
				resp.Hold = wait
				return resp, w.loop.Sleep(ctx, wait)
			}
			return resp, nil
		})
		w.config.Event = testEvent(2 * time.Second)
		w.config.Audience.Ladder, w.config.Audience.Buffer = "a128", buffer
		w.config.Edges[0].Access = &Access{RoundTrip: roundTrip}
		w.play(t)
		got, latency, ttfb := w.total(t, nil)
		want, wantLatency, wantTTFB := eachViewer(viewers, answered, roundTrip, buffer)
		// A slice rounds to whole viewers; there are 64.
		for what, pair := range map[string][2]int64{
			"segments": {got.Segments, want.Segments}, "held": {got.Held, want.Held}, "late": {got.Late, want.Late},
			"stalled": {got.Stalled, want.Stalled}, "stall in s": {got.StallUs / 1e6, want.StallUs / 1e6},
		} {
			if apart(pair[0], pair[1]) > 64 {
				t.Errorf("%s: %d; want %d", what, pair[0], pair[1])
			}
		}
		for _, p := range []float64{10, 50, 90, 99} {
			if g, w := latency.ValueAtPercentile(p), wantLatency.ValueAtPercentile(p); apart(g, w) > 3000+w/50 {
				t.Errorf("latency p%v: %d us; want %d", p, g, w)
			}
			if g, w := ttfb.ValueAtPercentile(p), wantTTFB.ValueAtPercentile(p); apart(g, w) > 3000+w/50 {
				t.Errorf("time to first byte p%v: %d us; want %d", p, g, w)
			}
		}
	})
}

// eachViewer reckons one segment for viewers whose offsets are spread evenly, one by one.
func eachViewer(n int, answered, roundTrip, buffer time.Duration) (c counters, latency, ttfb *hdrhistogram.Histogram) {
	latency, ttfb = hdrhistogram.New(shortest, longest, digits), hdrhistogram.New(shortest, longest, digits)
	for i := range n {
		asked := offsetMost * time.Duration(2*i+1) / time.Duration(2*n)
		arrived := max(answered, asked) + roundTrip
		c.Segments++
		c.Held += boolean(asked < answered)
		c.Late += boolean(arrived > 2*time.Second)
		stall := max(0, arrived-asked-buffer)
		c.Stalled += boolean(stall > 0)
		c.StallUs += stall.Microseconds()
		_ = latency.RecordValue(arrived.Microseconds())
		_ = ttfb.RecordValue((arrived - asked).Microseconds())
	}
	return c, latency, ttfb
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

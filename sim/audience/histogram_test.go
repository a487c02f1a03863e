package audience

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func decode(t *testing.T, h *histogram) *hdrhistogram.PackedHistogram {
	t.Helper()
	d, err := hdrhistogram.DecodePacked([]byte(new(encoder).encode(h)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What the library reads is what the library itself would have written.
func TestPointsAreTheLibrarys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	e := new(encoder)
	for round := range 50 {
		want := hdrhistogram.NewPacked(shortest, longest, digits)
		var got histogram
		for range r.IntN(200) + 1 {
			us := r.Int64N(1 << (1 + r.IntN(36)))
			n := r.Int64N(1<<(1+r.IntN(40))) + 1
			got.point(time.Duration(us)*time.Microsecond, n)
			if err := want.RecordValues(us, n); err != nil {
				t.Fatal(err)
			}
		}
		read, err := hdrhistogram.DecodePacked([]byte(e.encode(&got)))
		if err != nil {
			t.Fatal(err)
		}
		wrote, _ := want.Encode()
		again, _ := read.Encode()
		if string(wrote) != string(again) {
			t.Fatalf("round %d: %d values up to %d; want %d up to %d", round, read.TotalCount(), read.Max(), want.TotalCount(),
				want.Max())
		}
	}
	if got := e.encode(new(histogram)); got != "" {
		t.Errorf("no values are written as %q; want nothing", got)
	}
}

// A stretch has the percentiles of as many single values, spread evenly, and loses none.
func TestStretches(t *testing.T) {
	ms := time.Millisecond
	type stretch struct {
		from, until time.Duration
		n           int64
	}
	for why, stretches := range map[string][]stretch{
		"one":                    {{300 * ms, 400 * ms, 100_000}},
		"within a bucket":        {{400 * ms, 400*ms + 10*time.Microsecond, 7}},
		"from zero":              {{0, 100 * ms, 12345}},
		"slices that follow":     {{0, 25 * ms, 250_000}, {25 * ms, 50 * ms, 250_000}, {50 * ms, 100 * ms, 499_999}},
		"some over others":       {{0, 100 * ms, 1000}, {50 * ms, 60 * ms, 1000}, {90 * ms, 2 * time.Second, 500}},
		"few over many buckets":  {{time.Millisecond, 10 * time.Second, 300}},
		"one that is no stretch": {{70 * ms, 70 * ms, 40}, {10 * ms, 90 * ms, 60}},
		"the buffer is a minute": {{0, time.Minute, 65_000_000}},
	} {
		var h histogram
		want := hdrhistogram.New(shortest, longest, digits)
		total := int64(0)
		for _, s := range stretches {
			h.stretch(s.from, s.until, s.n)
			total += s.n
			const each = 1000
			for i := range int64(each) {
				us := (s.from + (s.until-s.from)*time.Duration(2*i+1)/(2*each)).Microseconds()
				_ = want.RecordValues(max(0, us), s.n)
			}
		}
		got := decode(t, &h)
		if got.TotalCount() != total {
			t.Errorf("%s: %d values; want %d", why, got.TotalCount(), total)
		}
		for _, p := range []float64{25, 50, 75, 95} {
			g, w := got.ValueAtPercentile(p), want.ValueAtPercentile(p)
			if slack := w/50 + 300; g < w-slack || g > w+slack {
				t.Errorf("%s: p%v is %d us; want %d", why, p, g, w)
			}
		}
	}
}

// A single value of a stretch is where the median of many would be.
func TestSingleOfStretch(t *testing.T) {
	var h histogram
	h.stretch(200*time.Millisecond, 300*time.Millisecond, 1)
	if got := decode(t, &h); got.TotalCount() != 1 || got.Max() < 249_000 || got.Max() > 253_000 {
		t.Errorf("%d values, the largest %d us; want one of 250 ms", got.TotalCount(), got.Max())
	}
}

package reports

import (
	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histograms are in microseconds, up to 12 days, with two significant digits: a percentile is at most 1 % too high,
// never too low. Packed ones hold only the buckets that are used, so that every second of a long event can have its own.
const (
	latencyMax        = 1 << 40
	significantDigits = 2
)

func newPacked() *hdrhistogram.PackedHistogram {
	return hdrhistogram.NewPacked(1, latencyMax, significantDigits)
}

func newDense() *hdrhistogram.Histogram { return hdrhistogram.New(1, latencyMax, significantDigits) }

// addTo adds buckets to what has been collected so far; nil while that is nothing.
func addTo(h **hdrhistogram.PackedHistogram, buckets []bucket) {
	if len(buckets) == 0 {
		return
	}
	if *h == nil {
		*h = newPacked()
	}
	for _, b := range buckets {
		// No bucket is above latencyMax; of more samples than can be counted, what comes last is left out.
		_ = (*h).RecordValues(b.value, b.count)
	}
}

// sum appends what two sorted lists of buckets come to.
func sum(into, a, b []bucket) []bucket {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].value < b[0].value:
			into, a = append(into, a[0]), a[1:]
		case a[0].value > b[0].value:
			into, b = append(into, b[0]), b[1:]
		default:
			into = append(into, bucket{a[0].value, a[0].count + b[0].count})
			a, b = a[1:], b[1:]
		}
	}
	return append(append(into, a...), b...)
}

// Quantiles are what a report shows of a histogram, in milliseconds.
type Quantiles struct {
	Samples int64   `json:"samples"`
	P50     float64 `json:"p50"`
	P95     float64 `json:"p95"`
	P99     float64 `json:"p99"`
	Max     float64 `json:"max"`
}

// quantiles is nil without samples: no figure at all is better than a zero.
func quantiles(h *hdrhistogram.Histogram) *Quantiles {
	if h.TotalCount() == 0 {
		return nil
	}
	return &Quantiles{
		Samples: h.TotalCount(),
		P50:     milliseconds(h.ValueAtPercentile(50)),
		P95:     milliseconds(h.ValueAtPercentile(95)),
		P99:     milliseconds(h.ValueAtPercentile(99)),
		Max:     milliseconds(h.Max()),
	}
}

// milliseconds is for reports only; comparisons are made in whole microseconds.
func milliseconds(us int64) float64 { return float64(us) / 1000 }

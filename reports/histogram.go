package reports

import (
	"fmt"

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

// decodePacked reads a histogram as HdrHistogram's V2 format spells it; nil when there is none.
func decodePacked(encoded string) (*hdrhistogram.PackedHistogram, error) {
	if encoded == "" {
		return nil, nil
	}
	h, err := hdrhistogram.DecodePacked([]byte(encoded))
	if err != nil {
		return nil, fmt.Errorf("read histogram: %w", err)
	}
	if h.Max() > latencyMax || h.TotalCount() > numberMax {
		return nil, fmt.Errorf("histogram of %d values up to %d us is no measurement", h.TotalCount(), h.Max())
	}
	return h, nil
}

// mergePacked adds from, which may be nil, to what has been collected so far.
func mergePacked(into **hdrhistogram.PackedHistogram, from *hdrhistogram.PackedHistogram) {
	if from == nil {
		return
	}
	if *into == nil {
		*into = newPacked()
	}
	(*into).Merge(from)
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

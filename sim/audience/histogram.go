package audience

import (
	"math/bits"
	"time"
)

// histogram is an HdrHistogram of microseconds with two significant digits, for values that come in crowds: beside
// single values it takes stretches, over which so many values are spread evenly, each for the price of one value.
//
//	values  ^         ______
//	per us  |    ____|      |____       slope is where such a line steps up and down, at bounds of buckets;
//	        |___|                |___   mass is what lies beside whole buckets, and single values
//
// Buckets get whole numbers when it is written: the sum up to each bucket is rounded, so that none is lost.
type histogram struct {
	total int64
	mass  []float64 // by bucket
	slope []float64 // values per microsecond, more than in the bucket before
}

// subBuckets is how many buckets there are up to the first value that is not exact, for two significant digits; half of
// them for each power of two beyond.
const subBuckets = 256

// bucket is a value's place (HdrHistogram's countsIndex).
func bucket(us int64) int {
	shift := bits.Len64(uint64(us)|(subBuckets-1)) - 8
	return shift*subBuckets/2 + int(us>>shift)
}

// lower is the lowest value of a bucket; that of the next is where it ends.
func lower(bucket int) int64 {
	if bucket < subBuckets {
		return int64(bucket)
	}
	shift := bucket/(subBuckets/2) - 1
	return int64(bucket%(subBuckets/2)+subBuckets/2) << shift
}

// point adds n values that are the same.
func (h *histogram) point(at time.Duration, n int64) {
	if n == 0 {
		return
	}
	b := bucket(max(0, at.Microseconds()))
	h.grow(b)
	h.total += n
	h.mass[b] += float64(n)
}

// stretch adds n values that are spread evenly from one to another.
func (h *histogram) stretch(from, until time.Duration, n int64) {
	low, high := max(0, from.Microseconds()), max(0, until.Microseconds())
	first, last := bucket(low), bucket(high)
	if n == 0 || first == last {
		h.point(from, n)
		return
	}
	h.grow(last)
	h.total += n
	each := float64(n) / float64(high-low)
	h.mass[first] += each * float64(lower(first+1)-low)
	h.mass[last] += each * float64(high-lower(last))
	h.slope[first+1] += each
	h.slope[last] -= each
}

func (h *histogram) grow(b int) {
	if more := b + 1 - len(h.mass); more > 0 {
		h.mass, h.slope = append(h.mass, make([]float64, more)...), append(h.slope, make([]float64, more)...)
	}
}

// counts calls each bucket that is not empty, in order, with its whole number.
func (h *histogram) counts(each func(bucket int, n int64)) {
	sum, level, given := 0.0, 0.0, int64(0)
	for b := range h.mass {
		level += h.slope[b]
		sum += h.mass[b] + level*float64(lower(b+1)-lower(b))
		n := min(int64(sum+0.5), h.total) - given
		if b == len(h.mass)-1 {
			n = h.total - given // what floating point has lost
		}
		if n > 0 {
			each(b, n)
			given += n
		}
	}
}

// clear empties the histogram, and keeps its memory.
func (h *histogram) clear() {
	h.total, h.mass, h.slope = 0, h.mass[:0], h.slope[:0]
}

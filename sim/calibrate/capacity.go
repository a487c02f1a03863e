package calibrate

import (
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// capacity is what one zone's machines take for a call, in seconds; zero where no limit was seen.
type capacity struct{ operation, perByte float64 }

func (c capacity) service(bytes int) float64 { return c.operation + c.perByte*float64(bytes) }

// saturated is the part of so many times one caller's rate that many callers together must miss for a queue to be seen.
const saturated = 0.75

// findCapacity explains what many callers together reached by a queue in front of one server: with a service for every
// operation, and one for every byte.
func findCapacity(s *Samples, kind Kind) (c capacity) {
	many := slices.Max(s.Plan.Callers)
	var sizes []int
	var services []float64
	for _, bytes := range s.Plan.Sizes {
		alone, crowd := s.cell(kind, bytes, 1, false), s.cell(kind, bytes, many, false)
		if crowd == nil {
			return c
		}
		took := usual(alone)
		rate := float64(many) / usual(crowd)
		if rate >= saturated*float64(many)/took {
			continue
		}
		// A body is left for what is not a queue, or there would be nothing that varies.
		sizes = append(sizes, bytes)
		services = append(services, min(service(many, took, rate), mostService*alone.at(0.5).Seconds()))
	}
	c = split(sizes, services)
	if kind == Get {
		c.perByte *= replicas // all zones look for a row, and one sends it
	}
	return c
}

// usual is the mean of how long calls took, in seconds, where the slowest twentieth counts as the quickest of it does: one
// pause in a loop of a second must not look like a limit.
func usual(c *Cell) float64 {
	most := c.Took.ValueAtQuantile(95)
	var sum, n int64
	for _, b := range c.Took.Distribution() {
		sum += b.Count * min(b.To, most)
		n += b.Count
	}
	return float64(sum) / float64(max(n, 1)) / 1e6
}

// mostService is the part of a median latency that a queue's service can be.
const mostService = 0.8

// service is that of a server which, with so many callers in a closed loop, reaches a rate, when a call takes so long
// alone: by mean value analysis of one queue and one delay, for a service that does not vary (a caller who finds somebody
// in service waits for half of it).
func service(callers int, alone, rate float64) float64 {
	low, high := 0., min(1/rate, alone)
	for range 50 {
		mid := (low + high) / 2
		if closedRate(callers, alone-mid, mid) > rate {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// closedRate is the calls a second of so many callers.
func closedRate(callers int, delay, service float64) (rate float64) {
	queue := 0.
	for n := 1; n <= callers; n++ {
		waits := service * max(0, queue-rate*service/2)
		rate = float64(n) / (delay + waits + service)
		queue = rate * (waits + service)
	}
	return rate
}

// split divides services into a part for the operation and one for its bytes, by least squares of relative errors. With
// one size there is nothing to divide by: a row's time is then its bytes'.
func split(sizes []int, services []float64) capacity {
	switch len(sizes) {
	case 0:
		return capacity{}
	case 1:
		return capacity{perByte: services[0] / float64(sizes[0])}
	}
	a := mat.NewDense(len(sizes), 2, nil)
	b := mat.NewVecDense(len(sizes), nil)
	for i, s := range services {
		a.SetRow(i, []float64{1 / s, float64(sizes[i]) / s})
		b.SetVec(i, 1)
	}
	var x mat.VecDense
	if x.SolveVec(a, b) != nil || x.AtVec(0) < 0 {
		return ratio(services, sizes)
	}
	if x.AtVec(1) < 0 {
		return capacity{operation: stat.HarmonicMean(services, nil)}
	}
	return capacity{operation: x.AtVec(0), perByte: x.AtVec(1)}
}

// ratio is the time of a byte alone, if operations cost nothing.
func ratio(services []float64, sizes []int) capacity {
	var each []float64
	for i, s := range services {
		each = append(each, s/float64(sizes[i]))
	}
	return capacity{perByte: stat.HarmonicMean(each, nil)}
}

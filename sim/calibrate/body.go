package calibrate

import (
	"math"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/liveorigin/liveorigin/sim/streams"
)

// logNormal is a latency's distribution: of calls, or of one replica's answers.
type logNormal struct{ mu, sigma float64 } // of the logarithm of seconds

// at is the value at a level of the standard normal distribution.
func (l logNormal) at(z float64) float64 { return math.Exp(l.mu + l.sigma*z) }

// levels say where a replica's latency stands in its own distribution when a call's stands at u in the calls', as standard
// deviations of the logarithm.
type levels func(kind Kind, u float64) float64

// apart are the levels of three replicas that draw independently. A write takes as long as the second of them, and the
// median of three draws has the distribution 3F²-2F³; a read as long as the first, which has 1-(1-F)³. Both have inverses
// in closed form.
func apart(kind Kind, u float64) float64 {
	f := 1 - math.Cbrt(1-u)
	if kind == Put {
		f = 0.5 - math.Sin(math.Asin(1-2*u)/3)
	}
	return distuv.UnitNormal.Quantile(f)
}

// alike are the levels of replicas on one machine, which are slow together: a call takes as long as any of them.
func alike(_ Kind, u float64) float64 { return distuv.UnitNormal.Quantile(u) }

// bodyLevels are the quantiles through which a body is laid: those that reports speak of, and as many below. What is beyond
// the last is the tail.
var bodyLevels = []float64{0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99}

// beyond is how many calls must lie beyond a quantile for it to mean something.
const beyond = 5

// enough says whether so many calls have such a quantile.
func enough(calls int64, q float64) bool { return float64(calls)*(1-q) >= beyond }

// replica is the distribution of one replica's latency under which calls take what they took, as far as a quantile. Each
// call spent a fixed time, in seconds, in a queue's service besides.
func replica(kind Kind, level levels, took *hdrhistogram.Histogram, service, upTo float64) logNormal {
	var zs, logs []float64
	for _, u := range bodyLevels {
		if u > upTo || !enough(took.TotalCount(), u) {
			break
		}
		v := float64(took.ValueAtQuantile(100*u)) / 1e6
		zs = append(zs, level(kind, u))
		logs = append(logs, math.Log(max(v-service, v*leastBody)))
	}
	mu, sigma := stat.LinearRegression(zs, logs, nil, false)
	return logNormal{mu, max(sigma, 0)}
}

// leastBody is the part of a latency that is not a queue's service, at least.
const leastBody = 0.05

// grown is a log-normal that grows with size, by two percentiles, in seconds.
type grown struct{ p50, p99, mib50, mib99 float64 }

const mib = 1 << 20

// grow lays a line through what each size takes, percentile by percentile.
func grow(sizes []int, bodies []logNormal) (g grown) {
	at := func(z float64) (took []float64) {
		for _, b := range bodies {
			took = append(took, b.at(z))
		}
		return took
	}
	g.p50, g.mib50 = line(sizes, at(0))
	if g.mib50 == 0 { // what does not grow in the middle has no business to at the end: that is noise
		g.p99 = max(g.p50, stat.HarmonicMean(at(streams.Z99), nil))
		return g.within(mostSpread)
	}
	g.p99, g.mib99 = line(sizes, at(streams.Z99))
	g.p99, g.mib99 = max(g.p99, g.p50), max(g.mib99, g.mib50)
	return g.within(mostSpread)
}

// mostSpread is how many times p50 the p99 of a replica may be. What needs more is not explained by a log-normal.
const mostSpread = 50

func (g grown) within(spread float64) grown {
	g.p99, g.mib99 = min(g.p99, spread*g.p50), min(g.mib99, spread*g.mib50)
	return g
}

// noGrowth is how much of the smallest the largest may take more before it counts: less is noise.
const noGrowth = 0.05

// line is what a row without bytes takes and what a MiB adds, by least squares of relative errors; neither is negative.
func line(sizes []int, took []float64) (zero, perMiB float64) {
	var xs, weights []float64
	for i, n := range sizes {
		xs = append(xs, float64(n)/mib)
		weights = append(weights, 1/(took[i]*took[i]))
	}
	if len(sizes) == 1 {
		return took[0], 0
	}
	zero, perMiB = stat.LinearRegression(xs, took, weights, false)
	if perMiB*slices.Max(xs) < noGrowth*zero {
		return stat.Mean(took, weights), 0
	}
	return max(zero, leastBody*slices.Min(took)), perMiB
}

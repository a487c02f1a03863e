package storage

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/liveorigin/liveorigin/sim/streams"
)

// Latency is a log-normal distribution of a time, given by two of its percentiles. It is the body of a latency: what
// makes the tail (Episodes, lost messages, queues) is modelled by itself, because a log-normal that fits the median and
// the p99 of a store promises far better a p99.9 than stores have.
type Latency struct{ P50, P99 time.Duration }

// distribution is what a replica's latencies are drawn from.
type distribution interface {
	draw(r *rand.Rand) time.Duration
}

// leveled is a distribution with a value at every level of the standard normal distribution; it draws the level.
type leveled interface {
	at(level float64) time.Duration
}

// logNormal is a Latency, ready to be drawn from.
type logNormal struct {
	median float64 // nanoseconds
	sigma  float64 // of the logarithm
}

// distribution is the log-normal with l's percentiles; without a spread it is the median, always.
func (l Latency) distribution() logNormal {
	if l.P50 <= 0 || l.P99 <= l.P50 {
		return logNormal{median: float64(max(l.P50, 0))}
	}
	return logNormal{float64(l.P50), math.Log(float64(l.P99)/float64(l.P50)) / streams.Z99}
}

func (l logNormal) draw(r *rand.Rand) time.Duration {
	if l.sigma == 0 {
		return time.Duration(l.median)
	}
	return l.at(r.NormFloat64())
}

func (l logNormal) at(level float64) time.Duration {
	return time.Duration(l.median * math.Exp(l.sigma*level))
}

package audience

import (
	"math"
	"time"
)

// Access is what lies between an edge and its viewers. A viewer has one of sixteen classes of bandwidth, each as
// frequent as the others: the quantiles of a lognormal distribution, which is usually sufficient for what is measured
// of transfers in the Internet (Downey, "Lognormal and Pareto distributions in the Internet", Computer Communications
// 28, 2005). From time to time a viewer's class changes to a neighbouring one: within a session, throughput goes
// through states that last (Sun et al., "CS2P", SIGCOMM 2016).
type Access struct {
	// Median is the bandwidth that half of the viewers have, in bit/s; zero is a loopback: transfers take no time.
	Median float64
	// Sigma is the standard deviation of the bandwidth's logarithm.
	Sigma float64
	// RoundTrip is added to every answer's time.
	RoundTrip time.Duration
	// Steady is for how long a viewer's class lasts on average; zero is for ever.
	Steady time.Duration
}

// HomeAccess is what adaptive viewers have if nothing else is said. Its figures are an assumption, not a measurement: with
// them the viewers of ladder event play 5 Mb/s on average, with which a server of 100 Gb/s has 20,000 sessions (facts.md
// N40; performance.md section 7 reckons with the same).
func HomeAccess() Access {
	return Access{Median: 6e6, Sigma: 1, RoundTrip: 20 * time.Millisecond, Steady: time.Minute}
}

// links is how many classes of bandwidth there are where viewers have an access at all.
const links = 16

// rates lists the bandwidth of each class in bit/s; zeros on a loopback.
func (a *Access) rates() (rates [links]float64) {
	if a.Median == 0 {
		return rates
	}
	for i := range rates {
		quantile := (float64(i) + 0.5) / links
		rates[i] = a.Median * math.Exp(a.Sigma*math.Sqrt2*math.Erfinv(2*quantile-1))
	}
	return rates
}

// transfer is how long so many bytes take over a link; zero bandwidth takes no time.
func transfer(bytes int, rate float64) time.Duration {
	if rate == 0 {
		return 0
	}
	return time.Duration(float64(bytes) * 8 / rate * float64(time.Second))
}

package resources

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
)

// The closed forms, with service times of mean 1. Books: Kleinrock, Queueing Systems, volumes 1 and 2, 1975 and 1976;
// Gross and others, Fundamentals of Queueing Theory, 4th edition, 2008.

// erlangB is the probability that M/M/c/c is full, with an offered load of a (Erlang 1917; the recursion: Gross 3.5).
func erlangB(c int, a float64) float64 {
	b := 1.0
	for k := 1; k <= c; k++ {
		b = a * b / (float64(k) + a*b)
	}
	return b
}

// erlangC is the probability of waiting in M/M/c (Erlang 1917; Gross 3.3).
func erlangC(c int, rho float64) float64 {
	b := erlangB(c, rho*float64(c))
	return b / (1 - rho*(1-b))
}

// mmcWait is Wq of M/M/c, and mmcQuantile the wait that only a share of 1-p exceeds: waits that are not zero are
// exponential with rate c(1-rho).
func mmcWait(c int, rho float64) float64 { return erlangC(c, rho) / (float64(c) * (1 - rho)) }

func mmcQuantile(c int, rho, p float64) float64 {
	return math.Log(erlangC(c, rho)/(1-p)) / (float64(c) * (1 - rho))
}

// mg1Wait is Wq of M/G/1 where the service times' squared coefficient of variation is cv2 (Pollaczek 1930, Khinchine
// 1932).
func mg1Wait(rho, cv2 float64) float64 { return rho * (1 + cv2) / (2 * (1 - rho)) }

// sharedSojourn is W of M/G/1 with processor sharing, whatever the law of service (Kleinrock 1967; Sakata, Noguchi and
// Oizumi 1971).
func sharedSojourn(rho float64) float64 { return 1 / (1 - rho) }

// mm1kLoss is the probability that M/M/1/K is full (Gross 3.4).
func mm1kLoss(k int, rho float64) float64 {
	if rho == 1 {
		return 1 / float64(k+1)
	}
	return (1 - rho) * math.Pow(rho, float64(k)) / (1 - math.Pow(rho, float64(k+1)))
}

// cobham is Wq of each class of a non-preemptive M/M/1, the first class first (Cobham, Operations Research 2, 1954),
// and preemptive is W where a class takes the core of a later one (Kleinrock, volume 2, 3.4): one's own service is
// drawn out by those who come first.
func cobham(lambda ...float64) []float64 {
	work := 0.0 // that an arrival finds in service: the sum of lambda E[S^2]/2, and E[S^2] is 2
	for _, l := range lambda {
		work += l
	}
	var waits []float64
	before, upTo := 0.0, 0.0
	for _, l := range lambda {
		before, upTo = upTo, upTo+l
		waits = append(waits, work/((1-before)*(1-upTo)))
	}
	return waits
}

func preemptive(lambda ...float64) []float64 {
	var sojourns []float64
	before, upTo := 0.0, 0.0
	for _, l := range lambda {
		before, upTo = upTo, upTo+l
		sojourns = append(sojourns, 1/(1-before)+upTo/((1-before)*(1-upTo)))
	}
	return sojourns
}

// harmonic is the mean of the largest of n exponentials of mean 1 (Renyi 1953).
func harmonic(n int) (sum float64) {
	for k := 1; k <= n; k++ {
		sum += 1 / float64(k)
	}
	return sum
}

// zipf is the popularity of n items: 1/rank^alpha, scaled to sum to 1.
func zipf(n int, alpha float64) []float64 {
	popularity, sum := make([]float64, n), 0.0
	for i := range popularity {
		popularity[i] = math.Pow(float64(i+1), -alpha)
		sum += popularity[i]
	}
	for i := range popularity {
		popularity[i] /= sum
	}
	return popularity
}

// che approximates the hit ratio of an LRU cache of so many items (Che, Tung and Wang, IEEE JSAC 20, 2002): an item is
// there when it was asked for in the last t, and t is such that the cache is full on average.
func che(popularity []float64, items int) float64 {
	held := func(t float64) (sum float64) {
		for _, p := range popularity {
			sum -= math.Expm1(-p * t)
		}
		return sum
	}
	low, high := 0.0, 1.0
	for held(high) < float64(items) {
		high *= 2
	}
	for high-low > 1e-12*high {
		if middle := (low + high) / 2; held(middle) < float64(items) {
			low = middle
		} else {
			high = middle
		}
	}
	hit := 0.0
	for _, p := range popularity {
		hit -= p * math.Expm1(-p*high)
	}
	return hit
}

// The formulas' code gives what was computed elsewhere (performance.md section 7).
func TestFormulas(t *testing.T) {
	for _, c := range []struct {
		name        string
		got, wanted float64
		digits      int // after the point
	}{
		{"M/M/1 0.5 Wq", mmcWait(1, 0.5), 1, 6},
		{"M/M/1 0.9 Wq", mmcWait(1, 0.9), 9, 6},
		{"M/M/1 0.5 P(wait)", erlangC(1, 0.5), 0.5, 6},
		{"M/M/1 0.9 P(wait)", erlangC(1, 0.9), 0.9, 6},
		{"M/M/1 0.5 p99", mmcQuantile(1, 0.5, 0.99), 7.8240, 4},
		{"M/M/1 0.9 p99", mmcQuantile(1, 0.9, 0.99), 44.9981, 4},
		{"M/M/4 P(wait)", erlangC(4, 0.8), 0.596432, 6},
		{"M/M/4 Wq", mmcWait(4, 0.8), 0.745541, 6},
		{"M/M/4 Lq", 4 * 0.8 * mmcWait(4, 0.8), 2.385730, 6},
		{"M/M/4 p99", mmcQuantile(4, 0.8, 0.99), 5.1105, 4},
		{"M/M/16 P(wait)", erlangC(16, 0.95), 0.780192, 6},
		{"M/M/16 Wq", mmcWait(16, 0.95), 0.975241, 6},
		{"M/M/16 p99", mmcQuantile(16, 0.95, 0.99), 5.4462, 4},
		{"M/M/64 P(wait)", erlangC(64, 0.95), 0.588011, 6},
		{"M/M/64 Wq", mmcWait(64, 0.95), 0.183753, 6},
		{"M/M/64 p99", mmcQuantile(64, 0.95, 0.99), 1.2732, 4},
		{"M/M/10/10", erlangB(10, 8), 0.121661, 6},
		{"M/M/100/100", erlangB(100, 90), 0.026957, 6},
		{"M/M/1000/1000", erlangB(1000, 950), 0.003649, 6},
		{"M/D/1 0.5", mg1Wait(0.5, 0), 0.5, 6},
		{"M/D/1 0.8", mg1Wait(0.8, 0), 2, 6},
		{"M/D/1 0.95", mg1Wait(0.95, 0), 9.5, 6},
		{"M/G/1 0.5", mg1Wait(0.5, 4), 2.5, 6},
		{"M/G/1 0.8", mg1Wait(0.8, 4), 10, 6},
		{"M/G/1 0.95", mg1Wait(0.95, 4), 47.5, 6},
		{"M/G/1-PS", sharedSojourn(0.8), 5, 6},
		{"M/M/1/10 0.9", mm1kLoss(10, 0.9), 0.050814, 6},
		{"M/M/1/10 1", mm1kLoss(10, 1), 0.090909, 6},
		{"M/M/1/10 2", mm1kLoss(10, 2), 0.500244, 6},
		{"non-preemptive, first", cobham(0.3, 0.5)[0], 1.142857, 6},
		{"non-preemptive, second", cobham(0.3, 0.5)[1], 5.714286, 6},
		{"preemptive, first", preemptive(0.3, 0.5)[0], 1.428571, 6},
		{"preemptive, second", preemptive(0.3, 0.5)[1], 7.142857, 6},
		{"slowest of 1,000", harmonic(1000), 7.485471, 6},
		{"LRU", che(zipf(10_000, 0.8), 1_000), 0.43666, 5},
	} {
		if !scalar.EqualWithinAbs(c.got, c.wanted, 0.5001*math.Pow10(-c.digits)) {
			t.Errorf("%s: got %.*f, want %.*f", c.name, c.digits, c.got, c.digits, c.wanted)
		}
	}
}

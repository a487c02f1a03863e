package audience

import (
	"math"
	"math/rand/v2"
)

// binomial draws how many of n come up when each does with probability p. It is exact up to floating point: by
// inversion for a small mean (BINV: Kachitvichyanukul and Schmeiser, "Binomial random variate generation", CACM 31,
// 1988), else by transformed rejection (BTRS: Hörmann, "The generation of binomial random variates", J. Statist.
// Comput. Simul. 46, 1993). gonum's is several times slower, and the counts draw some ten thousand for every segment.
func binomial(r *rand.Rand, n int64, p float64) int64 {
	switch {
	case n <= 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - binomial(r, n, 1-p)
	case float64(n)*p < 10:
		return inversion(r, n, p)
	}
	return rejection(r, float64(n), p)
}

func inversion(r *rand.Rand, n int64, p float64) int64 {
	odds := p / (1 - p)
	for {
		u, f := r.Float64(), math.Exp(float64(n)*math.Log1p(-p))
		for x := range min(n+1, 200) { // beyond there is nothing but rounding
			if u < f {
				return x
			}
			u -= f
			f *= odds * float64(n-x) / float64(x+1)
		}
	}
}

func rejection(r *rand.Rand, n, p float64) int64 {
	spread := math.Sqrt(n * p * (1 - p))
	b := 1.15 + 2.53*spread
	a := -0.0873 + 0.0248*b + 0.01*p
	centre, squeeze := n*p+0.5, 0.92-4.2/b
	for {
		u, v := r.Float64()-0.5, r.Float64()
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + centre)
		switch {
		case us >= 0.07 && v <= squeeze:
			return int64(k)
		case k < 0 || k > n:
			continue
		}
		odds, alpha, m := p/(1-p), (2.83+5.1/b)*spread, math.Floor((n+1)*p)
		most := (m+0.5)*math.Log((m+1)/(odds*(n-m+1))) + (n+1)*math.Log((n-m+1)/(n-k+1)) +
			(k+0.5)*math.Log(odds*(n-k+1)/(k+1)) + stirling(m) + stirling(n-m) - stirling(k) - stirling(n-k)
		if math.Log(v*alpha/(a/(us*us)+b)) <= most {
			return int64(k)
		}
	}
}

// stirling is what Stirling's formula for the logarithm of k! leaves out.
func stirling(k float64) float64 {
	table := [...]float64{0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.0207906721037650,
		0.0166446911898211, 0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.0092554621827127,
		0.0083305634333631}
	if k < float64(len(table)) {
		return table[int(k)]
	}
	s := 1 / ((k + 1) * (k + 1))
	return (1.0/12 - (1.0/360-s/1260)*s) / (k + 1)
}

// urn is the largest number of balls that hypergeometric draws one by one.
const urn = 400

// hypergeometric draws how many marked ones are among so many drawn of all, without putting back. Where marked,
// drawn, or the rest of either are few, one after the other; else by the normal distribution of that mean and
// variance, rounded, which is close where all four are many.
func hypergeometric(r *rand.Rand, all, marked, drawn int64) int64 {
	switch {
	case marked > drawn:
		return hypergeometric(r, all, drawn, marked) // the two are alike
	case drawn > all/2:
		return marked - hypergeometric(r, all, marked, all-drawn)
	case marked <= urn:
		return oneByOne(r, all, marked, drawn)
	}
	share := float64(drawn) / float64(all)
	mean := float64(marked) * share
	variance := mean * (1 - share) * float64(all-marked) / float64(all-1)
	x := int64(math.Round(mean + r.NormFloat64()*math.Sqrt(variance)))
	return max(0, drawn-(all-marked), min(x, marked))
}

func oneByOne(r *rand.Rand, all, marked, drawn int64) (hits int64) {
	for range marked {
		if r.Int64N(all) < drawn {
			hits++
			drawn--
		}
		all--
	}
	return hits
}

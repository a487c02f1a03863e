package audience

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// Draws of every method follow the distribution: chi-squared over the values that are not too rare (Pearson), with a
// limit that one in a hundred thousand right ones would exceed.
func TestDrawsFollowTheirDistribution(t *testing.T) {
	t.Parallel()
	const draws = 200_000
	for _, c := range []struct {
		why  string
		draw func(r *rand.Rand) int64
		prob func(k float64) float64
		most int
	}{
		{"inversion, small mean", trials(40, 0.05), distuv.Binomial{N: 40, P: 0.05}.Prob, 40},
		{"inversion, many trials", trials(1_000_000, 3e-6), distuv.Poisson{Lambda: 3}.Prob, 40},
		{"rejection, mean of ten", trials(100, 0.1), distuv.Binomial{N: 100, P: 0.1}.Prob, 100},
		{"rejection, one half", trials(300, 0.5), distuv.Binomial{N: 300, P: 0.5}.Prob, 300},
		{"more than one half", trials(200, 0.9), distuv.Binomial{N: 200, P: 0.9}.Prob, 200},
		{"one by one", urns(90, 30, 40), hyper(90, 30, 40), 30},
		{"more than half drawn", urns(90, 30, 70), hyper(90, 30, 70), 30},
		{"all four many", urns(9000, 3000, 4000), hyper(9000, 3000, 4000), 3000},
	} {
		r, counts := rand.New(rand.NewPCG(1, 2)), make([]float64, c.most+1)
		for range draws {
			counts[c.draw(r)]++
		}
		statistic, cells := 0.0, -1.0
		for k, got := range counts {
			if want := draws * c.prob(float64(k)); want > 10 {
				statistic += (got - want) * (got - want) / want
				cells++
			}
		}
		if limit := (distuv.ChiSquared{K: cells}).Quantile(1 - 1e-5); statistic > limit {
			t.Errorf("%s: chi-squared %.1f of %v cells; want at most %.1f", c.why, statistic, cells, limit)
		}
	}
}

func trials(n int64, p float64) func(*rand.Rand) int64 {
	return func(r *rand.Rand) int64 { return binomial(r, n, p) }
}

func urns(all, marked, drawn int64) func(*rand.Rand) int64 {
	return func(r *rand.Rand) int64 { return hypergeometric(r, all, marked, drawn) }
}

// hyper is the probability of k marked among drawn ones.
func hyper(all, marked, drawn float64) func(k float64) float64 {
	choose := func(n, k float64) float64 {
		a, _ := math.Lgamma(n + 1)
		b, _ := math.Lgamma(k + 1)
		c, _ := math.Lgamma(n - k + 1)
		return a - b - c
	}
	return func(k float64) float64 {
		return math.Exp(choose(marked, k) + choose(all-marked, drawn-k) - choose(all, drawn))
	}
}

// What must be is, and what cannot be is not.
func TestDrawsAtTheEnds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		n, p := r.Int64N(1_000_000_000), r.Float64()
		marked := r.Int64N(n + 1)
		drawn := r.Int64N(n + 1)
		if got := binomial(r, n, p); got < 0 || got > n {
			t.Fatalf("binomial(%d, %v) = %d", n, p, got)
		}
		if got := hypergeometric(r, n, marked, drawn); got < max(0, drawn-(n-marked)) || got > min(marked, drawn) {
			t.Fatalf("hypergeometric(%d, %d, %d) = %d", n, marked, drawn, got)
		}
		if a, b, c := binomial(r, n, 0), binomial(r, n, 1), hypergeometric(r, n, n, drawn); a != 0 || b != n || c != drawn {
			t.Fatalf("of %d: none is %d, all are %d; %d drawn of marked ones are %d", n, a, b, drawn, c)
		}
	}
}

package resources

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// proof is a model with quantities whose values are known.
type proof struct {
	model string
	// noise is the standard deviation of the noisiest quantity, relative to its value, times the square root of the
	// arrivals: measured once, to plan how many arrivals it takes.
	noise      float64
	quantities []quantity
	replicate  func(run) ([]float64, error) // in the order of quantities
}

type quantity struct {
	name    string
	formula float64
	// approximate says that the formula is not exact, so that a long run may leave the interval, but not the 1 %.
	approximate bool
}

// queueing is a proof of a shop.
func queueing(model string, noise float64, s shop, read func(*visitors) []float64, quantities ...quantity) proof {
	return proof{model, noise, quantities, func(r run) ([]float64, error) {
		v, err := s.open(r)
		if err != nil {
			return nil, err
		}
		return read(v), nil
	}}
}

func mmc(c int, rho, noise float64) proof {
	s := shop{[]Capacity{{Cores: c}}, []float64{rho * float64(c)}, exponential, true}
	name, lq := fmt.Sprintf("M/M/%d rho=%.2f", c, rho), rho*float64(c)*mmcWait(c, rho)
	return queueing(name, noise, s, func(v *visitors) []float64 {
		return []float64{v.wait(0), v.late(), v.p99(), v.queue()}
	}, quantity{"Wq", mmcWait(c, rho), false}, quantity{"P(wait)", erlangC(c, rho), false},
		quantity{"p99 wait", mmcQuantile(c, rho, 0.99), false}, quantity{"Lq", lq, false})
}

func lossy(c, k int, rho, loss, noise float64) proof {
	s := shop{[]Capacity{{Cores: c, Jobs: k}}, []float64{rho * float64(c)}, exponential, false}
	return queueing(fmt.Sprintf("M/M/%d/%d a=%g", c, k, rho*float64(c)), noise, s, func(v *visitors) []float64 {
		return []float64{v.loss()}
	}, quantity{"loss", loss, false})
}

func mg1(kind string, service law, cv2, rho, noise float64) proof {
	s := shop{[]Capacity{{Cores: 1}}, []float64{rho}, service, false}
	return queueing(fmt.Sprintf("%s rho=%.2f", kind, rho), noise, s, func(v *visitors) []float64 {
		return []float64{v.wait(0)}
	}, quantity{"Wq", mg1Wait(rho, cv2), false})
}

func sharedProof(service law, cv2, noise float64) proof {
	s := shop{[]Capacity{{Cores: 1, Discipline: Sharing}}, []float64{0.8}, service, false}
	return queueing(fmt.Sprintf("M/G/1-PS cv2=%g rho=0.80", cv2), noise, s, func(v *visitors) []float64 {
		return []float64{v.sojourn(0)}
	}, quantity{"W", sharedSojourn(0.8), false})
}

// classes is a proof of two classes; read gives a class's quantity, which should be one of want.
func classes(d Discipline, noise float64, name string, read func(*visitors, int) float64, want []float64) proof {
	s := shop{[]Capacity{{Cores: 1, Discipline: d}}, []float64{0.3, 0.5}, exponential, false}
	model := map[Discipline]string{Priority: "non-preemptive", Preemptive: "preemptive-resume"}[d]
	return queueing(model, noise, s, func(v *visitors) []float64 {
		return []float64{read(v, 0), read(v, 1)}
	}, quantity{name + " first class", want[0], false}, quantity{name + " second class", want[1], false})
}

// proofs are all rows of performance.md section 7.
func proofs() []proof {
	popularity := zipf(10_000, 0.8)
	return []proof{
		mmc(1, 0.5, 9), mmc(1, 0.9, 38), mmc(4, 0.8, 24), mmc(16, 0.95, 62), mmc(64, 0.95, 77),
		lossy(10, 10, 0.8, erlangB(10, 8), 5), lossy(100, 100, 0.9, erlangB(100, 90), 20),
		lossy(1000, 1000, 0.95, erlangB(1000, 950), 96),
		mg1("M/D/1", constant, 0, 0.5, 6), mg1("M/D/1", constant, 0, 0.8, 10), mg1("M/D/1", constant, 0, 0.95, 29),
		mg1("M/G/1 cv2=4", hyperexponential(4), 4, 0.5, 10), mg1("M/G/1 cv2=4", hyperexponential(4), 4, 0.8, 22),
		mg1("M/G/1 cv2=4", hyperexponential(4), 4, 0.95, 60),
		sharedProof(constant, 0, 10), sharedProof(exponential, 1, 10), sharedProof(hyperexponential(9), 9, 24),
		lossy(1, 10, 0.9, mm1kLoss(10, 0.9), 12), lossy(1, 10, 1, mm1kLoss(10, 1), 9),
		lossy(1, 10, 2, mm1kLoss(10, 2), 2),
		classes(Priority, 13, "Wq", (*visitors).wait, cobham(0.3, 0.5)),
		classes(Preemptive, 10, "W", (*visitors).sojourn, preemptive(0.3, 0.5)),
		queueing("two M/M/1 in tandem", 8, shop{[]Capacity{{Cores: 1}, {Cores: 1}}, []float64{0.8}, exponential, false},
			func(v *visitors) []float64 { return []float64{v.sojourn(0)} }, quantity{"W", 2 / (1 - 0.8), false}),
		{"slowest of 1,000", 7, []quantity{{"mean", harmonic(1000), false}}, func(r run) ([]float64, error) {
			mean, err := slowestOf(1000, r)
			return []float64{mean}, err
		}},
		{"LRU 1,000 of 10,000, Zipf 0.8", 2, []quantity{{"hit ratio", che(popularity, 1000), true}},
			func(r run) ([]float64, error) { return []float64{hitRatio(popularity, 1000, r)}, nil }},
		{"two pipelines, defects 1e-3", 34, []quantity{{"both bad", 1e-3 * 1e-3, false}},
			func(r run) ([]float64, error) { return []float64{bothBad(1e-3, r)}, nil }},
	}
}

// result is a quantity as simulated, with the half-widths of its intervals.
type result struct {
	proof
	quantity
	mean, deviation float64
	replications    int
}

// half is the half-width of the confidence interval at a level: Student's t over independent replications.
func (r result) half(level float64) float64 {
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(r.replications - 1)}
	return t.Quantile(1-(1-level)/2) * r.deviation / math.Sqrt(float64(r.replications))
}

func (r result) off() float64      { return math.Abs(r.mean - r.formula) }
func (r result) relative() float64 { return r.mean/r.formula - 1 }

// simulate runs all replications of all proofs, on as many processors as there are; each has a loop and streams of
// its own, so that the results do not depend on that.
func simulate(t *testing.T, seed uint64, p plan) []result {
	all := proofs()
	values := make([][][]float64, len(all))
	var work sync.WaitGroup
	turns := make(chan func())
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for turn := range turns {
				turn()
			}
		})
	}
	for i, of := range all {
		values[i] = make([][]float64, p.replications)
		for k := range p.replications {
			turns <- func() {
				got, err := of.replicate(newRun(seed, fmt.Sprintf("%s/%d", of.model, k), p.arrivals(of)))
				if err != nil {
					t.Errorf("seed %d, %s, replication %d: %v", seed, of.model, k, err)
					got = make([]float64, len(of.quantities))
				}
				values[i][k] = got
			}
		}
	}
	close(turns)
	work.Wait()
	var results []result
	for i, of := range all {
		for j, q := range of.quantities {
			var xs []float64
			for _, got := range values[i] {
				xs = append(xs, got[j])
			}
			mean, deviation := stat.MeanStdDev(xs, nil)
			results = append(results, result{of, q, mean, deviation, p.replications})
		}
	}
	return results
}

// plan is how much of a proof is enough.
type plan struct {
	replications   int
	deviation      float64 // of the mean, relative: what the arrivals are planned for
	fewest, most   float64 // arrivals
	widen          float64 // the intervals, by this factor
	within, noises float64 // relative to the formula, and as many planned deviations
}

var (
	// short takes a second. Replications are too short for the busiest models to forget that they began empty, and with
	// few of them an interval is rough: so it is widened. A model that is wrong by little is what exact_test.go is for.
	short = plan{10, 0.05, 20_000, 80_000, 2, 0.05, 4}
	// long is LIVEORIGIN_PROVE=1.
	long = plan{32, 0.003, 1e7, 2e9, 1, 0.01, 0}
)

// arrivals are those that count in one replication.
func (p plan) arrivals(of proof) int {
	planned := math.Pow(of.noise/p.deviation, 2)
	return int(math.Ceil(min(max(planned, p.fewest), p.most) / float64(p.replications)))
}

// bound is how far from the formula the simulated value may be.
func (p plan) bound(of proof) float64 {
	return max(p.within, p.noises*of.noise/math.Sqrt(float64(p.replications*p.arrivals(of))))
}

// The models' figures are those of queueing theory. With so many quantities, one outside its own 99 % interval is to be
// expected; so each is held to the interval that makes 99 % for all of them together (Bonferroni), and those outside
// their own may not be more than chance explains.
func TestProve(t *testing.T) {
	const seed = 1
	p := short
	if os.Getenv("LIVEORIGIN_PROVE") == "1" {
		p = long
	}
	results := simulate(t, seed, p)
	if t.Failed() {
		return
	}
	exact := slices.DeleteFunc(slices.Clone(results), func(r result) bool { return r.approximate })
	together := 1 - 0.01/float64(len(exact))
	for _, r := range exact {
		if limit := p.widen * r.half(together); r.off() > limit {
			t.Errorf("seed %d, %s, %s: %.6g, formula %.6g: more than %.3g apart", seed, r.model, r.name, r.mean,
				r.formula, limit)
		}
	}
	for _, r := range results {
		if limit := p.bound(r.proof); math.Abs(r.relative()) > limit {
			t.Errorf("seed %d, %s, %s: %.6g, formula %.6g: more than %.1f %% apart", seed, r.model, r.name, r.mean,
				r.formula, 100*limit)
		}
	}
	if p == long {
		tabulate(results, p, seed)
		conclude(t, exact, together)
	}
}

// conclude says how many intervals do not have their formula in them, and whether chance explains it.
func conclude(t *testing.T, exact []result, together float64) {
	outside := 0
	for _, r := range exact {
		if r.off() > r.half(0.99) {
			outside++
		}
	}
	chance := distuv.Binomial{N: float64(len(exact)), P: 0.01}
	most := 0
	for chance.CDF(float64(most)) < 0.9999 {
		most++
	}
	fmt.Printf("%d of %d formulas are outside the 99 %% interval; chance gives %.1f, more than %d once in 10,000.\n",
		outside, len(exact), chance.Mean(), most)
	fmt.Printf("Held to: intervals of %.3f %%, so that all together are 99 %% (Bonferroni), and 1 %% of the formula.\n",
		100*together)
	fmt.Println("Conservation and Little's law, to the nanosecond: every 1,024 arrivals, and when all had left.")
	if outside > most {
		t.Errorf("%d quantities are outside their 99 %% intervals", outside)
	}
}

func tabulate(results []result, p plan, seed uint64) {
	fmt.Printf("seed %d, %d replications each, service times of mean 1\n", seed, p.replications)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "model\tquantity\tformula\tsimulated\t99 % interval\terror\tarrivals\t")
	for _, r := range results {
		note := ""
		switch {
		case r.approximate:
			note = "the formula is approximate"
		case r.off() > r.half(0.99):
			note = "outside"
		}
		half, arrivals := r.half(0.99), float64(p.arrivals(r.proof)*p.replications)
		fmt.Fprintf(w, "%s\t%s\t%.6g\t%.6g\t%.6g to %.6g\t%+.2f %%\t%.1e\t%s\n", r.model, r.name, r.formula, r.mean,
			r.mean-half, r.mean+half, 100*r.relative(), arrivals, note)
	}
	_ = w.Flush()
}

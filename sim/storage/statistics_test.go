package storage

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// exponential is a latency with a mean.
type exponential time.Duration

func (e exponential) draw(r *rand.Rand) time.Duration {
	return time.Duration(float64(e) * r.ExpFloat64())
}

// samples is how many to take: few, or with LIVEORIGIN_PROVE (make prove) many.
func samples(few, many int) int {
	if os.Getenv("LIVEORIGIN_PROVE") != "" {
		return many
	}
	return few
}

// checkMean holds the mean of samples against a closed form: inside the 99 % interval of the means of 20 batches, which
// must be no wider than a part of the mean, or the test would say nothing.
func checkMean(t *testing.T, what string, samples []time.Duration, want time.Duration, part float64) {
	t.Helper()
	const batches = 20
	means := make([]float64, batches)
	for i := range means {
		batch := samples[i*len(samples)/batches : (i+1)*len(samples)/batches]
		for _, s := range batch {
			means[i] += float64(s) / float64(len(batch))
		}
	}
	mean, deviation := stat.MeanStdDev(means, nil)
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: batches - 1}.Quantile(0.995) * deviation / math.Sqrt(batches)
	if math.Abs(mean-float64(want)) > half || half > part*float64(want) {
		t.Errorf("%s: mean %v ± %v, want %v", what, time.Duration(mean), time.Duration(half), want)
	}
}

// Of three exponential answers with mean 1, the first comes after 1/3 on average and the second after 1/3 + 1/2 (order
// statistics: Rényi's representation).
func TestOrderStatistics(t *testing.T) {
	onLoop(t, func(w *world) {
		n := samples(10_000, 1_000_000)
		table := w.ungated(TableConfig{Timeout: time.Hour})
		for _, z := range table.zones {
			z.write, z.read = exponential(600*ms), exponential(600*ms)
		}
		var puts, gets []time.Duration
		for i := range n {
			k := origin.Key{Number: origin.SegmentNumber(i)}
			o := origin.Object{ExpiresAt: w.rt.Now().Add(time.Minute)}
			took, err := w.took(func() error { return table.Put(w.ctx, k, o) })
			if err != nil {
				w.Fatal(err)
			}
			puts = append(puts, took)
			w.sleep(20 * time.Second) // all zones have it
			took, err = w.took(func() error { _, err := table.Get(w.ctx, k, 0); return err })
			if err != nil {
				w.Fatal(err)
			}
			gets = append(gets, took)
		}
		checkMean(t, "fastest of three", gets, 200*ms, 0.05)
		checkMean(t, "quorum of three", puts, 500*ms, 0.05)
	})
}

// Zones on one machine are slow together: a call takes what each of them takes, with none to leave behind and none that is
// quicker.
func TestOneMachine(t *testing.T) {
	onLoop(t, func(w *world) {
		like := Latency{10 * ms, 80 * ms}
		table := w.ungated(TableConfig{Timeout: time.Minute, Replica: ReplicaProfile{Write: like, Read: like, OneMachine: true}})
		for _, z := range table.zones {
			z.write, z.read = like.distribution(), like.distribution()
		}
		const n = 10_000
		puts := w.poisson(n, 1, func() error { return table.Put(w.ctx, key, origin.Object{}) })
		gets := w.poisson(n, 1, func() error { _, err := table.Get(w.ctx, key, 0); return err })
		for what, took := range map[string][]time.Duration{"puts": puts, "gets": gets} {
			slices.Sort(took)
			if p50, p99 := took[n/2], took[n*99/100]; (p50-10*ms).Abs() > ms || (p99-80*ms).Abs() > 8*ms {
				t.Errorf("%s: p50 %v and p99 %v, want %v and %v", what, p50, p99, like.P50, like.P99)
			}
		}
	})
}

// A zone's queue is an M/D/1 when calls come as a Poisson process and are alike: the wait is rho / (2 (1 - rho))
// services (Pollaczek-Khinchine), here 2 of 1 ms at a load of 0.8. All zones have the same queue, and so the call has
// its wait.
func TestQueueOfOperations(t *testing.T) {
	onLoop(t, func(w *world) {
		table := w.ungated(TableConfig{Replica: ReplicaProfile{Capacity: Capacity{Operations: 1000}}})
		n := samples(40_000, 1_000_000)
		took := w.poisson(n, 800, func() error { _, err := table.Get(w.ctx, key, 0); return err })
		checkMean(t, "M/D/1 at 0.8", took, 3*ms, 0.1)
		busy := table.Stats().Zones[0].Busy
		if want := time.Duration(n) * ms; busy != want {
			t.Errorf("busy for %v, want %v", busy, want)
		}
	})
}

// Only the zone that answers a read sends its bytes, so three zones send three times what one can: at a load that one
// could not bear, 1.5 of its capacity, each is half busy.
func TestZonesShareReads(t *testing.T) {
	onLoop(t, func(w *world) {
		table := w.ungated(TableConfig{Replica: ReplicaProfile{Capacity: Capacity{Bytes: 1e6}}})
		if err := table.Put(w.ctx, key, origin.Object{Size: 1000}); err != nil {
			w.Fatal(err)
		}
		w.sleep(time.Second)
		const n = 10_000
		took := w.poisson(n, 1500, func() error { _, err := table.Get(w.ctx, key, 0); return err })
		var longest time.Duration
		for _, d := range took {
			longest = max(longest, d)
		}
		if longest > 20*ms {
			t.Errorf("a read took %v; the others were not asked", longest)
		}
		for _, z := range table.Stats().Zones {
			if part := z.Busy.Seconds() / (n / 1500.0); math.Abs(part-0.5) > 0.2 {
				t.Errorf("zone %s was busy for %v of the time", z.Name, part)
			}
		}
	})
}

// poisson makes calls as a Poisson process with a rate per second, and measures them in the order in which they began.
func (w *world) poisson(n int, rate float64, call func() error) []time.Duration {
	r, took, left := streams.New(1, "arrivals"), make([]time.Duration, n), n
	done := w.rt.NewSignal()
	for i := range n {
		w.sleep(time.Duration(r.ExpFloat64() / rate * float64(time.Second)))
		w.rt.Go(func() {
			took[i], _ = w.took(call)
			if left--; left == 0 {
				done.Fire()
			}
		})
	}
	if err := done.Wait(w.ctx, w.rt.Now().Add(time.Hour)); err != nil {
		w.Fatal(err)
	}
	return took
}

// Episodes take the part of the time that they should: their mean length against that and the mean gap.
func TestEpisodesTakeTheirPart(t *testing.T) {
	length := Latency{200 * ms, 1000 * ms}
	e := newEpisodes(Episodes{Every: 10 * time.Second, Length: length}, streams.New(1, "episodes"))
	active, n := 0, 2_000_000
	for i := range n {
		if e.active(time.Duration(i) * 100 * ms) {
			active++
		}
	}
	sigma := length.distribution().sigma
	mean := 0.2 * math.Exp(sigma*sigma/2)
	if got, want := float64(active)/float64(n), mean/(mean+10); math.Abs(got-want) > 0.03*want {
		t.Errorf("%v of the time, want %v", got, want)
	}
}

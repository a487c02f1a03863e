package calibrate

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/sim/storage"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// Comparison is one kind of call in the open loop, measured and modelled: of one size, or of all sizes together when Bytes
// is zero.
type Comparison struct {
	Kind    Kind
	Bytes   int
	Stopped bool // one zone was: no part of the fit
	Calls   int64
	Points  []Point
}

// Point is one quantile. Off is by how much the model misses it: 0.1 is too slow by a tenth. It lies between Low and High
// with 95 % confidence, as far as too few samples are the reason (bootstrap).
type Point struct {
	Quantile           float64
	Measured, Modelled time.Duration
	Off, Low, High     float64
	// Within says whether that is good enough; it is Unknown with too few calls, and empty where nobody asked.
	Within Verdict
}

// Verdict is whether a point is within its tolerance.
type Verdict string

// The verdicts.
const (
	Yes     Verdict = "yes"
	No      Verdict = "no"
	Unknown Verdict = "unknown"
)

// tolerances are the quantiles that are compared, with how much a model may miss them by, of calls of one size and of all
// sizes together; zero does not ask. A size has too few calls in some minutes at a scenario's load to have a p99.
var tolerances = []struct{ quantile, ofSize, ofAll float64 }{{0.5, 0.10, 0}, {0.9, 0, 0}, {0.99, 0, 0.25}, {0.999, 0, 0}}

// Throughput is a closed loop, measured and modelled, in calls a second.
type Throughput struct {
	Kind               Kind
	Bytes, Callers     int
	Measured, Modelled float64
}

// Within sums the verdicts up: yes when all are, no when one is not; unknown when some are, and none is not. What was
// measured while a zone was stopped does not count.
func (f *Fit) Within() Verdict {
	sum := Yes
	for _, c := range f.Compared {
		for _, p := range c.Points {
			switch {
			case c.Stopped:
			case p.Within == No:
				return No
			case p.Within == Unknown:
				sum = Unknown
			}
		}
	}
	return sum
}

// ExitCode is that of a report's verdict (design.md section 7): 0 for a fit that is good enough, 3 for one that is not, 4
// for one of which that cannot be said.
func (f *Fit) ExitCode() int {
	return map[Verdict]int{Yes: 0, No: 3, Unknown: 4}[f.Within()]
}

// open measures the model under the same open loop, but for longer: what it is compared by should not vary.
func (f *Fit) open() (*Samples, error) {
	plan := f.Samples.Plan
	plan.NoClosed = true
	plan.For = max(plan.For, min(forMost, seconds(modelCalls/plan.Rate/partOpen)))
	return f.model(plan)
}

// closed measures the model in the same closed loops, with next to no open one.
func (f *Fit) closed() (*Samples, error) {
	plan := f.Samples.Plan
	plan.For, plan.Rate = modelFor, 1
	return f.model(plan)
}

func (f *Fit) model(plan Plan) (*Samples, error) {
	plan.Seed++ // other draws than those of a model that was measured
	return Virtually(storage.StoreProfile{Name: "fit", Replica: f.Replica}, plan)
}

// modelCalls is about how many calls of an open loop a model is compared by, and modelFor is for how long its closed loops
// are measured.
const (
	modelCalls = 30_000
	modelFor   = 4 * time.Minute
)

// compare says by how much the model misses what was measured.
func (f *Fit) compare() error { return errors.Join(f.compareOpen(), f.compareClosed()) }

func (f *Fit) compareOpen() error {
	open, err := f.open()
	if err != nil {
		return err
	}
	draws := streams.New(f.Samples.Plan.Seed, "calibrate bootstrap")
	for _, stopped := range []bool{false, true} {
		for _, kind := range kinds {
			for _, bytes := range f.Samples.Plan.Sizes {
				f.compareCells(f.Samples.cell(kind, bytes, 0, stopped), open.cell(kind, bytes, 0, stopped), draws)
			}
			f.compareCells(f.Samples.all(kind, stopped), open.all(kind, stopped), draws)
		}
	}
	return nil
}

// compareCells compares the same calls, measured and modelled; where nothing was measured, there is nothing to compare.
func (f *Fit) compareCells(c, model *Cell, draws *rand.Rand) {
	if c == nil || model == nil {
		return
	}
	one := Comparison{Kind: c.Kind, Bytes: c.Bytes, Stopped: c.Stopped, Calls: c.Took.TotalCount()}
	for _, t := range tolerances {
		one.Points = append(one.Points, Point{Quantile: t.quantile, Measured: c.at(t.quantile), Modelled: model.at(t.quantile)})
	}
	one.judge(c, draws)
	f.Compared = append(f.Compared, one)
}

func (f *Fit) compareClosed() error {
	closed, err := f.closed()
	if err != nil {
		return err
	}
	for _, c := range f.Samples.Cells {
		if c.Callers == 0 {
			continue
		}
		model := closed.cell(c.Kind, c.Bytes, c.Callers, false)
		if model == nil {
			return fmt.Errorf("the model has no %s %s with %d callers", c.Kind, size(c.Bytes), c.Callers)
		}
		f.Closed = append(f.Closed, Throughput{c.Kind, c.Bytes, c.Callers, c.rate(), model.rate()})
	}
	return nil
}

// judge says by how much each point is off, how sure that is, and whether it is good enough.
func (c *Comparison) judge(cell *Cell, draws *rand.Rand) {
	again := bootstrap(cell, draws)
	for i := range c.Points {
		p := &c.Points[i]
		p.Off = off(p.Modelled, p.Measured)
		p.Low, p.High = off(p.Modelled, again[i][resamples*975/1000]), off(p.Modelled, again[i][resamples*25/1000])
		most := tolerances[i].ofSize
		if c.Bytes == 0 {
			most = tolerances[i].ofAll
		}
		switch {
		case most == 0:
		case enough(c.Calls, p.Quantile):
			p.Within = p.verdict(most)
		default:
			p.Within = Unknown
		}
	}
}

// verdict is no only where chance is not the reason.
func (p Point) verdict(most float64) Verdict {
	switch {
	case math.Abs(p.Off) <= most:
		return Yes
	case p.Low > most || p.High < -most:
		return No
	}
	return Unknown
}

// off is by how much of what was measured the model is more.
func off(modelled, measured time.Duration) float64 {
	return float64(modelled-measured) / float64(max(measured, time.Microsecond))
}

// missed is what a model's quantile has to be multiplied by, within reason.
func missed(was, is *hdrhistogram.Histogram, q float64) float64 {
	return min(2, max(0.5, float64(was.ValueAtQuantile(100*q))/float64(max(is.ValueAtQuantile(100*q), 1))))
}

// The bootstrap draws the samples again from the samples, so many times: enough for an interval of 95 %. It draws stretches
// of time with all calls that were due in them, because calls that meet a pause meet it together: drawn one by one they
// would look surer than they are (Künsch's blocks).
const (
	resamples  = 200
	blocks     = 40
	blockLeast = time.Second
)

// bootstrap is what each of the tolerances' quantiles is in samples that are drawn again, in order.
func bootstrap(c *Cell, draws *rand.Rand) (again [][]time.Duration) {
	each := max(blockLeast, c.For/blocks)
	stretches := make([][]time.Duration, (c.For+each-1)/each)
	for _, call := range c.Calls {
		i := min(int(call.Due/each), len(stretches)-1)
		stretches[i] = append(stretches[i], call.Took)
	}
	again = make([][]time.Duration, len(tolerances))
	var drawn []time.Duration
	for range resamples {
		drawn = drawn[:0]
		for range stretches {
			drawn = append(drawn, stretches[draws.IntN(len(stretches))]...)
		}
		slices.Sort(drawn)
		for i, t := range tolerances {
			var q time.Duration
			if n := len(drawn); n > 0 {
				q = drawn[min(n-1, int(t.quantile*float64(n)))]
			}
			again[i] = append(again[i], q)
		}
	}
	for i := range again {
		slices.Sort(again[i])
	}
	return again
}

package calibrate

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/sim/storage"
)

// Fit is a model of what was measured, and by how much it misses.
type Fit struct {
	Samples *Samples
	Replica storage.ReplicaProfile
	// Compared are the open loops, measured and modelled; Closed are the closed ones.
	Compared []Comparison
	Closed   []Throughput
	pauses   pauses
}

// besidePauses is the highest quantile that pauses leave alone: they are rarer than what is beyond it.
const besidePauses = 0.95

// The limits on what is fitted.
const (
	// leastCalls is how many calls of every kind and size there must be: fewer have no p90.
	leastCalls = 50
	// mostFailed is the part of the calls that may fail. A fit knows nothing of failures.
	mostFailed = 0.01
	// roundsLeast and roundsMost are how often the fit is put right by what its model does: the closed forms leave out what
	// calls wait for in queues and behind pauses. The best of them is kept; after the least, to be near is enough: this part
	// of what is tolerated.
	roundsLeast, roundsMost = 3, 30
	closeBy                 = 0.4
	// bodiesFirst is in how many of the rounds only bodies are put right; then queues are, too, where calls still take longer
	// than tooLong times what they should: closed loops are short, and what else the machine did then was taken for a limit.
	bodiesFirst = 4
	tooLong     = 1.05
	// lessForBytes is what is left of the time of a byte in a queue where bodies become shorter with size: what they lack
	// was counted twice.
	lessForBytes = 0.85
)

// Fit finds the figures of one replica under which three of them behave as the table did. What was measured while a zone
// was stopped has no part in it: that is what the fit is tried on.
func (s *Samples) Fit() (*Fit, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	f := &Fit{Samples: s}
	work := newFitting(s)
	f.pauses = work.pauses
	var err error
	if f.Replica, err = f.search(work); err != nil {
		return nil, err
	}
	return f, f.compare()
}

// search runs the model under the load that the table had, and puts it right, until it is close.
func (f *Fit) search(work *fitting) (best storage.ReplicaProfile, err error) {
	least := math.Inf(1)
	for round := range roundsMost {
		replica := work.replica()
		f.Replica = replica
		f.Replica.Pauses = storage.Episodes{} // what is left of the samples has none either
		model, err := f.open()
		if err != nil {
			return best, err
		}
		if misses := work.misses(model); misses < least {
			least, best = misses, replica
		}
		if round >= roundsLeast && least < closeBy {
			break
		}
		work.correct(model)
		if round >= bodiesFirst {
			work.correctQueues(model)
		}
	}
	return best, nil
}

// check refuses samples that say too little.
func (s *Samples) check() error {
	if s.Plan.NoClosed {
		return errors.New("a fit needs closed loops")
	}
	for _, kind := range kinds {
		for _, bytes := range s.Plan.Sizes {
			c := s.cell(kind, bytes, 0, false)
			if c == nil || c.Took.TotalCount() < leastCalls {
				return fmt.Errorf("fewer than %d calls to %s %s; measure for longer", leastCalls, kind, size(bytes))
			}
			if n := c.Took.TotalCount(); float64(c.Failed) > mostFailed*float64(n) {
				return fmt.Errorf("%d of %d calls to %s %s failed; there is no fit of a table that fails", c.Failed, n, kind, size(bytes))
			}
		}
	}
	return nil
}

// fitting is a fit on its way.
type fitting struct {
	samples    *Samples
	pauses     pauses
	level      levels
	upTo       float64 // the highest quantile through which bodies are laid
	capacities map[Kind]capacity
	// By size: how long calls took that did not wait for a pause, and the bodies of a replica that explain it.
	took   map[Kind][]*hdrhistogram.Histogram
	bodies map[Kind][]logNormal
}

func newFitting(s *Samples) *fitting {
	f := &fitting{samples: s, level: apart, upTo: 0.99, capacities: map[Kind]capacity{},
		took: map[Kind][]*hdrhistogram.Histogram{}, bodies: map[Kind][]logNormal{}}
	for _, kind := range kinds {
		f.capacities[kind] = findCapacity(s, kind)
	}
	if s.About.OneMachine {
		f.level = alike // and a pause is a slow call as others are: nobody can tell whose it was
	} else {
		f.lookForPauses()
	}
	for _, kind := range kinds {
		for _, bytes := range s.Plan.Sizes {
			took := f.pauses.outside(s.cell(kind, bytes, 0, false))
			f.took[kind] = append(f.took[kind], took)
			f.bodies[kind] = append(f.bodies[kind], replica(kind, f.level, took, f.capacities[kind].service(bytes), f.upTo))
		}
	}
	return f
}

// lookForPauses finds the calls that waited for one, which then have no part in the bodies.
func (f *fitting) lookForPauses() {
	var puts []*Cell
	var slow []time.Duration
	for _, bytes := range f.samples.Plan.Sizes {
		c := f.samples.cell(Put, bytes, 0, false)
		rough := replica(Put, f.level, c.Took, 0, besidePauses)
		puts = append(puts, c)
		slow = append(slow, seconds(rough.at(f.level(Put, 0.99))))
	}
	f.pauses = findPauses(puts, slow)
	if len(f.pauses.spans) > 0 {
		f.upTo = besidePauses
	}
}

// replica is the profile that follows.
func (f *fitting) replica() storage.ReplicaProfile {
	write, read := grow(f.samples.Plan.Sizes, f.bodies[Put]), grow(f.samples.Plan.Sizes, f.bodies[Get])
	p := storage.ReplicaProfile{OneMachine: f.samples.About.OneMachine, Nodes: max(1, f.samples.About.Nodes)}
	p.Write, p.WriteMiB = write.latencies()
	p.Read, p.ReadMiB = read.latencies()
	p.Capacity, p.ReadCapacity = f.capacities[Put].rates(), f.capacities[Get].rates()
	if p.ReadCapacity == (storage.Capacity{}) && p.Capacity != p.ReadCapacity {
		p.ReadCapacity = storage.Unlimited
	}
	if f.pauses.every > 0 {
		p.Pauses = storage.Episodes{Every: f.pauses.every, Length: storage.Latency{P50: f.pauses.p50, P99: f.pauses.p99}}
	}
	return p
}

func (g grown) latencies() (body, perMiB storage.Latency) {
	return storage.Latency{P50: max(time.Microsecond, seconds(g.p50)), P99: max(time.Microsecond, seconds(g.p99))},
		storage.Latency{P50: seconds(g.mib50), P99: seconds(g.mib99)}
}

func (c capacity) rates() (r storage.Capacity) {
	if c.operation > 0 {
		r.Operations = 1 / c.operation
	}
	if c.perByte > 0 {
		r.Bytes = 1 / c.perByte
	}
	return r
}

// misses is the worst by which the model misses what was measured, as a part of what is tolerated.
func (f *fitting) misses(model *Samples) (worst float64) {
	for _, kind := range kinds {
		for i, bytes := range f.samples.Plan.Sizes {
			by := missed(f.took[kind][i], model.cell(kind, bytes, 0, false).Took, 0.5)
			worst = max(worst, math.Abs(math.Log(by))/tolerances[0].ofSize)
		}
		by := missed(merged(f.took[kind]), model.all(kind, false).Took, f.upTo)
		worst = max(worst, math.Abs(math.Log(by))/tolerances[2].ofAll)
	}
	return worst
}

// correct moves bodies by as much as the model misses their median and their highest quantile; of sizes with too few calls
// for that, by as much as it misses the highest quantile of all sizes.
func (f *fitting) correct(model *Samples) {
	for _, kind := range kinds {
		var modelled []*hdrhistogram.Histogram
		for _, bytes := range f.samples.Plan.Sizes {
			modelled = append(modelled, model.cell(kind, bytes, 0, false).Took)
		}
		all, allModelled := merged(f.took[kind]), merged(modelled)
		for i, is := range modelled {
			was := f.took[kind][i]
			middle := missed(was, is, 0.5)
			if !enough(was.TotalCount(), f.upTo) {
				was, is = all, allModelled
			}
			b := &f.bodies[kind][i]
			b.mu += math.Log(middle)
			if enough(was.TotalCount(), f.upTo) {
				b.sigma = max(0, b.sigma+math.Log(missed(was, is, f.upTo)/middle)/(f.level(kind, f.upTo)-f.level(kind, 0.5)))
			}
		}
	}
}

// correctQueues makes queues quicker by as much as calls take too long in the middle, and their bytes where bodies make up for
// those.
func (f *fitting) correctQueues(model *Samples) {
	for _, kind := range kinds {
		if by := missed(merged(f.took[kind]), model.all(kind, false).Took, 0.5); by*tooLong < 1 {
			c := f.capacities[kind]
			f.capacities[kind] = capacity{by * c.operation, by * c.perByte}
		}
		if sizes := f.bodies[kind]; sizes[0].mu-sizes[len(sizes)-1].mu > math.Log(tooLong) {
			c := f.capacities[kind]
			f.capacities[kind] = capacity{c.operation, lessForBytes * c.perByte}
		}
	}
}

// merged is all latencies in one.
func merged(each []*hdrhistogram.Histogram) *hdrhistogram.Histogram {
	all := newHistogram()
	for _, h := range each {
		all.Merge(h)
	}
	return all
}

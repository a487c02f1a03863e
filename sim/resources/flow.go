package resources

import (
	"errors"
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/sim/loop"
)

// Flow counts the requests through a node: what came in has gone out, or is still there. One Entry may stand for many
// alike requests, its weight. Make one with NewFlow.
type Flow struct {
	loop   *loop.Loop
	counts Counts

	changed   int64 // when occupancy was brought up to date
	occupancy wide  // the integral of requests in flight over time
	sojourn   wide  // the sum of the times that those gone have spent here
	since     wide  // the sum of the instants at which those in flight came
}

// Counts are a Flow's counters since its beginning. All but InFlight only ever grow; what happened in a second is the
// difference of two readings.
type Counts struct {
	Arrived, Answered, Shed, Aborted int64 // requests
	InFlight                         int64 // requests that are here now
	Peak                             int64 // the most that have been here at once
	Bytes                            int64 // of what was answered
	// Occupancy is the integral of InFlight over time, and Sojourn what those gone have spent here, in
	// request-seconds. For reports: Check compares them exactly.
	Occupancy, Sojourn float64
}

// Entry is what a request is given at the entrance, and shows at the exit.
type Entry struct {
	Since  time.Duration // the loop's time at which it came
	Weight int64         // how many alike requests it stands for
}

// Outcome is how a request has left.
type Outcome uint8

// The outcomes.
const (
	Answered Outcome = iota
	Shed             // refused
	Aborted          // given up by who asked
)

// ErrFlow is what Check gives when requests were lost, counted twice, or left with an Entry that was not theirs.
var ErrFlow = errors.New("requests are not conserved")

// NewFlow makes a Flow with nothing in it.
func NewFlow(l *loop.Loop) *Flow { return &Flow{loop: l, changed: int64(l.Elapsed())} }

// Enter counts a request in, or as many alike ones as weight says. Each Entry has to Leave once.
func (f *Flow) Enter(weight int64) Entry {
	now := f.settle()
	f.counts.Arrived += weight
	f.counts.InFlight += weight
	f.counts.Peak = max(f.counts.Peak, f.counts.InFlight)
	f.since.add(weight, now)
	return Entry{time.Duration(now), weight}
}

// Leave counts it out. Bytes are those of one answer.
func (f *Flow) Leave(e Entry, o Outcome, bytes int64) {
	now := f.settle()
	switch o {
	case Answered:
		f.counts.Answered += e.Weight
		f.counts.Bytes += e.Weight * bytes
	case Shed:
		f.counts.Shed += e.Weight
	case Aborted:
		f.counts.Aborted += e.Weight
	}
	f.counts.InFlight -= e.Weight
	f.since.sub(e.Weight, int64(e.Since))
	f.sojourn.add(e.Weight, now-int64(e.Since))
}

// Refuse counts a request that is shed at the entrance, and so never was here.
func (f *Flow) Refuse(weight int64) {
	f.counts.Arrived += weight
	f.counts.Shed += weight
}

// settle brings the integral up to now.
func (f *Flow) settle() int64 {
	now := int64(f.loop.Elapsed())
	if now != f.changed {
		f.occupancy.add(f.counts.InFlight, now-f.changed)
		f.changed = now
	}
	return now
}

// Counts reads the counters.
func (f *Flow) Counts() Counts {
	f.settle()
	c := f.counts
	c.Occupancy, c.Sojourn = f.occupancy.float()/1e9, f.sojourn.float()/1e9
	return c
}

// Check holds the flow to conservation and to Little's law (Little, "A proof for the queuing formula L = lambda W",
// Operations Research 9, 1961), which over any finite time is an identity, and so is compared to the nanosecond:
//
//	integral of requests in flight = time spent by those gone + time spent so far by those in flight
func (f *Flow) Check() error {
	now := f.settle()
	c := f.counts
	if gone := c.Answered + c.Shed + c.Aborted; c.InFlight < 0 || c.Arrived != gone+c.InFlight {
		return fmt.Errorf("%w: %d arrived; %d answered, %d shed, %d aborted, %d in flight",
			ErrFlow, c.Arrived, c.Answered, c.Shed, c.Aborted, c.InFlight)
	}
	var spent wide
	spent.add(c.InFlight, now)
	if f.occupancy.plus(f.since) != f.sojourn.plus(spent) {
		return fmt.Errorf("%w: Little's law is off by %v request-seconds", ErrFlow,
			(f.occupancy.float()+f.since.float()-f.sojourn.float()-spent.float())/1e9)
	}
	if c.InFlight == 0 && f.since != (wide{}) {
		return fmt.Errorf("%w: somebody left twice, and somebody not at all", ErrFlow)
	}
	return nil
}

package calibrate

import (
	"cmp"
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Plan says how a table is measured. The zero value but for Runtime and Region is a sound one.
type Plan struct {
	Runtime origin.Runtime
	Region  string
	// Beside are other regions of the target, which get the same load but are not measured: where they share a machine, what
	// is to be known is what a region can do while the others do as much.
	Beside []string
	// Zone is the one to be stopped; none is when it is empty, or when the Target cannot.
	Zone string
	Seed uint64
	// For is how long it takes in all, but for the stopping and starting of a zone; zero means DefaultFor.
	For time.Duration
	// Sizes are those of the rows, in bytes; none means DefaultSizes.
	Sizes []int
	// Callers are how many there are in a closed loop, in ascending order, from 1 on; none means DefaultCallers.
	Callers []int
	// Rate is how many calls a second the open loop makes; zero means a third of what the closed loops reached.
	Rate float64
	// Burst is how many calls of a kind come at once, as all renditions of a segment do; zero means one.
	Burst int
	// Timeout bounds a call; zero means DefaultTimeout.
	Timeout time.Duration
	// NoClosed leaves the closed loops out; Rate must be given then.
	NoClosed bool
}

// What a Plan that says nothing gets.
const (
	DefaultFor     = 5 * time.Minute
	DefaultRate    = 8. // of the command
	DefaultBurst   = 4  // of the command
	DefaultTimeout = 2 * time.Second
)

// What a Plan that says nothing gets.
var (
	DefaultSizes   = []int{2 << 10, 64 << 10, 512 << 10}
	DefaultCallers = []int{1, 2, 8}
)

// The limits on a plan.
const (
	forLeast, forMost = time.Second, 12 * time.Hour
	sizeMost          = 16 << 20
	callersMost       = 1000
	// rateShare is the part of what a table can do that the open loop asks for: little enough that queues stay short.
	rateShare = 1. / 3
	rateMost  = 2000
	burstMost = 100
	// outstandingMost is how many calls of the open loop are under way at once. Those that are due meanwhile wait, and their
	// wait counts.
	outstandingMost = 1024
	// callsMost bounds what is remembered of the calls of an open loop.
	callsMost = 2_000_000
)

// The parts of the time that each kind of phase has.
const (
	partWarm    = 0.05
	partClosed  = 0.10
	partOpen    = 0.70
	partStopped = 0.15
)

// Complete fills in what is not said, and refuses what cannot be.
func (p Plan) Complete() (Plan, error) {
	p.For = cmp.Or(p.For, DefaultFor)
	p.Timeout = cmp.Or(p.Timeout, DefaultTimeout)
	p.Burst = cmp.Or(p.Burst, 1)
	if len(p.Sizes) == 0 {
		p.Sizes = DefaultSizes
	}
	if len(p.Callers) == 0 {
		p.Callers = DefaultCallers
	}
	if p.For < forLeast || p.For > forMost {
		return p, fmt.Errorf("measure for %v: not between %v and %v", p.For, forLeast, forMost)
	}
	for i, n := range p.Sizes {
		if n < 1 || n > sizeMost || i > 0 && n <= p.Sizes[i-1] {
			return p, fmt.Errorf("sizes %v: each must be between 1 and %d bytes, in ascending order", p.Sizes, sizeMost)
		}
	}
	for i, n := range p.Callers {
		if i == 0 && n != 1 || n > callersMost || i > 0 && n <= p.Callers[i-1] {
			return p, fmt.Errorf("callers %v: from 1 to %d, in ascending order", p.Callers, callersMost)
		}
	}
	if p.Rate < 0 || p.Rate > rateMost || p.NoClosed && p.Rate == 0 {
		return p, fmt.Errorf("%v calls a second: not between 0 and %d", p.Rate, rateMost)
	}
	if p.Burst < 1 || p.Burst > burstMost {
		return p, fmt.Errorf("%d calls at once: not between 1 and %d", p.Burst, burstMost)
	}
	return p, p.bounded()
}

// bounded refuses more calls than are remembered.
func (p Plan) bounded() error {
	if each := p.part(partOpen); p.Rate*each.Seconds() > callsMost {
		return fmt.Errorf("%v at %.0f calls a second: more than %d calls", each, p.Rate, callsMost)
	}
	return nil
}

// part is a share of the time.
func (p Plan) part(share float64) time.Duration { return time.Duration(share * float64(p.For)) }

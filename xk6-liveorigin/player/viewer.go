package player

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// viewer is one of an audience.
type viewer struct {
	*audience
	index  int
	class  Class
	offset time.Duration
	behind Number // how many segments behind live a DVR viewer watches
	order  []int  // edges, the home first
	plays  []int  // renditions: the video, then the audio
	random *rand.Rand
	left   atomic.Bool // told that there is nothing more to come

	mu       sync.Mutex // for what fetches share
	flying   int
	last     [2]received     // by place in plays
	unwanted []time.Duration // until when an edge is avoided, by place in order; nil until one is
}

// received is a segment that came.
type received struct {
	number   Number
	pipeline string
}

const (
	offsetMost  = 100 * time.Millisecond
	flyingMost  = 128             // fetches of one viewer at once
	avoidance   = 5 * time.Second // of an edge that could not be reached
	jumpCadence = 250 * time.Millisecond
	behindLeast = 10 * time.Second
)

// missedFull is the reason of a segment that was not asked for because the viewer waits for too many others.
const missedFull = "too many in flight"

// streams are what draws are made for; each has a random stream of its own, so that one does not disturb another.
const (
	streamViewer uint64 = iota + 1
	streamShare
	streamJitter
)

// stream makes a random stream of a seed and the place of what it is for.
func stream(seed, what, vu, index uint64) *rand.Rand {
	const odd = 0x9e3779b97f4a7c15 // spreads small numbers over all bits
	return rand.New(rand.NewPCG(seed^what*odd, vu<<32^index*odd))
}

func (a *audience) viewer(i int) *viewer {
	place := i + int(a.vu-1) // so that many VUs of one viewer each do not all have the same home
	v := &viewer{
		audience: a, index: i, class: Live, random: stream(a.options.Seed, streamViewer, a.vu, uint64(i)),
		order: a.orders[place%len(a.orders)],
		plays: a.sets[place/len(a.orders)%len(a.sets)],
	}
	v.offset = offset(place, len(a.orders)*len(a.sets))
	if a.dvr[i] {
		v.class = DVR
	}
	return v
}

// golden is the fraction of the golden ratio: its multiples, less whole numbers, spread most evenly.
const golden = 0.6180339887498949

// offset is how long after availability a viewer asks, below offsetMost. The viewers of an edge and a rendition, of which
// there are so many cells, are spread evenly over that time however few they are (the van der Corput sequence in base 2),
// and each cell begins elsewhere: a median of 200 viewers must not depend on luck.
func offset(place, cells int) time.Duration {
	spread := float64(bits.Reverse32(uint32(place/cells))) / (1 << 32)
	_, fraction := math.Modf(spread + (float64(place%cells)+0.5)*golden)
	return time.Duration(fraction * float64(offsetMost))
}

// watch asks for one segment after the other, each at its intended time, until the event or the plan ends.
func (v *viewer) watch(ctx context.Context, joins time.Duration) {
	first := v.event.next(joins)
	if v.class == DVR {
		v.behind = v.distance(first)
	}
	clock := time.NewTimer(time.Hour)
	defer clock.Stop()
	scrub := v.class == DVR && v.options.Scrub.Until > joins
	for n := first; n <= v.event.last() && v.event.available(n) <= v.until; n++ {
		intended := v.event.available(n) + v.offset
		if scrub && intended >= v.options.Scrub.From {
			scrub = false
			if !v.scrub(ctx, clock, joins) {
				return
			}
			n = max(n, v.event.next(v.options.Scrub.Until)) - 1
			continue
		}
		if !v.sleepUntil(ctx, clock, intended) || v.left.Load() {
			return
		}
		if n-v.behind < v.event.StartNumber {
			continue
		}
		for _, rendition := range v.plays {
			v.ask(ctx, v.event.available(n), intended, n-v.behind, rendition, false)
		}
	}
}

// distance draws how many segments behind live a DVR viewer watches: within ten seconds and the time-shift buffer, as far
// as the event is old enough. In an event that is younger than that, the viewer waits for its first segment.
func (v *viewer) distance(first Number) Number {
	e := v.event
	most := Number(e.TimeShiftBuffer/e.Segment) - 2
	least := max(1, min(most, Number((behindLeast+e.Segment-1)/e.Segment)))
	most = max(least, min(most, first-e.StartNumber))
	return least + Number(v.random.Int64N(int64(most-least+1)))
}

// scrub jumps about in the time-shift buffer, from the later of the window's beginning and the viewer's coming; false when
// the viewer does not go on.
func (v *viewer) scrub(ctx context.Context, clock *time.Timer, joins time.Duration) bool {
	e, w := v.event, v.options.Scrub
	for t := max(w.From, joins); t < w.Until && t <= v.until; t += jumpCadence {
		intended := t + v.offset
		if !v.sleepUntil(ctx, clock, intended) || v.left.Load() {
			return false
		}
		newest := min(e.next(intended-e.PublishDelay)-1, e.last())
		oldest := max(e.StartNumber, newest-Number(e.TimeShiftBuffer/e.Segment)+2)
		if newest < oldest {
			continue
		}
		n := oldest + Number(v.random.Int64N(int64(newest-oldest+1)))
		v.ask(ctx, intended, intended, n, v.plays[0], true)
	}
	return true
}

// ask begins a fetch. It never waits: not for this segment, and not for those before.
func (v *viewer) ask(ctx context.Context, due, intended time.Duration, n Number, rendition int, jump bool) {
	f := &fetch{
		Outcome: Outcome{
			Number: n, Rendition: rendition, Edge: v.order[0], Phase: v.options.phaseAt(intended), Class: v.class,
			Available: v.event.available(n), Intended: intended,
		},
		viewer: v, due: due, giveUp: intended + v.options.Buffer + v.event.Segment, jump: jump,
		check: v.options.CheckEvery > 0 && (int64(n)+int64(v.index))%int64(v.options.CheckEvery) == 0,
	}
	if !v.takeOff() {
		f.Missed = missedFull
		v.report(&f.Outcome)
		return
	}
	v.fetches.Add(1)
	go func() {
		defer v.fetches.Done()
		if f.run(ctx) {
			v.report(&f.Outcome)
		}
		v.land()
	}()
}

func (v *viewer) takeOff() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.flying >= flyingMost {
		return false
	}
	v.flying++
	return true
}

func (v *viewer) land() {
	v.mu.Lock()
	v.flying--
	v.mu.Unlock()
}

// sleepUntil returns true at an instant, or false as soon as ctx is done.
func (v *viewer) sleepUntil(ctx context.Context, clock *time.Timer, t time.Duration) bool {
	clock.Reset(t - v.event.now())
	select {
	case <-ctx.Done():
		return false
	case <-clock.C:
		return true
	}
}

// switched says whether a segment is of another pipeline than the one before it. One that was overtaken by its successor
// has nothing to say.
func (v *viewer) switched(rendition int, n Number, pipeline string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	last := &v.last[0]
	if rendition != v.plays[0] {
		last = &v.last[1]
	}
	if pipeline == "" || n < last.number {
		return false
	}
	before := last.pipeline
	*last = received{n, pipeline}
	return before != "" && before != pipeline
}

// avoid leaves an edge alone that could not be reached, so that not every segment has to find that out again.
func (v *viewer) avoid(edge int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.unwanted == nil {
		v.unwanted = make([]time.Duration, len(v.order))
	}
	for i, e := range v.order {
		if e == edge {
			v.unwanted[i] = v.event.now() + avoidance
		}
	}
}

// firstEdge is the place in order of the first edge that is not avoided; the home when all are.
func (v *viewer) firstEdge(now time.Duration) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, until := range v.unwanted {
		if now >= until {
			return i
		}
	}
	return 0
}

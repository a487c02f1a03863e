package audience

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"sort"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
)

// rules are how viewers behave, whoever draws for them: counts or agents. The unit of time is a turn, one segment long.
type rules struct {
	timeline
	scenarios.Audience
	curve curve
	homes []home
	seats []int32
	sets  int // what there is to play, where viewers do not adapt
	// groups is how many kinds of viewer a home has: of each class of link and each set.
	groups     int
	classes    int // of links: 1, or links
	renditions int

	comers int64   // viewers who come in the course of the event
	came   []int64 // viewers who have come, by turn
	dvr    int64   // comers who watch behind live for good

	changes []float64 // by home: the probability that a viewer's class of link changes in a turn
	rewinds float64   // and that one goes back
	returns float64   // and that one who did returns
	silent  int       // turns without a segment after which one more makes a viewer restart
	bins    []float64 // the probability that a restart falls into the first turn, the second, ...
}

// newRules works out the rules of a configuration.
func newRules(c *Config) (*rules, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	sets, err := ladder(&c.Event, c.Audience.Ladder)
	switch {
	case c.Audience.Adaptive:
		sets = make([][]int, 1)
	case err != nil:
		return nil, err
	}
	r := &rules{
		timeline: newTimeline(&c.Event), Audience: c.Audience, seats: seats(c.Edges), sets: len(sets), classes: 1,
		renditions: len(c.Event.Renditions),
	}
	r.curve = curve{c.Audience.Viewers, c.Audience.Curve, r.length}
	for _, e := range c.Edges {
		if c.Audience.Adaptive || e.Access != nil && e.Access.Median > 0 {
			r.classes = links
		}
	}
	r.groups = r.classes * r.sets
	for i := range c.Edges {
		r.homes = append(r.homes, r.newHome(c.Edges, i, &c.Event, sets))
	}
	r.rate()
	return r, nil
}

func (c *Config) check() error {
	switch {
	case len(c.Edges) == 0:
		return errors.New("an audience needs an edge to ask")
	case c.Event.End.IsZero():
		return errors.New("an audience needs an event that ends")
	case c.Out == nil:
		return errors.New("an audience needs somewhere to write to")
	}
	for _, e := range c.Edges {
		if e.Getter == nil || e.Alike < 1 {
			return fmt.Errorf("edge %s has no getter, or stands for %d edges", e.Name, e.Alike)
		}
	}
	return c.Event.Validate()
}

// rate makes probabilities of a turn out of what scenarios say about minutes.
func (r *rules) rate() {
	perTurn := func(mean time.Duration) float64 {
		if mean == 0 {
			return 0
		}
		return 1 - math.Exp(-float64(r.segment)/float64(mean))
	}
	for i := range r.homes {
		r.changes = append(r.changes, perTurn(r.homes[i].access.Steady))
	}
	r.rewinds = 1 - math.Pow(1-r.Rewinds, float64(r.segment)/float64(time.Minute))
	r.returns = perTurn(stay)
	if r.restarting() {
		r.silent = int(r.Restarts.After / r.segment)
		for rest := max(r.Restarts.Within, 1); rest > 0; rest -= r.segment {
			r.bins = append(r.bins, float64(min(rest, r.segment))/float64(max(r.Restarts.Within, 1)))
		}
	}
}

func (r *rules) restarting() bool { return r.Restarts.After > 0 }

// attend counts who comes, turn by turn, and draws how many of them watch behind live: exactly the share of all, or
// one of the two numbers next to it in the proportion that makes the share right on average, as the wall clock's
// viewers do.
func (r *rules) attend(random *rand.Rand) {
	before := 0
	for n := r.first; n <= r.final; n++ {
		now := r.curve.at(r.available(n))
		r.comers += int64(max(0, now-before))
		r.came = append(r.came, r.comers)
		before = now
	}
	r.dvr = min(r.comers, int64(r.DVRShare*float64(r.comers)+random.Float64()))
}

// distance draws how many segments behind live a viewer is who watches there for good and whose first turn was n:
// within ten seconds and the time-shift buffer, as far as the event is old enough. In an event that is younger, the
// viewer waits for its first segment.
func (r *rules) distance(random *rand.Rand, n origin.SegmentNumber) origin.SegmentNumber {
	most := r.deepest()
	least := max(1, min(most, origin.SegmentNumber((behindLeast+r.segment-1)/r.segment)))
	most = max(least, min(most, n-r.first))
	return least + origin.SegmentNumber(random.Int64N(int64(most-least+1)))
}

// comer draws the first turn of one of the viewers who have come up to turn n.
func (r *rules) comer(random *rand.Rand, n origin.SegmentNumber) origin.SegmentNumber {
	came := r.came[:n-r.first+1]
	i := random.Int64N(max(1, came[len(came)-1]))
	return r.first + origin.SegmentNumber(sort.Search(len(came)-1, func(k int) bool { return came[k] > i }))
}

// rewound draws how far behind live a viewer is who has gone back: anywhere in the buffer; false before there is one.
func (r *rules) rewound(random *rand.Rand, n origin.SegmentNumber) (origin.SegmentNumber, bool) {
	most := min(r.deepest(), n-r.first)
	if most < 1 {
		return 0, false
	}
	return 1 + origin.SegmentNumber(random.Int64N(int64(most))), true
}

// offset is how long after availability the m-th viewer of a cell asks, below offsetMost: evenly spread however few
// they are (the van der Corput sequence in base 2), and each cell begins elsewhere, as on the wall clock.
func offset(m int64, cell int) time.Duration {
	const golden = 0.6180339887498949
	even := float64(bits.Reverse32(uint32(m))) / (1 << 32)
	_, fraction := math.Modf(even + (float64(cell)+0.5)*golden)
	return time.Duration(fraction * float64(offsetMost))
}

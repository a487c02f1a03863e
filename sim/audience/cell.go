package audience

import (
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// cell is the viewers of one home and class who play one rendition. It is cut into slices, of which each asks once for
// all its viewers.
type cell struct {
	home      int
	class     class
	rendition int
	slots     []*slot // by slice

	parts []part // of this turn
	size  int64  // of them all
	// asked is how many viewers have asked since the turn began, and came how many of them, or of those before, got
	// something.
	asked, came int64
}

// part is the viewers of a cell who are alike.
type part struct {
	mode  mode
	group int
	n     int64
}

// slot is what a slice remembers from segment to segment. A slice of one viewer is that viewer.
type slot struct {
	avoided  []time.Duration // until when, by place in the home's order; nil until an edge is
	number   origin.SegmentNumber
	pipeline string               // of that segment
	distance origin.SegmentNumber // behind live, of one who watches there for good
	left     bool                 // its viewers were told that there is nothing more to come
	read     reader
}

// Fetches are what a replay's time goes into, so a turn has a budget of them. A cell is cut into as many slices as it
// has viewers while all cells together stay within the budget, but into no more than slicesMost; beyond, into half as
// many, again and again, down to slicesLeast.
const slicesMost = 64

var (
	fetchBudget = [classes]int64{live: 5_000, dvr: 2_500}
	slicesLeast = [classes]int{live: 2, dvr: 1}
)

// share is the part of the viewers who got something since the turn began; one where nobody asked.
func (c *cell) share() float64 {
	share := 1.0
	if c.came < c.asked {
		share = float64(c.came) / float64(c.asked)
	}
	c.asked, c.came = 0, 0
	return share
}

// slice finds out who is in which cell, and into how many slices cells are cut.
func (a *Audience) slice() {
	for i := range a.cells {
		a.fill(&a.cells[i])
	}
	for class := range classes {
		a.cut[class] = slicesMost
		for a.cut[class] > slicesLeast[class] && a.fetches(class) > fetchBudget[class] {
			a.cut[class] /= 2
		}
	}
}

// fetches is how many fetches the cells of a class come to.
func (a *Audience) fetches(c class) (sum int64) {
	for i := range a.cells {
		if a.cells[i].class == c {
			sum += min(a.cells[i].size, int64(a.cut[c]))
		}
	}
	return sum
}

// fill lists a cell's parts; those behind live for good first, so that their slots stay theirs.
func (a *Audience) fill(c *cell) {
	c.parts, c.size = c.parts[:0], 0
	watching := a.people.census().watching
	for m := modes - 1; m >= 0; m-- {
		if m.class() != c.class || m == behind && a.scrubbing(a.available(a.number)) {
			continue
		}
		for _, g := range a.homes[c.home].players[c.rendition] {
			if n := watching[a.place(c.home, m, g)]; n > 0 {
				c.parts = append(c.parts, part{m, g, n})
				c.size += n
			}
		}
	}
}

// plan adds a cell's fetches to those of this turn.
func (a *Audience) plan(c *cell) {
	due := a.available(a.number)
	k := min(c.size, int64(a.cut[c.class]))
	for j := range k {
		after := a.offsetOf(c, j, k)
		if a.Refresh {
			after = a.phaseOf(c, j, k)
		}
		a.wave.add(asking{at: due + after, cell: c, slice: j, slices: k})
	}
}

// ask begins the fetch of one slice, unless there is nothing to ask for yet.
func (a *Audience) ask(s *asking) {
	c := s.cell
	slot := a.slot(c, int(s.slice))
	if slot.left {
		return
	}
	distance, ok := a.distanceOf(c, slot, s.slice, s.slices)
	n := a.number - distance
	if !ok || n < a.first {
		return
	}
	f := a.fetch(c, slot, n)
	f.deal(c.parts, s.slice, s.slices)
	f.certain = c.class == live || c.size == s.slices
	f.check = a.checks(f.viewers, n, s.slice)
	if a.Refresh {
		f.read(s.at)
		return
	}
	f.time(a.available(a.number), s.at, sliceOf(offsetMost, c.size, s.slices))
	c.asked += f.viewers
	a.launch(f)
}

// slot is slice j's memory. Whoever comes first to watch behind live for good keeps the distance.
func (a *Audience) slot(c *cell, j int) *slot {
	for len(c.slots) <= j {
		s := new(slot)
		if c.class == dvr {
			s.distance = a.distance(a.slots, a.number)
		}
		c.slots = append(c.slots, s)
	}
	return c.slots[j]
}

// at finds a cell's v-th viewer: the part, and the place in it.
func (c *cell) at(v int64) (p part, m int64) {
	for _, p = range c.parts {
		if v < p.n {
			return p, v
		}
		v -= p.n
	}
	return p, 0
}

// distanceOf is how far behind live slice j of k asks; false when there is nothing that far behind. Many viewers behind
// live are at many distances, of which the slice takes that of one of them, another in each turn.
func (a *Audience) distanceOf(c *cell, s *slot, j, k int64) (origin.SegmentNumber, bool) {
	if c.class == live {
		return 0, true
	}
	v := j
	if c.size > k {
		v = a.slots.Int64N(c.size)
	}
	switch p, _ := c.at(v); {
	case p.mode == wentBack:
		return a.rewound(a.slots, a.number)
	case c.size > k:
		return a.distance(a.slots, a.comer(a.slots, a.number)), true
	}
	return s.distance, true
}

// offsetOf is how long after availability slice j of k asks: a viewer at its own offset; one of many when the slice's
// first viewer does.
func (a *Audience) offsetOf(c *cell, j, k int64) time.Duration {
	if c.size > k {
		return offsetMost * time.Duration(j) / time.Duration(k)
	}
	p, m := c.at(j)
	return offset(m, p.group%a.sets*len(a.homes)+c.home)
}

// sliceOf is the part of a stretch of time over which the viewers of one of k slices are spread; none for a single one.
func sliceOf(stretch time.Duration, size, k int64) time.Duration {
	if size == k {
		return 0
	}
	return stretch / time.Duration(k)
}

// deal gives the fetch its viewers.
func (f *fetch) deal(parts []part, j, k int64) {
	f.viewers, f.byLink = 0, [links]int64{}
	deal(parts, j, k, func(p part, n int64) {
		f.viewers += n
		f.byLink[p.group/f.audience.sets] += n
	})
}

// deal tells how many of each part are in slice j of k. Viewers are dealt like cards: the v-th to slice v modulo k, so that
// slices differ by one viewer at most, and each has its share of every part.
func deal(parts []part, j, k int64, to func(p part, n int64)) {
	until := func(v int64) int64 { return (v + k - 1 - j) / k } // how many of the first v are dealt to j
	before := int64(0)
	for _, p := range parts {
		to(p, until(before+p.n)-until(before))
		before += p.n
	}
}

// checks is how many of a slice's viewers have the bytes checked: each in turn.
func (a *Audience) checks(viewers int64, n origin.SegmentNumber, j int64) int64 {
	every := int64(a.CheckEvery)
	if every == 0 || a.config.Digest == nil {
		return 0
	}
	return (viewers + (int64(n)+j)%every) / every
}

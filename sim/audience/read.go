package audience

import (
	"math"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Viewers who do not know the template read the playlist of what they play again and again, a segment's duration apart,
// each at its own phase, and ask for what is new in it:
//
//	available(n)     listed: expected publish       read            asked
//	|----------------|-------- an edge keeps --------|--- trip -----|
//	                 the list for a second before
//
// Slices of many read once for all their viewers, at phases that are spread as those of single ones are.

// reader is what a slice remembers of what it has read.
type reader struct {
	turn  int                  // in which it read last
	asked origin.SegmentNumber // the newest that it has asked for
}

// unlisted is the reason of a segment that had come and gone when a list was there to read again.
const unlisted = "no playlist"

// phaseOf is how long after a turn's beginning slice j of k reads.
func (a *Audience) phaseOf(c *cell, j, k int64) time.Duration {
	if c.size == k {
		p, m := c.at(j)
		return time.Duration(float64(offset(m, p.group%a.sets*len(a.homes)+c.home)) / float64(offsetMost) * float64(a.segment))
	}
	const golden = 0.6180339887498949
	_, fraction := math.Modf((float64(j)+0.5)/float64(k) + float64(c.home)*golden)
	return time.Duration(fraction * float64(a.segment))
}

// read begins to read, on behalf of viewers who would ask for the fetch's segment if they knew the template. Who did not
// read in the turn before has just come, as far as the slice knows, and wants no more than the newest.
func (f *fetch) read(at time.Duration) {
	r := &f.slot.read
	if r.turn != f.audience.turn.number-1 {
		r.asked = 0
	}
	r.turn = f.audience.turn.number
	f.kind, f.wanted, f.number = reading, f.number, origin.Playlist
	f.time(at, at, 0)
	f.audience.launch(f)
}

// learn asks for what is new in a list: at the live edge for all of it, but what the viewers' buffer is too short for is
// given up; behind live for what they would ask for anyway, if it is there.
func (f *fetch) learn(s *sum, newest origin.SegmentNumber) {
	a, r := f.audience, &f.slot.read
	from := max(newest, a.first)
	switch {
	case f.cell.class == dvr:
		newest = min(f.wanted, newest)
		from = newest
	case r.asked > 0:
		from = max(r.asked+1, newest-origin.SegmentNumber(a.Buffer/a.segment))
		f.skip(s, r.asked+1, from)
	}
	r.asked = max(r.asked, newest)
	if from > newest || from < a.first || a.config.Loop.Sleep(a.ctx, f.home().access.RoundTrip) != nil {
		return
	}
	for n := from; n <= newest; n++ {
		f.follow(n)
	}
}

// skip takes down that segments were missed for want of a list.
func (f *fetch) skip(s *sum, from, until origin.SegmentNumber) {
	a, skipped := f.audience, *f
	for skipped.number = from; skipped.number < until; skipped.number++ {
		s.Missed += f.viewers
		a.sums.missed += f.viewers
		a.record.detail("missed", &skipped, f.cell.home, variant{}, f.intended, 0, unlisted, f.viewers)
	}
}

// follow begins the fetch of a segment that is in the list.
func (f *fetch) follow(n origin.SegmentNumber) {
	a, at := f.audience, f.audience.now()
	g := a.fetch(f.cell, f.slot, n)
	g.viewers, g.byLink, g.check, g.certain = f.viewers, f.byLink, f.check, f.certain
	g.time(at, at, 0)
	f.cell.asked += g.viewers
	a.launch(g)
}

package audience

import (
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// scrubbing says whether those behind live for good jump about in the buffer at an instant.
func (r *rules) scrubbing(at time.Duration) bool {
	return at >= r.Scrub.At && at < r.Scrub.At+r.Scrub.For
}

// scrubs wakes an audience for every jump of those who scrub.
type scrubs Audience

// Wake implements loop.Waker.
func (s *scrubs) Wake() {
	a := (*Audience)(s)
	at := a.now()
	if a.ctx.Err() != nil || !a.scrubbing(at) || at > a.length {
		return
	}
	for i := range a.cells {
		if a.cells[i].class == dvr {
			a.jump(&a.cells[i], at)
		}
	}
	a.wake(at+jumpCadence, s)
}

// jump lets a cell's viewers ask for a segment anywhere in the buffer, of what they see. Many ask through a few slices.
func (a *Audience) jump(c *cell, at time.Duration) {
	jumping := *c
	jumping.parts, jumping.size = nil, 0
	for _, g := range a.homes[c.home].players[c.rendition] {
		n := a.people.census().watching[a.place(c.home, behind, g)]
		if n > 0 && a.homes[c.home].plays[g][0] == c.rendition {
			jumping.parts = append(jumping.parts, part{behind, g, n})
			jumping.size += n
		}
	}
	k := min(jumping.size, int64(a.cut[dvr]))
	for j := range k {
		intended := at + a.offsetOf(&jumping, j, k)
		width := sliceOf(offsetMost, jumping.size, k)
		a.wake(intended, call(func() { a.land(c, jumping.parts, j, k, width) }))
	}
}

// land begins a fetch of slice j of k, which has jumped.
func (a *Audience) land(c *cell, parts []part, j, k int64, width time.Duration) {
	at := a.now()
	oldest, newest := a.buffer(at)
	if newest < oldest || a.ctx.Err() != nil {
		return
	}
	slot := a.slot(c, int(j))
	if slot.left {
		return
	}
	f := a.fetch(c, slot, oldest+origin.SegmentNumber(a.jumps.Int64N(int64(newest-oldest)+1)))
	f.kind = jump
	f.deal(parts, j, k)
	f.time(at, at, width)
	f.check = a.checks(f.viewers, f.number, j)
	c.asked += f.viewers
	a.launch(f)
}

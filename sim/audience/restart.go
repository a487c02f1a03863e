package audience

import (
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Starts have a budget of their own: those of a home and rendition in one turn are cut into at most startSlices, and
// into fewer, down to one, where the fetches of a turn would be more than startBudget.
const (
	startSlices = 4
	startBudget = 20_000
)

// starters are viewers who start their players in the same turn and play the same.
type starters struct {
	cell  *cell
	parts []part
	size  int64
	plays []int
}

// startPlayers lets those start who restart in this turn. They are spread evenly over it. A player that starts asks for
// Surge times what one that plays asks for in a turn: first the newest segment of what it plays, then the CMAF headers,
// then older and older segments, as far as the buffer goes.
func (a *Audience) startPlayers() {
	all, fetches := a.starters(), 0
	for _, s := range all {
		fetches += a.requestsOf(s)
	}
	cut := int64(startSlices)
	for cut > 1 && fetches*int(cut) > startBudget {
		cut /= 2
	}
	stretch := min(a.segment, max(a.Restarts.Within, 1))
	for _, s := range all {
		k := min(s.size, cut)
		for j := range k {
			at := a.available(a.number) + stretch*time.Duration(j)/time.Duration(k)
			a.wake(at, call(func() { a.start(s, j, k, sliceOf(stretch, s.size, k)) }))
		}
	}
}

// starters finds those who start in this turn.
func (a *Audience) starters() (all []*starters) {
	for h := range a.homes {
		starting := a.people.census().starting[h*a.groups : (h+1)*a.groups]
		if !slices.ContainsFunc(starting, func(n int64) bool { return n > 0 }) {
			continue
		}
		for rendition := range a.renditions {
			s := &starters{cell: &a.cells[a.cellAt(h, live, rendition)]}
			for _, g := range a.homes[h].players[rendition] {
				if starting[g] > 0 && a.homes[h].plays[g][0] == rendition {
					s.add(part{atEdge, g, starting[g]}, a.homes[h].plays[g])
				}
			}
			if s.size > 0 {
				all = append(all, s)
			}
		}
	}
	return all
}

func (s *starters) add(p part, plays []int) {
	s.parts = append(s.parts, p)
	s.size += p.n
	s.plays = plays // the same for all
}

// requestsOf is how many requests one of them makes.
func (a *Audience) requestsOf(s *starters) int { return max(1, a.Restarts.Surge) * len(s.plays) }

// start begins all fetches of slice j of k.
func (a *Audience) start(s *starters, j, k int64, width time.Duration) {
	at, slot := a.now(), a.slot(s.cell, int(j))
	for i := range a.requestsOf(s) {
		n, kind, ok := a.surge(at, i/len(s.plays))
		if !ok || a.ctx.Err() != nil {
			return
		}
		f := a.fetch(s.cell, slot, n)
		f.kind, f.rendition = kind, s.plays[i%len(s.plays)]
		f.deal(s.parts, j, k)
		f.time(at, at, width)
		a.launch(f)
	}
}

// call is a function that a loop can wake.
type call func()

// Wake implements loop.Waker.
func (c call) Wake() { c() }

// surge is what a start at an instant asks for in its i-th round; false when there is nothing more in the buffer.
func (a *Audience) surge(at time.Duration, i int) (origin.SegmentNumber, kind, bool) {
	oldest, newest := a.buffer(at)
	switch i {
	case 0:
		return newest, start, newest >= oldest
	case 1:
		return origin.Header, header, true
	}
	n := newest - origin.SegmentNumber(i-1)
	return n, start, n >= oldest
}

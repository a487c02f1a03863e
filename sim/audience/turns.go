package audience

import "time"

// turns wakes an audience when a segment becomes available.
type turns Audience

// Wake implements loop.Waker.
func (t *turns) Wake() {
	a := (*Audience)(t)
	if a.ctx.Err() != nil {
		return
	}
	a.number++
	a.turn.number++
	a.populate()
	a.usual = a.limit(a.answered(a.available(a.number)))
	a.usual.shared = true
	a.slice()
	for i := range a.cells {
		a.plan(&a.cells[i])
	}
	a.wave.begin()
	a.startPlayers()
	if a.number < a.final {
		a.wake(a.available(a.number+1), t)
	}
}

// populate lets viewers come, go and change their ways.
func (a *Audience) populate() {
	c := a.people.census()
	size := int64(a.curve.at(a.available(a.number)))
	before := c.come - c.gone
	a.turn.come, a.turn.leave = max(0, size-before), max(0, before-size)
	for i := range a.cells {
		a.turn.share[i] = a.cells[i].share()
	}
	a.people.advance(&a.turn)
	c.check()
	a.sums.peak = max(a.sums.peak, a.watching())
}

// seconds wakes an audience every whole second, to write down the seconds that are over.
type seconds Audience

// Wake implements loop.Waker.
func (s *seconds) Wake() {
	a := (*Audience)(s)
	if a.ctx.Err() != nil {
		return
	}
	at := a.now()
	watching, end := int64(0), a.available(a.final)
	if at <= end {
		watching = int64(a.curve.at(at)) - a.people.census().waiting - a.departed()
	}
	a.record.tick(at, watching, a.sums.segments, a.sums.missed)
	if at < end || a.flying > 0 {
		a.wake(at+time.Second, s)
	}
}

package admission

import (
	"slices"

	"github.com/liveorigin/liveorigin/origin"
)

// stress is what an event's next request meets.
func (p *Priority) stress(e *event, free bool) int {
	network := p.load(p.sent.sum.bytes, p.config.Egress, e.asked.sum.bytes, p.asked.sum.bytes)
	if free {
		return network
	}
	reads := p.load(int64(p.reading), int64(p.config.Reads), e.asked.sum.reads, p.asked.sum.reads)
	return max(p.slowFor(e), reads, network)
}

// light says that an event asks for less than the average of those that ask at the same time.
func (p *Priority) light(own, together int64) bool {
	return own*int64(p.active) < together
}

// load is the stress of something that has a limit; zero has none. Of an event own is asked for, of all together.
func (p *Priority) load(used, limit, own, together int64) int {
	switch {
	case limit <= 0:
		return 0
	case used >= limit:
		return all
	case p.light(own, together):
		return 0
	case p.active > 1:
		limit -= limit / 4
	}
	return above(used, limit/2, limit, all)
}

// slowness is the stress by slow reads that the window shows.
func (p *Priority) slowness() int {
	seen, some := p.done.sum, int64(p.config.SlowPercent)
	if seen.reads < leastReads {
		return 0
	}
	const fine = 100 // parts of a per cent
	return above(seen.slow*100*fine/seen.reads, some*fine, (some+100)*fine/2, most)
}

// above is how far x has come from one value to another, zero to whole.
func above(x, from, to int64, whole int) int {
	if x <= from {
		return 0
	}
	if x >= to {
		return whole
	}
	return int((x - from) * int64(whole) / (to - from))
}

// refuses says whether it is a request's turn to be refused, of a class by its rank.
func (e *event) refuses(rank, stress int) bool {
	if e.turns[rank] += share(rank, stress); e.turns[rank] < step {
		return false
	}
	e.turns[rank] -= step
	return true
}

// share is how many of a class are refused, in thousandths.
func share(rank, stress int) int { return min(max(stress-step*(classes-1-rank), 0), step) }

// order is that in which classes matter.
var order = origin.Classes()

// rank is zero for the most important class. An unknown one matters least.
func rank(c origin.Class) int {
	if i := slices.Index(order, c); i >= 0 {
		return i
	}
	return classes - 1
}

// trying says that as many reads are under way as it takes to learn how a store is that was slow: what comes of them decides
// about the next ones.
func (p *Priority) trying(e *event, rank int) bool {
	return rank > 0 && p.lesser >= leastReads && p.slowFor(e) > 0
}

// slowFor is the stress by slow reads that an event meets.
func (p *Priority) slowFor(e *event) int {
	if p.light(e.asked.sum.reads, p.asked.sum.reads) {
		return 0
	}
	return p.slow
}

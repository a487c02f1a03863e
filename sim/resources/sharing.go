package resources

import (
	"math"
	"math/bits"
	"time"

	"github.com/liveorigin/liveorigin/sim/loop"
)

// sharing is egalitarian processor sharing: all shares that are under way get the same rate, which is the capacity
// (slots times speed) divided by their number, and at most speed. It keeps the service that every share has attained
// since the beginning (the virtual time of fair queueing: Demers, Keshav and Shenker, SIGCOMM 1989; Parekh and
// Gallager, IEEE/ACM Transactions on Networking 1, 1993): a share is done when that has grown by its work, whatever
// comes and goes meanwhile. So coming and going cost O(log n), and there is one wakeup, for whoever is done next.
//
// Work is in any unit: a Machine's is nanoseconds of a core, a Link's is bytes.
type sharing struct {
	loop  *loop.Loop
	speed uint64 // of one share alone, in units a second
	slots uint64 // how many shares can have that speed at once: a machine's cores, or one link

	shares   uint64 // the sum of weights
	attained uint64 // by every share, in 1/1024 of a unit
	rest     uint64 // of that, in 2^-64 of it: what many small steps would lose adds up
	settled  int64  // when attained was brought up to date
	busy     int64  // nanoseconds of a slot at work
	queue    shareHeap
	sequence uint64
	timer    loop.Timer
	due      int64 // of timer; none when it is the end of time
	paused   bool
}

const (
	fraction = 10 // bits after the point of attained service
	// rebase is where attained service is counted from zero again: 52 days of a core, or 4.5 PB for every share.
	rebase = 1 << 62
	never  = math.MaxInt64
)

// share is a place in it: one job, or one transfer with a weight.
type share struct {
	owner    finisher
	weight   uint64
	tag      uint64 // the attained service at which it is done
	sequence uint64 // among equal tags, the first to come is the first to be done
	place    int    // in the heap, from 1; 0 when it is not there
}

// finisher is told that its work is done.
type finisher interface{ finished() }

func newSharing(l *loop.Loop, speed, slots uint64) *sharing {
	return &sharing{loop: l, speed: speed, slots: slots, due: never}
}

// add begins work, of less than what rebase is.
func (p *sharing) add(s *share, work uint64) {
	p.settle()
	if p.shares == 0 {
		p.attained, p.rest = 0, 0
	}
	p.sequence++
	s.tag, s.sequence = p.attained+min(work, rebase>>fraction)<<fraction, p.sequence
	p.shares += s.weight
	p.queue.push(s)
	p.arm()
}

// remove gives up what is not done.
func (p *sharing) remove(s *share) {
	p.settle()
	p.shares -= s.weight
	p.queue.remove(s)
	p.arm()
}

// rate is the attained service of a share per nanosecond, as a fraction.
func (p *sharing) rate() (over, under uint64) {
	if p.shares <= p.slots {
		return p.speed << fraction, 1e9
	}
	return p.speed * p.slots << fraction, 1e9 * p.shares
}

// settle brings the attained service up to now.
func (p *sharing) settle() {
	now := int64(p.loop.Elapsed())
	passed := now - p.settled
	p.settled = now
	if passed == 0 || p.shares == 0 || p.paused {
		return
	}
	p.busy += int64(min(p.shares, p.slots)) * passed
	over, under := p.rate()
	high, low := bits.Mul64(uint64(passed), over)
	gained, left := bits.Div64(high, low, under)
	rest, _ := bits.Div64(left, 0, under)
	var carry uint64
	p.rest, carry = bits.Add64(p.rest, rest, 0)
	if p.attained += gained + carry; p.attained >= rebase {
		p.queue.lower(p.attained)
		p.attained = 0
	}
}

// arm sees to it that the wakeup is not after whoever is done next. When it is before, as after somebody came and
// slowed all down, it is left: waking for nothing is cheaper than to ask for another wakeup each time.
func (p *sharing) arm() {
	next := p.next()
	if next >= p.due && (next != never || p.due == never) {
		return
	}
	p.loop.Stop(p.timer)
	if p.due = next; next != never {
		p.timer = p.loop.After(time.Duration(next-p.settled), p)
	}
}

// next is when the first is done, rounded up to a nanosecond.
func (p *sharing) next() int64 {
	if len(p.queue) == 0 || p.paused {
		return never
	}
	tag := p.queue[0].tag
	if tag <= p.attained {
		return p.settled
	}
	over, under := p.rate()
	high, low := bits.Mul64(tag-p.attained, under)
	rest, _ := bits.Mul64(p.rest, under)
	low, borrow := bits.Sub64(low, rest, 0)
	low, carry := bits.Add64(low, over-1, 0)
	if high += carry - borrow; high >= over {
		return never - 1
	}
	wait, _ := bits.Div64(high, low, over)
	return p.settled + int64(min(wait, uint64(never-1-p.settled)))
}

// Wake implements loop.Waker: whoever is done leaves.
func (p *sharing) Wake() {
	p.due = never
	p.settle()
	for len(p.queue) > 0 && p.queue[0].tag <= p.attained && !p.paused {
		s := p.queue[0].share
		p.shares -= s.weight
		p.queue.remove(s)
		s.owner.finished()
	}
	p.arm()
}

// pause stops all progress, and resume lets it go on.
func (p *sharing) pause() {
	p.settle()
	p.paused = true
	p.arm()
}

func (p *sharing) resume() {
	p.settle()
	p.paused = false
	p.arm()
}

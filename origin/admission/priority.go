package admission

import (
	"cmp"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Config says what is stress. Zero values mean the defaults.
type Config struct {
	// Slow is how long a read of the store may take; longer ones are slow. Default: DefaultSlow.
	Slow time.Duration
	// SlowPercent is how many of a hundred reads may be slow before that is stress. Default: DefaultSlowPercent.
	SlowPercent int
	// Reads is how many reads of the store there are at once, at most. Default: DefaultReads.
	Reads int
	// Egress is how many bytes a second are sent, at most, on the average of a second. Zero: any number.
	Egress int64
}

// What a Config that says nothing gets.
const (
	DefaultSlow        = 100 * time.Millisecond
	DefaultSlowPercent = 40 // facts.md, PRI-9
	DefaultReads       = 256
)

// Priority refuses by class while there is stress. Each signal gives a stress between none and all:
//
//	slow reads      none at SlowPercent of the last second's reads, and most half way from there to all of them; never more:
//	                a store that is slow as a whole is worth waiting for at the live edge
//	reads at once   none at half of Reads, all at Reads
//	bytes sent      none at half of Egress, all at Egress
//
// The worst of them decides (what is remembered, or being read already, takes nothing of the store, so that only the bytes
// sent count for it):
//
//	stress       none             a third          two thirds (most)       all
//	background    0 % ... refused ... 100 %               100 %            100 %
//	dvr           0 %                   0 % ... refused ... 100 %          100 %
//	live          0 %                   0 %                   0 % ... refused ... 100 %
//
// Of a class that is refused in part, requests take turns: of 30 %, three of any ten in a row. Reads at once and bytes sent
// become fewer as soon as fewer are admitted, and need no memory. Slow reads do: once nobody is let through, nothing is known
// of the store. So their stress rises at once, and falls evenly, within Recovery from all to none. While there is any, at most
// leastReads of the classes below the live edge are under way at once: they either find the store well, or raise it again,
// before a crowd follows them.
//
// Of several events that ask at the same time, stress is the work of those that ask for more than the average: the others are
// refused nothing before a limit is reached, and the last quarter of each limit is for them alone. So one event's storm does
// not take what another one needs.
type Priority struct {
	config Config
	clock  origin.Clock

	mu      sync.Mutex
	turned  time.Time // when the windows' newest bucket began
	reading int       // reads at once
	lesser  int       // of those, the ones for less than the live edge
	slow    int       // stress by slow reads, as far as it is remembered
	done    window    // reads that came back
	sent    window    // bytes that were admitted
	asked   window    // what all events asked for
	events  map[string]*event
	active  int // events that asked for something within the window
}

// event is what one event has asked for, and the turns of those it refuses.
type event struct {
	asked window
	turns [classes]int
}

// The scale of stress: each class gives way over one step of it.
const (
	step    = 1000
	classes = 3
	most    = 2 * step // by slow reads
	all     = classes * step
)

// Recovery is how long the stress of slow reads takes to fall from all to none.
const Recovery = 3 * time.Second

// wholly is how many buckets that is.
const wholly = int64(Recovery / bucket)

// leastReads is how many reads must have come back within a window to say anything of the store.
const leastReads = 8

// maxEvents bounds what is kept by event: far more than a node serves (origin.DefaultEvents).
const maxEvents = 1024

// NewPriority makes a Priority that knows of no stress.
func NewPriority(clock origin.Clock, c Config) *Priority {
	c.Slow = cmp.Or(c.Slow, DefaultSlow)
	c.SlowPercent = cmp.Or(c.SlowPercent, DefaultSlowPercent)
	c.Reads = cmp.Or(c.Reads, DefaultReads)
	return &Priority{config: c, clock: clock, turned: clock.Now(), events: make(map[string]*event)}
}

// Admit implements origin.Admission.
func (p *Priority) Admit(a origin.Ask) bool {
	now := p.clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	e := p.count(a)
	r := rank(a.Class)
	if !a.Free() && p.trying(e, r) || e.refuses(r, p.stress(e, a.Free())) {
		return false
	}
	p.sent.add(tally{bytes: int64(a.Bytes)})
	if !a.Free() {
		p.read(r, 1)
	}
	return true
}

// Refuses implements origin.Refusing. What a request adds to what its event asks for makes no stress less, so Admit, which
// takes it down before it looks, refuses it as well. An event that is not known yet is refused nothing here.
func (p *Priority) Refuses(a origin.Ask) bool {
	now := p.clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	e, r := p.events[a.Event], rank(a.Class)
	if e == nil {
		return false
	}
	return !a.Free() && p.trying(e, r) || share(r, p.stress(e, a.Free())) == step
}

// Done implements origin.Admission. What failed sooner than a slow read takes says nothing of the store: the client may have
// left.
func (p *Priority) Done(a origin.Ask, store time.Duration, failed bool) {
	if a.Free() {
		return
	}
	now := p.clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	p.read(rank(a.Class), -1)
	switch slow := store > p.config.Slow; {
	case slow:
		p.done.add(tally{reads: 1, slow: 1})
	case !failed:
		p.done.add(tally{reads: 1})
	}
	p.slow = max(p.slow, p.slowness())
}

// read counts a read that begins, or ends.
func (p *Priority) read(rank, by int) {
	p.reading += by
	if rank > 0 {
		p.lesser += by
	}
}

// count takes down what an event asks for.
func (p *Priority) count(a origin.Ask) *event {
	e := p.events[a.Event]
	if e == nil {
		e = p.enter(a.Event)
	}
	if e.asked.sum == (tally{}) {
		p.active++
	}
	t := tally{bytes: int64(a.Bytes)}
	if !a.Free() {
		t.reads = 1
	}
	e.asked.add(t)
	p.asked.add(t)
	return e
}

// enter makes room for an event. When too many ask at the same time, the last ones share a place.
func (p *Priority) enter(name string) *event {
	if len(p.events) >= maxEvents {
		for other, e := range p.events { // any order: all of them have asked for nothing lately
			if e.asked.sum == (tally{}) {
				delete(p.events, other)
			}
		}
	}
	if len(p.events) >= maxEvents {
		name = ""
	}
	e := p.events[name]
	if e == nil {
		e = &event{}
		p.events[name] = e
	}
	return e
}

// turn brings the windows up to date. A clock that was set back begins anew.
func (p *Priority) turn(now time.Time) {
	since := now.Sub(p.turned)
	if since > -bucket && since < bucket {
		return
	}
	turns := int64(since / bucket)
	if turns < 0 {
		p.turned = now
		return
	}
	p.turned = p.turned.Add(time.Duration(turns) * bucket)
	p.active = 0
	for _, e := range p.events { // any order: they are counted
		if e.asked.turn(turns); e.asked.sum != (tally{}) {
			p.active++
		}
	}
	p.done.turn(turns)
	p.sent.turn(turns)
	p.asked.turn(turns)
	fallen := all * min(turns, wholly) / wholly
	p.slow = max(p.slow-int(fallen), p.slowness(), 0)
}

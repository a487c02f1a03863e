package loop

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Loop is an origin.Runtime in virtual time. It belongs to one goroutine: the one that calls Run, and the coroutines that
// run meanwhile. Make one with New, and end it with Close.
type Loop struct {
	// Limits are what makes Run give up; set them before.
	Limits Limits

	start   time.Time
	now     int64 // nanoseconds since start
	instant time.Time
	queue   queue
	slots   []slot
	free    []uint32 // of slots
	stale   int      // entries in the queue whose wakeup was cancelled

	running *coroutine // nil while none is
	idle    []*coroutine
	every   []*coroutine
	working int // coroutines that are not idle

	here    int // what was asked of the loop at this instant
	wakeups int64
	err     error
	closed  bool
}

// Limits bound what a world may do, so that one that has lost its way ends with an error and not never.
type Limits struct {
	// Instant is how much may be asked of the loop without the clock moving; zero means 20 million.
	Instant int
	// Coroutines is how many may be alive at once; zero means 4 million.
	Coroutines int
}

// The errors with which Run gives up.
var (
	ErrRestless = errors.New("the clock stands still: too much happens at one instant")
	ErrCrowded  = errors.New("too many coroutines")
	ErrPanic    = errors.New("panic")
)

// Waker is what can be woken. Models implement it: unlike a coroutine, it takes no memory of its own while it waits.
type Waker interface {
	// Wake is called at the instant that was asked for. It must not block; to block, it starts a coroutine with Go.
	Wake()
}

// slot is a pending wakeup. Its generation tells it from the ones that had the slot before.
type slot struct {
	generation uint32
	waker      Waker
}

// Timer names a pending wakeup, for Stop. The zero Timer names none.
type Timer struct{ slot, generation uint32 }

// New makes a loop whose clock stands at start.
func New(start time.Time) *Loop {
	start = start.Round(0)                                             // without the reading of a monotonic clock: times are equal when their instants are
	return &Loop{start: start, instant: start, slots: make([]slot, 1)} // slot 0 is the zero Timer's
}

// Now implements origin.Clock. It stands still while code runs.
func (l *Loop) Now() time.Time {
	if l.here++; l.here > l.limit() {
		l.restless()
	}
	return l.instant
}

// Elapsed is the time since the loop's start.
func (l *Loop) Elapsed() time.Duration { return time.Duration(l.now) }

// Wakeups is how many there have been.
func (l *Loop) Wakeups() int64 { return l.wakeups }

// Working is how many coroutines are alive: running or waiting.
func (l *Loop) Working() int { return l.working }

// pending is how many wakeups wait in the queue.
func (l *Loop) pending() int { return l.queue.size - l.stale }

// Wake asks for w to be woken at t; a time that has passed means now. Those of one instant are woken in the order in
// which they were asked for.
func (l *Loop) Wake(t time.Time, w Waker) Timer { return l.wake(int64(t.Sub(l.start)), w) }

// After asks for w to be woken when d has passed.
func (l *Loop) After(d time.Duration, w Waker) Timer { return l.wake(later(l.now, d), w) }

// later adds without overflow.
func later(now int64, d time.Duration) int64 {
	if d > horizon || now > horizon-int64(d) {
		return horizon
	}
	return now + int64(d)
}

func (l *Loop) wake(at int64, w Waker) Timer {
	var n uint32
	if free := len(l.free); free > 0 {
		n = l.free[free-1]
		l.free = l.free[:free-1]
	} else {
		n = uint32(len(l.slots))
		l.slots = append(l.slots, slot{})
	}
	s := &l.slots[n]
	s.generation++
	s.waker = w
	l.queue.push(entry{at: min(max(at, l.now), horizon), slot: n, generation: s.generation})
	return Timer{n, s.generation}
}

// Stop cancels a pending wakeup; it reports false when there is nothing to cancel any more.
func (l *Loop) Stop(t Timer) bool {
	s := &l.slots[t.slot]
	if t.slot == 0 || s.generation != t.generation || s.waker == nil {
		return false
	}
	s.waker = nil
	s.generation++
	l.free = append(l.free, t.slot)
	l.stale++
	if l.stale > 1<<12 && l.stale > l.queue.size/2 {
		l.sweep()
	}
	return true
}

// sweep takes cancelled wakeups out of the queue, once they are more than half of it.
func (l *Loop) sweep() {
	l.queue.filter(func(e entry) bool { return l.slots[e.slot].generation == e.generation })
	l.stale = 0
}

// Run lets everything happen that is due before or at the given time, and leaves the clock there. It returns early when
// nothing is left to happen, with the clock where it was, or when a limit is reached or code panics, with an error.
func (l *Loop) Run(until time.Time) error {
	end := min(int64(until.Sub(l.start)), horizon)
	for l.err == nil {
		at, ok := l.queue.peek()
		if !ok {
			return nil
		}
		if at > end {
			l.advance(max(end, l.now))
			return nil
		}
		l.step(at)
	}
	return l.err
}

// The errors with which Settle gives up.
var (
	ErrLeaked = errors.New("coroutines wait for what never comes")
	ErrBusy   = errors.New("still at it")
)

// Settle lets everything happen until no coroutine is left. After so many wakeups it returns ErrBusy, and may be called
// again. Coroutines that nothing will wake any more are ErrLeaked.
func (l *Loop) Settle(wakeups int64) error {
	for last := l.wakeups + wakeups; l.err == nil && l.working > 0; {
		at, ok := l.queue.peek()
		if !ok {
			return fmt.Errorf("%w: %d of them", ErrLeaked, l.working)
		}
		if l.wakeups >= last {
			return fmt.Errorf("%w after %d wakeups: %d coroutines", ErrBusy, wakeups, l.working)
		}
		l.step(at)
	}
	return l.err
}

// step takes the next wakeup out of the queue and wakes.
func (l *Loop) step(at int64) {
	e := l.queue.pop()
	s := &l.slots[e.slot]
	if s.generation != e.generation {
		l.stale--
		return
	}
	l.advance(at)
	w := s.waker
	s.waker = nil
	s.generation++
	l.free = append(l.free, e.slot)
	l.wakeups++
	if l.here++; l.here > l.limit() {
		l.fail(l.sayRestless())
		return
	}
	if c, ok := w.(*coroutine); ok {
		l.resume(c)
		return
	}
	l.call(w)
}

// call wakes what is no coroutine. What it panics with ends the run: with its stack, and not the process.
func (l *Loop) call(w Waker) {
	defer func() {
		if r := recover(); r != nil {
			l.fail(panicked(r))
		}
	}()
	w.Wake()
}

func (l *Loop) advance(to int64) {
	if to == l.now {
		return
	}
	l.now, l.here = to, 0
	l.instant = l.start.Add(time.Duration(to))
}

func (l *Loop) limit() int {
	if l.Limits.Instant > 0 {
		return l.Limits.Instant
	}
	return 20_000_000
}

// restless ends the run from within: the code that never waits is not gone on with.
func (l *Loop) restless() {
	l.fail(l.sayRestless())
	if l.running != nil {
		l.running.park()
	}
	panic(ErrRestless) // in a Waker, which call catches
}

func (l *Loop) sayRestless() error {
	return fmt.Errorf("%w: over %d at %v", ErrRestless, l.limit(), l.Elapsed())
}

// fail ends the run; the first error is the one that tells.
func (l *Loop) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// Close ends every coroutine that is still waiting: whatever it waits for, it is unwound as by a panic, so that its
// deferred calls are made. It returns how many those were. The loop is of no use afterwards.
func (l *Loop) Close() (unwound int) {
	l.closed = true
	l.here = math.MinInt // deferred calls may look at the clock
	for _, c := range l.every {
		if c.fn != nil {
			unwound++
		}
		l.running = c
		c.stop()
	}
	l.running, l.every, l.idle = nil, nil, nil
	return unwound
}

// Sleep implements origin.Clock.
func (l *Loop) Sleep(ctx context.Context, d time.Duration) error {
	if l.here++; l.here > l.limit() {
		l.restless()
	}
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	c := l.current("Sleep")
	c.timer = l.wake(later(l.now, d), c)
	c.listen(ctx)
	c.result = nil // what the timer gives
	c.park()
	return c.awake(ctx)
}

// Go implements origin.Runtime: fn runs in a coroutine of its own, at this instant, when the caller waits or returns.
func (l *Loop) Go(fn func()) {
	if l.closed {
		return
	}
	most := l.Limits.Coroutines
	if most == 0 {
		most = 4_000_000
	}
	if l.working >= most {
		l.fail(fmt.Errorf("%w: over %d at %v", ErrCrowded, most, l.Elapsed()))
		return
	}
	l.working++
	var c *coroutine
	if n := len(l.idle); n > 0 {
		c = l.idle[n-1]
		l.idle = l.idle[:n-1]
	} else {
		c = newCoroutine(l)
		l.every = append(l.every, c)
	}
	c.fn = fn
	l.wake(l.now, c)
}

// NewSignal implements origin.Runtime.
func (l *Loop) NewSignal() origin.Signal { return &signal{loop: l} }

// current is the coroutine that called; there has to be one, because only a coroutine can wait.
func (l *Loop) current(what string) *coroutine {
	if l.running == nil {
		panic("loop: " + what + " outside of a coroutine; start one with Go")
	}
	return l.running
}

package loop

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
)

// coroutine runs one function after another, each started with Go. It is kept for the next when one has returned, so
// that in the steady state nothing is allocated for a Go. While its function waits, it is in the queue (timer), in a
// signal's list, and in a context's, and whichever wakes it takes it out of the others.
type coroutine struct {
	loop  *Loop
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	fn    func() // nil while idle

	timer   Timer
	signal  *signal // nil while none is waited for
	place   int     // in signal.waiters
	context *cancellable
	before  *coroutine // in context's list
	after   *coroutine
	result  error // what the wait returns
}

func newCoroutine(l *Loop) *coroutine {
	c := &coroutine{loop: l}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for c.work() && yield(struct{}{}) {
		}
	})
	return c
}

// errUnwound is what a waiting function panics with when the loop is closed.
var errUnwound = errors.New("loop: closed")

// work runs the function, and reports whether there may be another.
func (c *coroutine) work() (another bool) {
	defer func() {
		if r := recover(); r != nil && r != errUnwound {
			c.loop.fail(panicked(r))
		}
		c.loop.working--
	}()
	if c.loop.closed {
		return false
	}
	c.fn()
	c.fn = nil
	c.loop.idle = append(c.loop.idle, c)
	return true
}

// panicked keeps the stack of where it was.
func panicked(r any) error { return fmt.Errorf("%w: %v\n%s", ErrPanic, r, debug.Stack()) }

// resume goes on with a coroutine until it waits again.
func (l *Loop) resume(c *coroutine) {
	l.running = c
	c.next()
	l.running = nil
}

// Wake implements Waker; the loop resumes coroutines itself.
func (c *coroutine) Wake() { c.loop.resume(c) }

// park gives the thread back to the loop until something wakes the coroutine.
func (c *coroutine) park() {
	if c.loop.closed || !c.yield(struct{}{}) {
		panic(errUnwound)
	}
}

// listen enters the coroutine into the list of who waits under ctx.
func (c *coroutine) listen(ctx context.Context) {
	if k := c.loop.cancellable(ctx); k != nil {
		k.enter(c)
	}
}

// awake takes the coroutine out of what did not wake it, and returns what the wait came to.
func (c *coroutine) awake(ctx context.Context) error {
	if c.timer.slot != 0 {
		c.loop.Stop(c.timer)
		c.timer = Timer{}
	}
	if c.signal != nil {
		c.signal.leave(c)
	}
	if c.context != nil {
		c.context.leave(c)
	}
	return c.result
}

// rouse ends the wait with a result. Who waits goes on at this instant, after those who were woken before.
func (c *coroutine) rouse(result error) {
	l := c.loop
	l.Stop(c.timer)
	c.timer = Timer{}
	if c.signal != nil {
		c.signal.leave(c)
	}
	if c.context != nil {
		c.context.leave(c)
	}
	c.result = result
	l.wake(l.now, c)
}

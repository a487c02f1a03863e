package loop

import (
	"context"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// signal is a one-shot origin.Signal. Waiters are woken in the order in which they came.
type signal struct {
	loop    *Loop
	fired   bool
	waiters []*coroutine // nil where one has left
	left    int
}

// Fire implements origin.Signal.
func (s *signal) Fire() {
	if s.fired {
		return
	}
	s.fired = true
	for _, c := range s.waiters {
		if c != nil {
			c.signal = nil
			c.rouse(nil)
		}
	}
	s.waiters = nil
}

// Wait implements origin.Signal. What has happened wins over a deadline that has passed too.
func (s *signal) Wait(ctx context.Context, until time.Time) error {
	l := s.loop
	if l.here++; l.here > l.limit() {
		l.restless()
	}
	if s.fired {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c := l.current("Wait")
	c.signal, c.place = s, len(s.waiters)
	s.waiters = append(s.waiters, c)
	c.timer = l.wake(int64(until.Sub(l.start)), c)
	c.listen(ctx)
	c.result = origin.ErrTimeout // what the timer gives
	c.park()
	return c.awake(ctx)
}

// leave takes out a waiter that something else has woken.
func (s *signal) leave(c *coroutine) {
	c.signal = nil
	if s.fired {
		return
	}
	s.waiters[c.place] = nil
	if s.left++; s.left > 32 && s.left > len(s.waiters)/2 {
		s.close()
	}
}

// close closes the gaps that leavers have left.
func (s *signal) close() {
	kept := s.waiters[:0]
	for _, c := range s.waiters {
		if c != nil {
			c.place = len(kept)
			kept = append(kept, c)
		}
	}
	s.waiters, s.left = kept, 0
}

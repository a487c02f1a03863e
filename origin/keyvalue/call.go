package keyvalue

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// call is a Put or a Get with its time limit. What it starts ends with it: attempts that lost, above all.
type call struct {
	ctx    context.Context
	store  *Store
	parent context.Context
	cancel context.CancelFunc
	alarm  alarm
	until  time.Time
	late   atomic.Bool
}

func (s *Store) begin(parent context.Context) *call {
	c := &call{store: s, parent: parent, until: s.config.Runtime.Now().Add(s.config.Timeout)}
	c.ctx, c.cancel = s.config.Runtime.WithCancel(parent)
	s.timeouts.set(&c.alarm, c.expire)
	return c
}

func (c *call) expire() {
	c.late.Store(true)
	c.cancel()
}

func (c *call) end() {
	c.store.timeouts.stop(&c.alarm)
	c.cancel()
}

// error is what a call came to: what the end of its context did to the calls below is the caller's doing, or a time-out.
func (c *call) error(err error) error {
	switch {
	case err == nil || errors.Is(err, origin.ErrExists) || errors.Is(err, origin.ErrNotFound):
		return err
	case c.parent.Err() != nil:
		return c.parent.Err()
	case c.late.Load():
		return origin.ErrTimeout
	}
	return err
}

// mostBeside is how many rows of one object are read or written at once.
const mostBeside = 16

// beside calls fn for 0 to n-1, many at once, and returns the first error, which ends the others.
func (c *call) beside(n int, fn func(ctx context.Context, i int) error) error {
	ctx, cancel := c.store.config.Runtime.WithCancel(c.ctx)
	defer cancel()
	var next, left atomic.Int64
	var failed atomic.Pointer[error]
	workers := min(n, mostBeside)
	left.Store(int64(workers))
	over := c.store.config.Runtime.NewSignal()
	work := func() {
		for i := next.Add(1) - 1; i < int64(n) && failed.Load() == nil; i = next.Add(1) - 1 {
			if err := fn(ctx, int(i)); err != nil && failed.CompareAndSwap(nil, &err) {
				cancel()
				over.Fire()
			}
		}
		if left.Add(-1) == 0 {
			over.Fire()
		}
	}
	for range workers - 1 {
		c.store.config.Runtime.Go(work)
	}
	work()
	// The context is waited under without end: it ends at the call's time limit.
	if err := over.Wait(c.ctx, c.until.Add(c.store.config.Timeout)); err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

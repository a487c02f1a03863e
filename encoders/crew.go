package encoders

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// crew runs a bounded number of functions at once, and can wait until all have returned.
type crew struct {
	runtime origin.Runtime
	most    int

	mu      sync.Mutex
	working int
	left    origin.Signal // fired when one leaves; nil while nobody waits
}

func newCrew(rt origin.Runtime, most int) *crew { return &crew{runtime: rt, most: max(most, 1)} }

// hire runs fn beside the caller, as soon as there is room. The error is ctx's.
func (c *crew) hire(ctx context.Context, fn func()) error {
	if err := c.await(ctx, c.most-1, 1); err != nil {
		return err
	}
	c.runtime.Go(func() {
		defer c.leave()
		fn()
	})
	return nil
}

// join waits until nobody works any more. It does not end with ctx: those who work do, and none is left behind.
func (c *crew) join(ctx context.Context) { _ = c.await(context.WithoutCancel(ctx), 0, 0) }

// await waits until at most so many work, and adds to them.
func (c *crew) await(ctx context.Context, most, add int) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		changed := c.add(most, add)
		if changed == nil {
			return nil
		}
		// The hour is no limit of ours: Wait wants one.
		if err := changed.Wait(ctx, c.runtime.Now().Add(time.Hour)); err != nil && !errors.Is(err, origin.ErrTimeout) {
			return err
		}
	}
}

// add counts more workers in if at most so many work; else it gives the signal to wait for.
func (c *crew) add(most, n int) origin.Signal {
	fresh := c.runtime.NewSignal()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.working <= most {
		c.working += n
		return nil
	}
	if c.left == nil {
		c.left = fresh
	}
	return c.left
}

func (c *crew) leave() {
	c.mu.Lock()
	c.working--
	left := c.left
	c.left = nil
	c.mu.Unlock()
	if left != nil {
		left.Fire()
	}
}

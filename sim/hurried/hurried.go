// Package hurried is the wall clock ten times as fast, for tests over real sockets: an event takes a tenth of its time.
package hurried

import (
	"context"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Haste is how much faster the clock runs.
const Haste = 10

// Clock is an origin.Runtime of goroutines and timers, in a hurry. Make one with New.
type Clock struct {
	origin.Wall
	began time.Time
}

// New makes a clock that shows the time of day now, and runs ahead of it from then on.
func New() *Clock { return &Clock{began: time.Now()} }

// Now implements origin.Clock.
func (c *Clock) Now() time.Time { return c.began.Add(time.Since(c.began) * Haste) }

// Sleep implements origin.Clock.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error { return c.Wall.Sleep(ctx, d/Haste) }

// NewSignal implements origin.Runtime.
func (c *Clock) NewSignal() origin.Signal { return signal{c.Wall.NewSignal(), c} }

type signal struct {
	origin.Signal
	clock *Clock
}

// Wait implements origin.Signal.
func (s signal) Wait(ctx context.Context, until time.Time) error {
	return s.Signal.Wait(ctx, time.Now().Add(until.Sub(s.clock.Now())/Haste))
}

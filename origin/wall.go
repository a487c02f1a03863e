package origin

import (
	"context"
	"sync"
	"time"
)

// Wall is the Runtime of the real world: timers and goroutines. The zero value is ready.
type Wall struct{ running sync.WaitGroup }

// Now is the machine's clock, with its monotonic reading.
func (*Wall) Now() time.Time { return time.Now() }

// Sleep implements Clock.
func (*Wall) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Go implements Runtime.
func (w *Wall) Go(fn func()) { w.running.Go(fn) }

// Join waits until everything started with Go has returned.
func (w *Wall) Join() { w.running.Wait() }

// NewSignal implements Runtime.
func (*Wall) NewSignal() Signal { return &wallSignal{fired: make(chan struct{})} }

// WithCancel implements Runtime.
func (*Wall) WithCancel(parent context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(parent)
}

type wallSignal struct {
	once  sync.Once
	fired chan struct{}
}

func (s *wallSignal) Fire() { s.once.Do(func() { close(s.fired) }) }

func (s *wallSignal) Wait(ctx context.Context, until time.Time) error {
	select { // what has happened wins over a deadline that has passed too
	case <-s.fired:
		return nil
	default:
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-s.fired:
		return nil
	case <-timer.C:
		return ErrTimeout
	case <-ctx.Done():
		return ctx.Err()
	}
}

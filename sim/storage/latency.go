package storage

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Latency is the body of a replica's latency: log-normal, given by two of its percentiles. Tails (pauses, throttling)
// are faults, and are injected as such.
type Latency struct{ P50, P99 time.Duration }

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

// draw takes one latency from the distribution.
func (l Latency) draw(r *rand.Rand) time.Duration {
	if l.P50 <= 0 {
		return 0
	}
	sigma := math.Log(float64(l.P99)/float64(l.P50)) / z99
	return time.Duration(float64(l.P50) * math.Exp(sigma*r.NormFloat64()))
}

// Latent is a store whose every call takes a drawn time.
type Latent struct {
	Store       origin.Store
	Clock       origin.Clock
	Write, Read Latency

	mu   sync.Mutex
	rand *rand.Rand
}

// NewLatent makes a store slow; r is its own from then on.
func NewLatent(s origin.Store, clock origin.Clock, write, read Latency, r *rand.Rand) *Latent {
	return &Latent{Store: s, Clock: clock, Write: write, Read: read, rand: r}
}

func (l *Latent) pass(ctx context.Context, of Latency) error {
	l.mu.Lock()
	d := of.draw(l.rand)
	l.mu.Unlock()
	return l.Clock.Sleep(ctx, d)
}

// Put implements origin.Store.
func (l *Latent) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	if err := l.pass(ctx, l.Write); err != nil {
		return err
	}
	return l.Store.Put(ctx, key, o)
}

// Get implements origin.Store.
func (l *Latent) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	if err := l.pass(ctx, l.Read); err != nil {
		return origin.Object{}, err
	}
	return l.Store.Get(ctx, key, digest)
}

package storage

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/loop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is what a test has of one of the clocks.
type world struct {
	*testing.T
	rt  origin.Runtime
	ctx context.Context // of what goes on behind calls
}

// onBothClocks runs a test in virtual time, and on the wall clock inside of a bubble.
func onBothClocks(t *testing.T, test func(w *world)) {
	t.Run("loop", func(t *testing.T) { onLoop(t, test) })
	t.Run("wall", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rt := new(origin.Wall)
			ctx, cancel := rt.WithCancel(context.Background())
			test(&world{t, rt, ctx})
			cancel()
			rt.Join()
		})
	})
}

func onLoop(t *testing.T, test func(w *world)) {
	l := loop.New(epoch)
	over := false
	l.Go(func() {
		ctx, cancel := l.WithCancel(context.Background())
		test(&world{t, l, ctx})
		cancel()
		over = true
	})
	if err := l.Settle(50_000_000); err != nil {
		t.Error(err)
	}
	if !over {
		t.Error("waits for what never comes")
	}
	l.Close()
}

// sleep lets time pass.
func (w *world) sleep(d time.Duration) {
	if err := w.rt.Sleep(context.Background(), d); err != nil {
		w.Fatal(err)
	}
}

// took measures a call.
func (w *world) took(call func() error) (time.Duration, error) {
	began := w.rt.Now()
	err := call()
	return w.rt.Now().Sub(began), err
}

// gate is a zone's way that can be closed, and that can hold up who passes.
type gate struct {
	origin.Store
	rt    origin.Clock
	gone  atomic.Bool
	delay time.Duration
}

func (g *gate) pass(ctx context.Context, call func() error) error {
	if g.gone.Load() {
		return origin.ErrUnreachable
	}
	if err := g.rt.Sleep(ctx, g.delay); err != nil {
		return err
	}
	err := call()
	if g.gone.Load() {
		return origin.ErrUnreachable
	}
	return err
}

func (g *gate) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	return g.pass(ctx, func() error { return g.Store.Put(ctx, key, o) })
}

func (g *gate) Get(ctx context.Context, key origin.Key, digest uint32) (o origin.Object, err error) {
	err = g.pass(ctx, func() error {
		o, err = g.Store.Get(ctx, key, digest)
		return err
	})
	return o, err
}

// gates are a table's, by zone.
type gates []*gate

// closed closes the gates of the zones with these indices and opens the others.
func (gs gates) closed(gone ...int) {
	for i, g := range gs {
		g.gone.Store(slices.Contains(gone, i))
	}
}

// records keeps what was recorded.
type records struct {
	mu  sync.Mutex
	all []origin.Record
}

func (r *records) Record(rec origin.Record) {
	r.mu.Lock()
	r.all = append(r.all, rec)
	r.mu.Unlock()
}

// tableOf makes a table of three zones with a gate each, whose latencies are given and do not vary.
func (w *world) tableOf(c TableConfig, latencies ...time.Duration) (*Table, gates) {
	c.Region, c.Zones, c.Runtime, c.Context, c.Start = "east", []string{"1", "2", "3"}, w.rt, w.ctx, w.rt.Now()
	if c.Recorder == nil {
		c.Recorder = origin.Discard
	}
	var gs gates
	c.Gate = func(zone string, s origin.Store) origin.Store {
		gs = append(gs, &gate{Store: s, rt: w.rt})
		return gs[len(gs)-1]
	}
	t := NewTable(c)
	for i, l := range latencies {
		t.zones[i].write, t.zones[i].read = fixed(l), fixed(l)
	}
	return t, gs
}

// fixed is a latency that is always the same.
func fixed(d time.Duration) distribution { return Latency{d, d}.distribution() }

// ungated is the same without gates.
func (w *world) ungated(c TableConfig, latencies ...time.Duration) *Table {
	t, _ := w.tableOf(c, latencies...)
	t.gated = 0
	for _, z := range t.zones {
		z.gate = nil
	}
	return t
}

package keyvalue_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/origin/origintest"
	"github.com/liveorigin/liveorigin/sim/loop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ms = time.Millisecond

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// onLoop and onWall run a test on a clock: in virtual time, and on the wall's inside of a bubble.
func onLoop(t *testing.T, test func(t *testing.T, rt origin.Runtime)) {
	l := loop.New(epoch)
	defer l.Close()
	over := false
	l.Go(func() {
		test(t, l)
		over = true
	})
	if err := l.Settle(20_000_000); err != nil || !over {
		t.Errorf("the world does not end: %v", err)
	}
}

func onWall(t *testing.T, test func(t *testing.T, rt origin.Runtime)) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(origin.Wall)
		test(t, rt)
		rt.Join()
	})
}

var clocks = []struct {
	name string
	run  func(t *testing.T, test func(t *testing.T, rt origin.Runtime))
}{{"loop", onLoop}, {"wall", onWall}}

func onBothClocks(t *testing.T, test func(t *testing.T, rt origin.Runtime)) {
	for _, c := range clocks {
		t.Run(c.name, func(t *testing.T) { c.run(t, test) })
	}
}

// The store passes the suite on both clocks, with bodies and without, with a cache and without, and with a second
// process on the same table.
func TestSuite(t *testing.T) {
	for _, c := range clocks {
		for _, nodes := range []int{0, 3} {
			for _, recent := range []int{0, 4} {
				for _, bodiless := range []bool{false, true} {
					name := c.name
					if nodes > 0 {
						name += ", cached"
					}
					if recent > 0 {
						name += ", recent"
					}
					if bodiless {
						name += ", bodiless"
					}
					t.Run(name, func(t *testing.T) { suite(t, c.run, nodes, recent, bodiless) })
				}
			}
		}
	}
}

func suite(t *testing.T, clock func(*testing.T, func(*testing.T, origin.Runtime)), nodes, recent int, bodiless bool) {
	var config keyvalue.Config
	origintest.Run(t, origintest.Subject{
		New: func(_ *testing.T, rt origin.Runtime) origin.Store {
			config = keyvalue.Config{Table: origin.NewMemory(rt, 1<<30), Runtime: rt, Context: context.Background(),
				Recent: recent, ChunkBytes: 128 << 10}
			for range nodes {
				config.Caches = append(config.Caches, newShelf(rt))
			}
			return keyvalue.New(config)
		},
		Again:    func(*testing.T, origin.Store) origin.Store { return keyvalue.New(config) },
		Clock:    clock,
		Bodiless: bodiless,
		MaxBody:  3 << 20,
	})
}

// world is a store over a table and nodes of a cache that can be broken.
type world struct {
	*testing.T
	rt    origin.Runtime
	ctx   context.Context
	table *table
	nodes []*shelf
	store *keyvalue.Store
	keyvalue.Config
}

// newWorld makes a store with chunks of 1000 bytes and no process memory, unless told otherwise.
func newWorld(t *testing.T, rt origin.Runtime, nodes int, change func(c *keyvalue.Config)) *world {
	w := &world{T: t, rt: rt, ctx: context.Background(), table: newTable(rt)}
	w.Config = keyvalue.Config{Table: w.table, Runtime: rt, Context: w.ctx, ChunkBytes: 1000, Timeout: time.Second}
	for range nodes {
		w.nodes = append(w.nodes, newShelf(rt))
		w.Caches = append(w.Caches, w.nodes[len(w.nodes)-1])
	}
	if change != nil {
		change(&w.Config)
	}
	w.store = keyvalue.New(w.Config)
	return w
}

func (w *world) sleep(d time.Duration) {
	w.fence()
	_ = w.rt.Sleep(w.ctx, d)
	w.fence()
}

// fence orders what a test does to tables and nodes, between calls and without their locks, with what those did before
// and do afterwards, as the clock has it. In a bubble that is not enough for the race detector.
func (w *world) fence() {
	for _, n := range w.nodes {
		pass(&n.mu)
	}
	pass(&w.table.mu)
}

// pass waits until nobody has a lock.
func pass(l sync.Locker) {
	l.Lock()
	defer l.Unlock()
}

// put and get make a call, and check what it comes to and how long it takes.
func (w *world) put(why string, key origin.Key, o origin.Object, takes time.Duration, want error) {
	w.Helper()
	w.fence()
	began := w.rt.Now()
	err := w.store.Put(w.ctx, key, o)
	w.fence()
	if took := w.rt.Now().Sub(began); !errors.Is(err, want) || took != takes {
		w.Errorf("%s: put took %v, %v; want %v, %v", why, took, err, takes, want)
	}
}

func (w *world) get(why string, key origin.Key, o origin.Object, takes time.Duration, want error) {
	w.Helper()
	w.fence()
	began := w.rt.Now()
	got, err := w.store.Get(w.ctx, key, o.Digest)
	w.fence()
	if took := w.rt.Now().Sub(began); !errors.Is(err, want) || took != takes {
		w.Errorf("%s: get took %v, %v; want %v, %v", why, took, err, takes, want)
	}
	if err == nil && !equal(got, o) {
		w.Errorf("%s: got %d bytes with digest %08x, want %d with %08x", why, got.Size, got.Digest, o.Size, o.Digest)
	}
}

func equal(a, b origin.Object) bool {
	return a.Size == b.Size && a.Digest == b.Digest && a.Flaws == b.Flaws && bytes.Equal(a.Body, b.Body)
}

// expect compares counters.
func (w *world) expect(want keyvalue.Stats) {
	w.Helper()
	if diff := cmp.Diff(want, w.store.Stats()); diff != "" {
		w.Errorf("counters (-want +got):\n%s", diff)
	}
}

// beside runs n functions at once and waits for all.
func (w *world) beside(n int, fn func(i int)) {
	var left atomic.Int64
	left.Store(int64(n))
	over := w.rt.NewSignal()
	for i := range n {
		w.rt.Go(func() {
			if fn(i); left.Add(-1) == 0 {
				over.Fire()
			}
		})
	}
	if err := over.Wait(w.ctx, w.rt.Now().Add(time.Hour)); err != nil {
		w.Errorf("calls beside each other: %v", err)
	}
}

func part(key origin.Key, n int) origin.Key {
	key.Part = n
	return key
}

var small, large = object(1000, 1), object(3001, 2) // a row, and four chunks with an index

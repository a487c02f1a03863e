package keyvalue_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

// Gets of one object that come while one is under way wait for it, and share what it comes to.
func TestShared(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		w.put("well", number(1), large, 20*ms, nil)
		w.beside(50, func(int) { w.get("all at once", number(1), large, 20*ms, nil) })
		if n := w.table.calls("get", number(1)); n != 1 {
			t.Errorf("%d reads of the index", n)
		}
		w.beside(10, func(i int) {
			w.get("nothing there", number(2), large, 10*ms, origin.ErrNotFound)
		})
		w.get("later", number(1), large, 20*ms, nil)
		w.expect(keyvalue.Stats{Puts: 1, Gets: 61, Shared: 49, TableReads: 2, NotFound: 10})
	})
}

// Whoever leaves takes nobody's answer along, and the last to leave ends the read.
func TestLeaving(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, func(c *keyvalue.Config) { c.HedgeAfter = -1 })
		w.put("well", number(1), small, 10*ms, nil)
		w.table.takes = 100 * ms
		leaver := func(comes, leaves time.Duration) {
			began := rt.Now()
			rt.Go(func() {
				w.sleep(comes)
				ctx, leave := rt.WithCancel(w.ctx)
				rt.Go(func() { w.sleep(leaves - comes); leave() })
				if _, err := w.store.Get(ctx, number(1), small.Digest); !errors.Is(err, context.Canceled) {
					t.Errorf("left with %v", err)
				}
				if got := rt.Now().Sub(began); got != leaves {
					t.Errorf("left after %v, want %v", got, leaves)
				}
				if leaves == 50*ms { // the last of them, who comes again at once
					w.get("comes again", number(1), small, 100*ms, nil)
				}
			})
		}
		leaver(0, 40*ms)     // the first
		leaver(10*ms, 30*ms) // one who waits for it
		leaver(50*ms, 60*ms) // and for who has taken over
		w.sleep(20 * ms)
		w.get("stays", number(1), small, 120*ms, nil) // 20 ms until the first leaves, and a read of its own then
		if n := w.table.calls("get", number(1)); n != 2 {
			t.Errorf("%d reads", n)
		}
		w.sleep(time.Second)

		leaver(0, 30*ms)
		leaver(10*ms, 40*ms)
		leaver(20*ms, 50*ms)
		w.sleep(51 * ms)
		if n := w.table.busy(); n != 1 {
			t.Errorf("%d reads, want that of who came again", n)
		}
		w.sleep(100 * ms)
		w.get("comes later", number(1), small, 100*ms, nil)
		w.expect(keyvalue.Stats{Puts: 1, Gets: 9, Shared: 1, TableReads: 2, Failed: 6})
	})
}

// Newest segments are read from memory, after a Put and after a Get, and take no time.
func TestRecent(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 1, func(c *keyvalue.Config) { c.Recent = 2 })
		for n := range 4 {
			w.put("well", number(n), large, 20*ms, nil)
		}
		w.put("other bytes", number(3), small, 20*ms, origin.ErrExists)
		clear(w.nodes[0].rows)
		w.get("newest", number(3), large, 0, nil)
		w.get("second", number(2), large, 0, nil)
		w.get("third", number(1), large, 20*ms, nil)
		w.sleep(ms)
		w.get("third, now in the cache", number(1), large, 0, nil)
		w.get("other bytes", number(3), small, 10*ms, origin.ErrNotFound)
		second := keyvalue.New(w.Config)
		w.store = second
		w.get("another process", number(3), large, 20*ms, nil)
		w.get("knows it now", number(3), large, 0, nil)
		w.expect(keyvalue.Stats{Gets: 2, TableReads: 1, Recent: 1})
	})
}

// Nothing is kept of what is over: no flights, no alarms, no coroutines.
func TestNothingStays(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 2, func(c *keyvalue.Config) { c.Recent = 2 })
		var wrong atomic.Int64
		w.beside(40, func(i int) {
			for n := range 50 {
				if w.store.Put(w.ctx, number(n), large) != nil {
					wrong.Add(1)
				}
				if o, err := w.store.Get(w.ctx, number((n*i)%50), large.Digest); err == nil && !equal(o, large) {
					wrong.Add(1)
				}
			}
		})
		w.sleep(2 * time.Second)
		if wrong.Load() != 0 {
			t.Errorf("%d wrong answers", wrong.Load())
		}
		if n := keyvalue.Left(w.store); n != 0 {
			t.Errorf("%d things are left", n)
		}
		w.conserved()
	})
}

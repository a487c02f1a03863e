package keyvalue_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

// filling is a node of a cache that reads rows into its callers' buffers, and takes what it may.
type filling struct {
	*shelf
	into   int           // rows that were read into a buffer
	lavish bool          // it writes to all of a buffer's capacity
	slow   time.Duration // how long it goes on writing after its context has ended
}

func (f *filling) GetInto(ctx context.Context, key origin.Key, digest uint32, into []byte) (origin.Object, error) {
	o, err := f.shelf.Get(ctx, key, digest)
	if err != nil && ctx.Err() != nil {
		_ = f.rt.Sleep(context.Background(), f.slow)
		scribble(into)
	}
	if err != nil {
		return origin.Object{}, err
	}
	if f.lavish {
		_ = f.rt.Sleep(ctx, time.Duration(5-key.Part)*ms) // so that what comes after a chunk in the body is there already
		scribble(into[:cap(into)])
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.into++
	o.Body = into[:copy(into, o.Body)]
	return o, nil
}

func scribble(b []byte) {
	for i := range b {
		b[i] = 0xaa
	}
}

// newFilling makes a world whose cache is one such node.
func newFilling(t *testing.T, rt origin.Runtime) (*world, *filling) {
	f := &filling{shelf: newShelf(rt)}
	w := newWorld(t, rt, 0, func(c *keyvalue.Config) { c.Caches = []origin.Store{f} })
	w.nodes = []*shelf{f.shelf}
	return w, f
}

// Chunks are read straight to their places, though the node takes all of the buffer that there is; what is one row is not,
// and a row that is wrong is read from the table to the same place.
func TestFiller(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w, f := newFilling(t, rt)
		f.lavish = true
		w.put("written through", number(1), large, 20*ms, nil)
		w.get("cached", number(1), large, 4*ms, nil)
		w.put("one row", number(2), small, 10*ms, nil)
		w.get("one row", number(2), small, 0, nil)
		f.rows[part(number(1), 2)] = damage(f.rows[part(number(1), 2)])
		w.get("a wrong row", number(1), large, 13*ms, nil)
		w.sleep(ms)
		w.get("overwritten", number(1), large, 4*ms, nil)
		w.expect(keyvalue.Stats{Puts: 2, Gets: 4, CacheHits: 3, TableReads: 1, CacheWrong: 1})
		if f.into != 12 {
			t.Errorf("%d rows were read into a buffer, want 4 of each large object", f.into)
		}
	})
}

// A node that goes on writing after it was given up is waited for: nobody is given a body that it may still write to.
func TestFillerGivenUp(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w, f := newFilling(t, rt)
		w.put("written through", number(1), large, 20*ms, nil)
		w.get("cached", number(1), large, 0, nil)
		// Row 0 is there at once, and then nothing comes until the cache's time is over, and scribbles after it.
		f.takes, f.slow = time.Hour, 30*ms
		f.quick = map[origin.Key]bool{number(1): true}
		w.fence()
		got, err := w.store.Get(w.ctx, number(1), large.Digest)
		if err != nil || !equal(got, large) {
			t.Fatalf("got %d bytes, %v", got.Size, err)
		}
		w.sleep(time.Second)
		if !bytes.Equal(got.Body, large.Body) {
			t.Error("the body changed after it was given out")
		}
	})
}

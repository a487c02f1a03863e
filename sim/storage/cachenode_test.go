package storage

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sort"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// small is a node for three items of at most 10 bytes.
var small = CacheProfile{Get: Latency{ms, ms}, Set: Latency{2 * ms, 2 * ms}, Bytes: 30, ItemLimit: 10, TTL: time.Minute,
	Timeout: 20 * ms}

func (w *world) cacheNode(p CacheProfile) *CacheNode {
	return NewCacheNode(CacheNodeConfig{Name: "1", Region: "east", Runtime: w.rt, Seed: 1, Profile: p})
}

// part is the key of one of the rows of an object.
func part(n int) origin.Key {
	k := key
	k.Part = n
	return k
}

// found asks for a row, and checks how long it took and what came.
func (w *world) found(n *CacheNode, key origin.Key, digest uint32, want error, takes time.Duration, why string) {
	w.Helper()
	var o origin.Object
	took, err := w.took(func() (err error) {
		o, err = n.Get(w.ctx, key, digest)
		return err
	})
	if !errors.Is(err, want) || took != takes || err == nil && o.Digest != digest {
		w.Errorf("%s: took %v and gave %d, %v; want %v, %v", why, took, o.Digest, err, takes, want)
	}
}

// What was set is got, if it is what was asked for, row by row; and every call is counted once.
func TestCacheNode(t *testing.T) {
	onBothClocks(t, func(w *world) {
		n := w.cacheNode(small)
		set := func(k origin.Key, digest uint32, size int, want error, takes time.Duration) {
			w.Helper()
			took, err := w.took(func() error { return n.Put(w.ctx, k, origin.Object{Digest: digest, Size: size}) })
			if !errors.Is(err, want) || took != takes {
				w.Errorf("set %v took %v, %v; want %v, %v", k, took, err, takes, want)
			}
		}
		set(part(0), 1, 5, nil, 2*ms)
		set(part(1), 2, 10, nil, 2*ms)
		w.found(n, part(0), 1, nil, ms, "an index")
		w.found(n, part(1), 2, nil, ms, "a chunk")
		w.found(n, part(2), 2, origin.ErrNotFound, ms, "a chunk that nobody set")
		w.found(n, part(0), 2, origin.ErrNotFound, ms, "other bytes")
		set(part(0), 2, 7, nil, 2*ms)
		w.found(n, part(0), 2, nil, ms, "the newer")
		w.found(n, part(0), 1, origin.ErrNotFound, ms, "the older")
		set(part(3), 3, 11, ErrTooLarge, 0)
		ctx, cancel := w.rt.WithCancel(w.ctx)
		cancel()
		if _, err := n.Get(ctx, part(0), 2); !errors.Is(err, context.Canceled) {
			w.Errorf("nobody waits: %v", err)
		}
		if s := n.Stats(); s != (CacheNodeStats{Gets: 7, Hits: 3, Misses: 4, Sets: 3, Failed: 1, BytesRead: 22, BytesWritten: 22,
			Items: 2, Bytes: 17}) {
			w.Errorf("counted %+v", s)
		}
		if items := n.Flush(); items != 2 {
			w.Errorf("%d items flushed", items)
		}
		w.found(n, part(1), 2, origin.ErrNotFound, ms, "cold")
		if s := n.Stats(); s.Items != 0 || s.Bytes != 0 || len(n.expiring) != 0 || n.recent.Len() != 0 {
			w.Errorf("holds %+v after a flush", s)
		}
	})
}

// What has expired is gone when the next comes, or when somebody looks, and not only when room is needed. Rows that
// the table forgets earlier go earlier, in whichever order they came.
func TestExpiredItemsGo(t *testing.T) {
	onBothClocks(t, func(w *world) {
		p := small
		p.Bytes = 1 << 30
		n := w.cacheNode(p)
		put := func(i int, keep time.Duration) {
			o := origin.Object{Digest: 1, Size: 5, ExpiresAt: w.rt.Now().Add(keep)}
			if err := n.Put(w.ctx, numbered(i), o); err != nil {
				w.Fatal(err)
			}
		}
		held := func(why string, want int) {
			w.Helper()
			if len(n.items) != want || len(n.expiring) != want || n.recent.Len() != want || n.stats.Bytes != want*5 {
				w.Errorf("%s: %d items, %d to expire, %d bytes; want %d of 5 bytes", why, len(n.items), len(n.expiring),
					n.stats.Bytes, want)
			}
		}
		for i := range 500 { // a TTL is a minute
			put(i, time.Hour)
			w.sleep(time.Second - 2*ms)
		}
		held("a minute's rows", 60)
		put(500, 10*time.Second)
		put(501, 5*time.Second)
		put(502, time.Hour)
		held("three more, two of them short-lived, for the oldest", 62)
		w.sleep(6 * time.Second)
		put(503, time.Hour)
		held("the last but one has expired first, and six of the first", 56)
		w.sleep(59 * time.Second)
		held("nobody came", 56)
		w.found(n, numbered(450), 1, origin.ErrNotFound, ms, "but what has expired is not given out")
		if s := n.Stats(); s.Evicted != 0 || s.Bytes != 5 {
			w.Errorf("counted %+v; want the last row, and nothing evicted", s)
		}
		held("somebody looked", 1)
	})
}

// The least recently used go first, and what does not fit is not kept.
func TestEviction(t *testing.T) {
	onLoop(t, func(w *world) {
		p := small
		p.ItemLimit = 100
		n := w.cacheNode(p)
		put := func(i, size int) {
			if err := n.Put(w.ctx, numbered(i), origin.Object{Digest: 1, Size: size}); err != nil {
				w.Fatal(err)
			}
		}
		put(1, 10)
		put(2, 10)
		put(3, 10)
		w.found(n, numbered(1), 1, nil, ms, "there is room for three")
		put(4, 10)
		w.found(n, numbered(1), 1, nil, ms, "used last")
		w.found(n, numbered(2), 1, origin.ErrNotFound, ms, "it was not used for longest")
		put(5, 31)
		w.found(n, numbered(5), 1, origin.ErrNotFound, ms, "larger than the node")
		if s := n.Stats(); s.Bytes != 30 || s.Evicted != 1 {
			w.Errorf("counted %+v", s)
		}
	})
}

// A node that has too much to do is given up after the time-out, and does no more than it can.
func TestBusyCacheNode(t *testing.T) {
	onLoop(t, func(w *world) {
		p := small
		p.Capacity = Capacity{Operations: 100}
		n := w.cacheNode(p)
		if err := n.Put(w.ctx, key, origin.Object{Digest: 1, Size: 5}); err != nil {
			w.Fatal(err)
		}
		late := int64(0)
		for _, d := range w.poisson(1000, 1000, func() error { _, err := n.Get(w.ctx, key, 1); return err }) {
			if d > 20*ms {
				w.Fatalf("a read took %v, want the time-out at most", d)
			}
			if d == 20*ms {
				late++
			}
		}
		if s := n.Stats(); s.Failed != late || late < 700 || s.Gets != s.Hits+s.Misses || s.Busy > 2*time.Second {
			w.Errorf("%d of 1000 reads timed out, at ten times what the node can do; counted %+v", late, s)
		}
		w.sleep(time.Second)
		n.get = fixed(50 * ms)
		w.found(n, key, 1, origin.ErrTimeout, 20*ms, "a slow node")
	})
}

// intoNode is a node that reads into its callers' buffers, or fails.
type intoNode struct {
	origin.Store
	err error
}

func (n *intoNode) GetInto(_ context.Context, _ origin.Key, digest uint32, into []byte) (origin.Object, error) {
	return origin.Object{Body: into[:copy(into, "body")], Size: 4, Digest: digest}, n.err
}

// A witness lets a node read into its caller's buffer, and notes when that fails; a node that cannot is read as ever.
func TestWitnessGetInto(t *testing.T) {
	onLoop(t, func(w *world) {
		rec, node, into := new(records), new(intoNode), make([]byte, 9)
		seen := &Witness{Store: node, Runtime: w.rt, Recorder: rec, Start: w.rt.Now()}
		if o, err := seen.GetInto(w.ctx, key, 1, into); err != nil || string(into[:4]) != "body" || &o.Body[0] != &into[0] {
			w.Errorf("got %q, %v, and in the buffer %q", o.Body, err, into)
		}
		if len(rec.all) != 0 {
			w.Errorf("recorded %v", rec.all)
		}
		node.err = origin.ErrUnreachable
		if _, err := seen.GetInto(w.ctx, key, 1, into); !errors.Is(err, origin.ErrUnreachable) || len(rec.all) != 1 {
			w.Errorf("got %v, recorded %v", err, rec.all)
		}
		seen.Store = w.cacheNode(small)
		_ = seen.Put(w.ctx, key, origin.Object{Digest: 1, Size: 5})
		if o, err := seen.GetInto(w.ctx, key, 1, into); err != nil || o.Size != 5 {
			w.Errorf("by a node that cannot: %d bytes, %v", o.Size, err)
		}
	})
}

// A store that cannot be reached leaves traces, of each second the first hundred; answers, and callers that go away, leave
// none.
func TestWitness(t *testing.T) {
	onLoop(t, func(w *world) {
		rec := new(records)
		start := w.rt.Now().Add(time.Second)
		g := &gate{Store: w.cacheNode(small), rt: w.rt}
		seen := &Witness{Store: g, Name: "cache 1", Region: "east", Runtime: w.rt, Recorder: rec, Start: start,
			Patience: 50 * ms}
		gone, cancel := w.rt.WithCancel(w.ctx)
		cancel()
		_, _ = seen.Get(w.ctx, key, 1)
		_, _ = seen.Get(gone, key, 1)
		_ = seen.Put(w.ctx, key, origin.Object{Digest: 1, Size: 11})
		_ = seen.Put(w.ctx, key, origin.Object{Digest: 1, Size: 5})
		if o, err := seen.Get(w.ctx, key, 1); err != nil || o.Size != 5 {
			w.Errorf("got %d bytes, %v", o.Size, err)
		}
		if len(rec.all) != 0 {
			w.Errorf("recorded %v", rec.all)
		}
		g.delay = time.Hour
		for _, wait := range []time.Duration{49 * ms, 50 * ms} {
			ctx, cancel := w.rt.WithCancel(w.ctx)
			w.rt.Go(func() {
				w.sleep(wait)
				cancel()
			})
			_, _ = seen.Get(ctx, key, 1)
		}
		if len(rec.all) != 1 || rec.all[0].Error != "context canceled" {
			w.Errorf("recorded %v, want the one that took as long as anybody waits", rec.all)
		}
		rec.all = nil
		w.sleep(5*time.Second - w.rt.Now().Sub(start))
		g.gone.Store(true)
		for range notesPerSecond {
			_, _ = seen.Get(w.ctx, key, 2)
			_ = seen.Put(w.ctx, key, origin.Object{Digest: 2})
		}
		want := origin.Record{AtUs: 5_000_000, Kind: origin.KindReplica, Region: "east", Name: "cache 1", Rendition: "v",
			Number: key.Number, Pipeline: "a", Error: "unreachable"}
		if len(rec.all) != notesPerSecond || rec.all[0].AtUs != want.AtUs || rec.all[0].Name != want.Name ||
			rec.all[0].Error != want.Error || rec.all[0].Kind != want.Kind || rec.all[0].Number != want.Number {
			w.Errorf("%d records, the first %+v; want %d, and %+v", len(rec.all), rec.all[0], notesPerSecond, want)
		}
	})
}

// The hit ratio of least-recently-used is what Che's approximation says: 0.43666 for 10,000 objects asked for by Zipf's
// law with exponent 0.8 and room for 1,000 (performance.md section 7, within 1 %).
func TestLeastRecentlyUsed(t *testing.T) {
	onLoop(t, func(w *world) {
		n := w.cacheNode(CacheProfile{Bytes: 1000, ItemLimit: 1, TTL: 1 << 60, Timeout: time.Second})
		next := zipf(10_000, 0.8, streams.New(1, "zipf"))
		ask := func(times int) float64 {
			before := n.Stats()
			for range times {
				k := numbered(next())
				if _, err := n.Get(w.ctx, k, 1); errors.Is(err, origin.ErrNotFound) {
					err = n.Put(w.ctx, k, origin.Object{Digest: 1, Size: 1})
					if err != nil {
						w.Fatal(err)
					}
				}
				w.sleep(ms)
			}
			return float64(n.Stats().Hits-before.Hits) / float64(times)
		}
		ask(10_000)
		if got := ask(samples(60_000, 1_000_000)); math.Abs(got-0.43666) > 0.0043666 {
			w.Errorf("hit ratio %v, want 0.43666", got)
		}
	})
}

// zipf draws numbers below n with probabilities as 1/(i+1)^s.
func zipf(n int, s float64, r *rand.Rand) func() int {
	sums, sum := make([]float64, n), 0.0
	for i := range sums {
		sum += math.Pow(float64(i+1), -s)
		sums[i] = sum
	}
	return func() int { return sort.SearchFloat64s(sums, r.Float64()*sum) }
}

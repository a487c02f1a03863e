package storage

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// zone is a replica that can be taken away.
type zone struct {
	origin.Store
	gone bool
}

func (z *zone) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	if z.gone {
		return origin.ErrUnreachable
	}
	return z.Store.Put(ctx, key, o)
}

func (z *zone) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	if z.gone {
		return origin.Object{}, origin.ErrUnreachable
	}
	return z.Store.Get(ctx, key, digest)
}

func newZoned(ctx context.Context, rt origin.Runtime, rec origin.Recorder) (*Zoned, []*zone) {
	z := &Zoned{Region: "east", Runtime: rt, Timeout: time.Second, Context: ctx, Start: rt.Now(), Recorder: rec}
	var zones []*zone
	for i, latency := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 500 * time.Millisecond} {
		name := string(rune('1' + i))
		l := Latency{latency, latency}
		zn := &zone{Store: NewLatent(origin.NewMemory(rt, 1<<20), rt, l, l, streams.New(1, name))}
		zones = append(zones, zn)
		z.Replicas = append(z.Replicas, Replica{name, zn})
	}
	return z, zones
}

// An acknowledged object is read by any quorum that is left, and never acknowledged without one (reliability.md, A10).
func TestQuorum(t *testing.T) {
	for _, c := range []struct {
		why              string
		goneAtPut        []int
		goneAtGet        []int
		put, get         error
		putTook, getTook time.Duration
	}{
		{why: "all zones: two of three are enough", putTook: 5 * time.Millisecond, getTook: time.Millisecond},
		{why: "slowest zone gone", goneAtPut: []int{2}, putTook: 5 * time.Millisecond, getTook: time.Millisecond},
		{why: "a fast zone gone: the quorum needs the slow one", goneAtPut: []int{0}, putTook: 500 * time.Millisecond,
			getTook: 5 * time.Millisecond},
		{why: "two zones gone", goneAtPut: []int{0, 1}, put: origin.ErrNoQuorum, putTook: 0},
		{why: "written by two, read from the third and one of them", goneAtPut: []int{2}, goneAtGet: []int{0},
			putTook: 5 * time.Millisecond, getTook: 5 * time.Millisecond},
		{why: "nobody left who has it", goneAtPut: []int{2}, goneAtGet: []int{0, 1}, get: origin.ErrNoQuorum,
			putTook: 5 * time.Millisecond, getTook: 500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			rt, ctx := new(origin.Wall), context.Background()
			z, zones := newZoned(ctx, rt, origin.Discard)
			for _, i := range c.goneAtPut {
				zones[i].gone = true
			}
			began := rt.Now()
			if err := z.Put(ctx, origin.Key{Number: 1}, origin.Object{Size: 7}); !errors.Is(err, c.put) || rt.Now().Sub(began) != c.putTook {
				t.Errorf("%s: put took %v and gave %v; want %v, %v", c.why, rt.Now().Sub(began), err, c.putTook, c.put)
			}
			rt.Join()
			if c.put != nil {
				return
			}
			for i := range zones {
				zones[i].gone = slices.Contains(c.goneAtGet, i)
			}
			began = rt.Now()
			o, err := z.Get(ctx, origin.Key{Number: 1}, 0)
			if !errors.Is(err, c.get) || rt.Now().Sub(began) != c.getTook || (c.get == nil && o.Size != 7) {
				t.Errorf("%s: get took %v and gave %d bytes, %v; want %v, %v", c.why, rt.Now().Sub(began), o.Size, err, c.getTook, c.get)
			}
			rt.Join()
		})
	}
}

func TestAbsenceTakesAQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt, ctx := new(origin.Wall), context.Background()
		z, zones := newZoned(ctx, rt, origin.Discard)
		if _, err := z.Get(ctx, origin.Key{Number: 1}, 0); !errors.Is(err, origin.ErrNotFound) {
			t.Errorf("all zones: %v", err)
		}
		zones[0].gone, zones[1].gone = true, true
		if _, err := z.Get(ctx, origin.Key{Number: 1}, 0); !errors.Is(err, origin.ErrNoQuorum) {
			t.Errorf("one zone cannot say that there is none: %v", err)
		}
		rt.Join()
	})
}

type records struct {
	mu  sync.Mutex
	all []origin.Record
}

func (r *records) Record(rec origin.Record) {
	r.mu.Lock()
	r.all = append(r.all, rec)
	r.mu.Unlock()
}

// A replica that fails leaves a trace, or the loss of a zone could not be proved to have been felt.
func TestFailedReplicaIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt, ctx, rec := new(origin.Wall), context.Background(), new(records)
		z, zones := newZoned(ctx, rt, rec)
		zones[1].gone = true
		_ = rt.Sleep(ctx, time.Second)
		if err := z.Put(ctx, origin.Key{Rendition: "v", Number: 3}, origin.Object{}); err != nil {
			t.Fatal(err)
		}
		rt.Join()
		if len(rec.all) != 1 || rec.all[0].Kind != origin.KindReplica || rec.all[0].Name != "2" || rec.all[0].Number != 3 ||
			rec.all[0].AtUs != 1_000_000 {
			t.Errorf("recorded %+v", rec.all)
		}
	})
}

// The drawn latencies have the percentiles that they were asked for, within the error of 100,000 draws.
func TestLatencyPercentiles(t *testing.T) {
	l := Latency{25 * time.Millisecond, 129 * time.Millisecond}
	r := streams.New(1, "test")
	draws := make([]time.Duration, 100_000)
	for i := range draws {
		draws[i] = l.draw(r)
	}
	slices.Sort(draws)
	for p, want := range map[int]time.Duration{50: l.P50, 99: l.P99} {
		got := draws[len(draws)*p/100]
		if math.Abs(float64(got-want)) > 0.03*float64(want) {
			t.Errorf("p%d is %v, want %v", p, got, want)
		}
	}
}

func TestStreamsDiffer(t *testing.T) {
	a, again, b, other := streams.New(1, "a"), streams.New(1, "a"), streams.New(1, "b"), streams.New(2, "a")
	x := a.Uint64()
	if x != again.Uint64() || x == b.Uint64() || x == other.Uint64() {
		t.Error("a stream is its seed and its name, and nothing else")
	}
}

// Two writers with different bytes for one key, by way of different nodes: one at most is told that they are stored, and
// only its bytes are read, also from the zone that the other was first in.
func TestTwoWritersOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt, ctx := new(origin.Wall), context.Background()
		z, zones := newZoned(ctx, rt, origin.Discard)
		key := origin.Key{Number: 1}
		if err := zones[0].Put(ctx, key, origin.Object{Digest: 2, Size: 7}); err != nil { // the other was first there
			t.Fatal(err)
		}
		if err := z.Put(ctx, key, origin.Object{Digest: 1, Size: 7}); err != nil {
			t.Errorf("two zones of three: %v", err)
		}
		rt.Join()
		if err := z.Put(ctx, key, origin.Object{Digest: 2, Size: 7}); !errors.Is(err, origin.ErrExists) {
			t.Errorf("the other writer: %v", err)
		}
		if o, err := z.Get(ctx, key, 1); err != nil || o.Digest != 1 {
			t.Errorf("read %d, %v", o.Digest, err)
		}
		rt.Join()
	})
}

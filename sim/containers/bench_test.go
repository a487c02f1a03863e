package containers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

// BenchmarkWriteThrough is what giving rows to the cache adds to a Put: the target is 1 ms at the median and 5 ms at the
// 99th percentile, and nothing once a cache that hangs is known to be dead. The table takes 5 ms, always; an object is
// one row of 500 kB, the worst case, since nothing of it can be given to the cache before it is committed. Puts with a
// cache, with a dead one and without take turns, so that the machine is the same for all.
func BenchmarkWriteThrough(b *testing.B) {
	s := sharedStack(b)
	arms := []struct {
		name   string
		caches []origin.Store
		store  *keyvalue.Store
		took   []time.Duration
	}{{name: "without"}, {name: "alive", caches: openCaches(b, s)}, {name: "dead", caches: []origin.Store{hanging(b)}}}
	for i := range arms {
		rt := new(origin.Wall)
		arms[i].store = openStore(b, fixed{origin.NewMemory(rt, 1<<40), rt}, arms[i].caches)
	}
	o, n := object(1, 500_000), 0
	put := func(store *keyvalue.Store) time.Duration {
		n++
		k, _ := segment(0)
		k.Number = origin.SegmentNumber(n)
		began := time.Now()
		if err := store.Put(b.Context(), k, o); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	for range 100 { // by then it is known who is dead
		put(arms[2].store)
	}
	const rounds = 300
	for b.Loop() {
		for range rounds {
			for i := range arms {
				arms[i].took = append(arms[i].took, put(arms[i].store))
			}
		}
	}
	b.ReportMetric(0, "ns/op") // of a round of all three, which says nothing
	without := arms[0].took
	for _, p := range []int{50, 99} {
		b.ReportMetric(inMs(percentile(without, p)), fmt.Sprintf("without-p%d-ms", p))
		for _, arm := range arms[1:] {
			added := percentile(arm.took, p) - percentile(without, p)
			b.ReportMetric(inMs(added), fmt.Sprintf("%s-adds-p%d-ms", arm.name, p))
		}
	}
	if arms[2].store.Stats().CacheAway == 0 || arms[1].store.Stats().CacheAway > 0 {
		b.Errorf("alive: %+v\ndead: %+v", arms[1].store.Stats(), arms[2].store.Stats())
	}
}

// fixed is a table that takes 5 ms.
type fixed struct {
	origin.Store
	rt origin.Clock
}

func (f fixed) Put(ctx context.Context, k origin.Key, o origin.Object) error {
	if err := f.rt.Sleep(ctx, 5*time.Millisecond); err != nil {
		return err
	}
	return f.Store.Put(ctx, k, o)
}

// hanging is a node of the cache that takes connections and never says anything.
func hanging(b *testing.B) origin.Store {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return openCacheAt(b, l.Addr().String(), 0)
}

// What an origin storm is: so many readers, each of which reads an old object at every beat, from everywhere at once, as
// edges do that are cold. The beat keeps the readers from measuring the processor; cpu-% says whether it does.
const (
	stormReaders = 10
	stormBeat    = 100 * time.Millisecond
	stormObjects = 96
	stormPut     = 40 * time.Millisecond // a segment is put so often, calm or storm
	stormTurn    = time.Second
	stormTurns   = 20 // calm and storm, in turn
)

// BenchmarkStorm is what an origin storm does to puts, into real databases: as it is built, with everything read from
// Cassandra, and with that over the connections that are written over. The target is that the first moves a put's 99th
// percentile by a tenth at most. On a machine of a few cores readers, databases and writers have to share these, which
// is more than connections and caches can make up for.
func BenchmarkStorm(b *testing.B) {
	s := sharedStack(b)
	c := keyspace(b, s, map[string]int{here: 3})
	stored := openStore(b, openTable(b, c), nil)
	for i := range stormObjects {
		k, o := oldObject(i)
		if err := stored.Put(b.Context(), k, o); err != nil {
			b.Fatal(err)
		}
	}
	for _, arm := range []struct {
		name   string
		cached bool
		shared bool
	}{{"as-built", true, false}, {"no-cache", false, false}, {"no-cache-one-session", false, true}} {
		b.Run(arm.name, func(b *testing.B) {
			with := c
			with.Shared = arm.shared
			var caches []origin.Store
			recent := 0
			if arm.cached {
				caches, recent = openCaches(b, s), 8
			}
			storm(b, with, caches, recent)
		})
	}
}

func oldObject(n int) (origin.Key, origin.Object) {
	k := origin.Key{Event: "final", Rendition: "old", Number: origin.SegmentNumber(n), Pipeline: "us-east-a"}
	return k, object(uint64(n), 500_000)
}

// storm measures puts in calm and storm.
func storm(b *testing.B, c cassandra.Config, caches []origin.Store, recent int) {
	store := openStore(b, openTable(b, c), caches, func(c *keyvalue.Config) { c.Recent = recent })
	for i := range stormObjects { // as they have been since they were put
		read(b, store, i)
	}
	var took [2][]time.Duration
	var busy [2]float64
	warm, cancel := context.WithTimeout(b.Context(), stormTurn) // and so is the other side's code
	putNew(warm, b, store)
	cancel()
	for b.Loop() {
		for turn := range stormTurns {
			ctx, cancel := context.WithTimeout(b.Context(), stormTurn)
			var readers sync.WaitGroup
			if turn%2 == 1 {
				for r := range stormReaders {
					readers.Go(func() { readOld(ctx, b, store, r) })
				}
			}
			before := cpuTimes(b)
			took[turn%2] = append(took[turn%2], putNew(ctx, b, store)...)
			readers.Wait()
			cancel()
			busy[turn%2] += before.busySince(b) / (stormTurns / 2)
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, name := range []string{"calm", "storm"} {
		b.ReportMetric(inMs(percentile(took[i], 50)), name+"-p50-ms")
		b.ReportMetric(inMs(percentile(took[i], 99)), name+"-p99-ms")
		b.ReportMetric(100*busy[i]/float64(b.N), name+"-cpu-%")
	}
	for _, p := range []int{50, 99} {
		ratio := float64(percentile(took[1], p)) / float64(percentile(took[0], p))
		b.ReportMetric(ratio, fmt.Sprintf("storm/calm-p%d", p))
	}
}

var newest origin.SegmentNumber // of all benchmarks, which put each segment once

// putNew puts one segment after the other until ctx ends.
func putNew(ctx context.Context, b *testing.B, store origin.Store) (took []time.Duration) {
	_, o := oldObject(0)
	beat := time.NewTicker(stormPut)
	defer beat.Stop()
	for ctx.Err() == nil {
		newest++
		k := origin.Key{Event: "final", Rendition: "new", Number: newest, Pipeline: "us-east-a"}
		began := time.Now()
		if err := store.Put(context.WithoutCancel(ctx), k, o); err != nil {
			b.Error(err)
		}
		took = append(took, time.Since(began))
		<-beat.C
	}
	return took
}

// readOld reads old objects in an order of its own, one at every beat, until ctx ends.
func readOld(ctx context.Context, b *testing.B, store origin.Store, reader int) {
	order := rand.New(rand.NewPCG(uint64(reader), 0))
	time.Sleep(stormBeat * time.Duration(reader) / stormReaders)
	beat := time.NewTicker(stormBeat)
	defer beat.Stop()
	for ctx.Err() == nil {
		read(b, store, order.IntN(stormObjects))
		<-beat.C
	}
}

func read(b *testing.B, store origin.Store, n int) {
	k, o := oldObject(n)
	if _, err := store.Get(context.Background(), k, o.Digest); err != nil {
		b.Errorf("read object %d: %v", n, err)
	}
}

// machine is the processor time of the whole machine, in seconds.
type machine struct{ busy, all float64 }

func cpuTimes(b *testing.B) machine {
	times, err := cpu.Times(false)
	if err != nil || len(times) != 1 {
		b.Fatal(times, err)
	}
	t := times[0]
	idle := t.Idle + t.Iowait
	all := idle + t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Steal
	return machine{all - idle, all}
}

// busySince is the share of the machine's time that was used.
func (m machine) busySince(b *testing.B) float64 {
	now := cpuTimes(b)
	return (now.busy - m.busy) / max(now.all-m.all, 1e-9)
}

// percentile is the smallest that so many of a hundred do not exceed.
func percentile(all []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)*p+99)/100-1]
}

func inMs(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

package containers_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// BenchmarkWriteThrough is what giving rows to the cache adds to a Put: the target is 1 ms at the median and 5 ms at the
// 99th percentile, and nothing once a cache that hangs is known to be dead. The table takes 5 ms, always; an object is
// one row of 500 kB, which goes to the cache meanwhile. Puts with a cache, with a dead one and without take turns, so that
// the machine is the same for all.
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
	l := servertest.Listen(b)
	return openCacheAt(b, l.Addr().String(), 0)
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

package origin

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slow is a Store that takes a second, and perhaps shares its reads.
type slow struct{ Store }

func (s slow) Get(ctx context.Context, key Key, digest uint32) (Object, error) {
	time.Sleep(time.Second)
	return s.Store.Get(ctx, key, digest)
}

type sharing struct{ slow }

func (sharing) SharesReads() {}

// everything is an Admission that takes down what it is asked, and admits so many.
type everything struct {
	mu    sync.Mutex
	admit int
	asked []Ask
}

func (e *everything) Admit(a Ask) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, a)
	e.admit--
	return e.admit >= 0
}

func (e *everything) Done(Ask, time.Duration, bool) {}

// Of those who read the same at once from a store that shares its reads, the first one reads, and the others wait for it;
// who comes when it is over, or wants something else, or was refused, or reads from another store, does not.
func TestSharedReads(t *testing.T) {
	for _, c := range []struct {
		about string
		wrap  func(Store) Store
		admit int
		want  []bool // shared, of three at once, one for another segment, and one that comes later
	}{
		{"shared", func(s Store) Store { return sharing{slow{s}} }, 10, []bool{false, true, true, false, false}},
		{"not shared", func(s Store) Store { return slow{s} }, 10, []bool{false, false, false, false, false}},
		{"all refused", func(s Store) Store { return sharing{slow{s}} }, 0, []bool{false, false, false, false, false}},
		{"the first admitted", func(s Store) Store { return sharing{slow{s}} }, 1, []bool{false, true, true, false, false}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, c.wrap(NewMemory(new(Wall), 1<<20)))
			e := &everything{admit: c.admit}
			w.Admission = e
			w.until(4100 * time.Millisecond)
			w.publish(1, "a", 0, "from a")
			if r := w.publish(2, "a", 0, "from a, too"); !r.Outcome.Accepted() {
				t.Fatalf("published: %s", r.Outcome)
			}
			for _, n := range []SegmentNumber{1, 1, 1, 2} {
				w.rt.Go(func() { w.get(n) })
				synctest.Wait()
			}
			time.Sleep(2 * time.Second)
			w.get(1)
			w.rt.Join()
			for i, want := range c.want {
				if i >= len(e.asked) || e.asked[i].Shared != want || e.asked[i].Free() != want {
					t.Errorf("%s: request %d of %+v: want shared %v", c.about, i, e.asked, want)
				}
			}
			if len(e.asked) != len(c.want) || len(w.reads.of) != 0 {
				t.Errorf("%s: asked %d times, and %d reads are left", c.about, len(e.asked), len(w.reads.of))
			}
		})
	}
}

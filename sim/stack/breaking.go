package stack

import (
	"slices"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
)

// broken hands a seam to every fault that can wrap one of its kind; the fault looks at the place and decides whether it
// is meant. The first fault of the scenario is the outermost.
func broken[Seam, Breaker any](fs []faults.Fault, seam Seam, wrap func(Breaker, Seam) Seam) Seam {
	for _, f := range slices.Backward(fs) {
		if b, ok := f.(Breaker); ok {
			seam = wrap(b, seam)
		}
	}
	return seam
}

func (s *Stack) brokenSource(at faults.Place, src origin.Source) origin.Source {
	return broken(s.Faults, src, func(b faults.SourceBreaker, src origin.Source) origin.Source {
		return b.WrapSource(at, src)
	})
}

func (s *Stack) brokenPublisher(at faults.Place, p origin.Publisher) origin.Publisher {
	return broken(s.Faults, p, func(b faults.PublisherBreaker, p origin.Publisher) origin.Publisher {
		return b.WrapPublisher(at, p)
	})
}

func (s *Stack) brokenGetter(at faults.Place, g origin.Getter) origin.Getter {
	return broken(s.Faults, g, func(b faults.GetterBreaker, g origin.Getter) origin.Getter {
		return b.WrapGetter(at, g)
	})
}

func (s *Stack) brokenStore(at faults.Place, st origin.Store) origin.Store {
	return broken(s.Faults, st, func(b faults.StoreBreaker, st origin.Store) origin.Store {
		return b.WrapStore(at, st)
	})
}

// Strike lets a fault that acts once act on everything that it can be aimed at, as its window opens.
func (s *Stack) Strike(f faults.Fault) {
	striker, ok := f.(faults.Striker)
	if !ok {
		return
	}
	for _, e := range s.caches {
		striker.Strike(faults.Place{Region: e.Region, Node: e.Name}, flushed{e, s})
	}
	for _, m := range s.stores {
		if m.cache != nil {
			striker.Strike(faults.Place{Region: m.region, Cache: faults.AllNodes}, m.cache)
		}
		if m.table == nil {
			continue
		}
		for _, zone := range s.Scenario.ZoneNames(m.region) {
			striker.Strike(faults.Place{Region: m.region, Zone: zone}, m.table.Zone(zone))
		}
	}
}

// flushed is an edge whose flushes go into the history.
type flushed struct {
	*Edge
	stack *Stack
}

// Flush implements faults.Flusher.
func (f flushed) Flush() int {
	n := f.Cache.Flush()
	f.stack.Recorder.Record(origin.Record{AtUs: f.stack.now().Microseconds(), Kind: origin.KindFlush, Node: f.Name,
		Region: f.Region, Count: int64(n)})
	return n
}

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

func (s *Embedded) brokenSource(at faults.Place, src origin.Source) origin.Source {
	return broken(s.faults, src, func(b faults.SourceBreaker, src origin.Source) origin.Source {
		return b.WrapSource(at, src)
	})
}

func (s *Embedded) brokenPublisher(at faults.Place, p origin.Publisher) origin.Publisher {
	return broken(s.faults, p, func(b faults.PublisherBreaker, p origin.Publisher) origin.Publisher {
		return b.WrapPublisher(at, p)
	})
}

func (s *Embedded) brokenGetter(at faults.Place, g origin.Getter) origin.Getter {
	return broken(s.faults, g, func(b faults.GetterBreaker, g origin.Getter) origin.Getter {
		return b.WrapGetter(at, g)
	})
}

func (s *Embedded) brokenStore(at faults.Place, st origin.Store) origin.Store {
	return broken(s.faults, st, func(b faults.StoreBreaker, st origin.Store) origin.Store {
		return b.WrapStore(at, st)
	})
}

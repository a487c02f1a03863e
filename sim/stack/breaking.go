package stack

import (
	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
)

// Every seam of the stack is handed to every fault that can wrap one of its kind; the fault looks at the place and
// decides whether it is meant. The first fault of the scenario is the outermost.

func (s *Embedded) brokenSource(at faults.Place, src origin.Source) origin.Source {
	for i := len(s.faults) - 1; i >= 0; i-- {
		if b, ok := s.faults[i].(faults.SourceBreaker); ok {
			src = b.WrapSource(at, src)
		}
	}
	return src
}

func (s *Embedded) brokenPublisher(at faults.Place, p origin.Publisher) origin.Publisher {
	for i := len(s.faults) - 1; i >= 0; i-- {
		if b, ok := s.faults[i].(faults.PublisherBreaker); ok {
			p = b.WrapPublisher(at, p)
		}
	}
	return p
}

func (s *Embedded) brokenGetter(at faults.Place, g origin.Getter) origin.Getter {
	for i := len(s.faults) - 1; i >= 0; i-- {
		if b, ok := s.faults[i].(faults.GetterBreaker); ok {
			g = b.WrapGetter(at, g)
		}
	}
	return g
}

func (s *Embedded) brokenStore(at faults.Place, st origin.Store) origin.Store {
	for i := len(s.faults) - 1; i >= 0; i-- {
		if b, ok := s.faults[i].(faults.StoreBreaker); ok {
			st = b.WrapStore(at, st)
		}
	}
	return st
}

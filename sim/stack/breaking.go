package stack

import (
	"fmt"
	"slices"
	"time"

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

func (c *Config) brokenSource(at faults.Place, src origin.Source) origin.Source {
	return broken(c.Faults, src, func(b faults.SourceBreaker, src origin.Source) origin.Source {
		return b.WrapSource(at, src)
	})
}

// headerFrom is when the last fault ends that keeps an encoder from having its CMAF headers; zero when none does.
func (c *Config) headerFrom(at faults.Place) (from time.Time) {
	for _, f := range c.Faults {
		if b, ok := f.(faults.HeaderBreaker); ok {
			if until, meant := b.HeaderFrom(at); meant && until.After(from) {
				from = until
			}
		}
	}
	return from
}

func (c *Config) brokenPublisher(at faults.Place, p origin.Publisher) origin.Publisher {
	return broken(c.Faults, p, func(b faults.PublisherBreaker, p origin.Publisher) origin.Publisher {
		return b.WrapPublisher(at, p)
	})
}

func (c *Config) brokenGetter(at faults.Place, g origin.Getter) origin.Getter {
	return broken(c.Faults, g, func(b faults.GetterBreaker, g origin.Getter) origin.Getter {
		return b.WrapGetter(at, g)
	})
}

func (c *Config) brokenStore(at faults.Place, st origin.Store) origin.Store {
	fs := c.Faults
	if c.Databases {
		fs = withoutActors(fs)
	}
	return broken(fs, st, func(b faults.StoreBreaker, st origin.Store) origin.Store {
		return b.WrapStore(at, st)
	})
}

// Strike lets a fault that acts once act on everything that it can be aimed at, as its window opens. After an error it has
// not acted in every process.
func (s *Stack) Strike(f faults.Fault) (err error) {
	striker, ok := f.(faults.Striker)
	if !ok {
		return nil
	}
	if s.processes != nil {
		if err = s.processes.strike(f.Spec().ID); err != nil {
			err = fmt.Errorf("not everywhere: %w", err)
		}
	}
	for _, e := range s.caches {
		striker.Strike(faults.Place{Region: e.Region, Node: e.Name}, flushed{e, s})
	}
	s.Storage.Strike(striker)
	return err
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

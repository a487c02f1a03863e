package origin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Configs gives an event's Live Event Configuration to those who follow it.
type Configs interface {
	// Changed returns the event's state once it is newer than version after, or, when the wait has been long enough, the
	// one that is known then. An event that is not known is ErrNotFound.
	Changed(ctx context.Context, event string, after int64) (State, error)
}

var _ Configs = (*Node)(nil)

// changeWait is how long one waits for a change before the same state is told again.
const changeWait = 20 * time.Second

// maxWatchers bounds those who wait for one event's next state. Each is a cache, of which a node has tens to thousands.
const maxWatchers = 4096

// ErrTooMany says that no more can wait.
var ErrTooMany = errors.New("too many wait already")

// Changed implements Configs. Whoever waits is woken by Apply.
func (n *Node) Changed(ctx context.Context, event string, after int64) (State, error) {
	c := n.catalog(event)
	if c == nil {
		return State{}, fmt.Errorf("event %s: %w", event, ErrNotFound)
	}
	err := c.watchers.Wait(ctx, n.Runtime, func() bool { return c.state.Load().Version > after })
	return c.state.Load().State, err
}

// Bulletin is what an event's answers carry besides; its Version is zero where no event is known.
func (n *Node) Bulletin(event string) Bulletin {
	if c := n.catalog(event); c != nil {
		return c.state.Load().bulletin
	}
	return Bulletin{}
}

// Watchers wait for the next state of one event. The zero value has none.
type Watchers struct {
	mu      sync.Mutex
	changed Signal // nil while nobody waits
	waiting int
}

// Wait returns nil once changed says so, or has gone on not to for long enough; ctx's error; or ErrTooMany, at once.
// What changed looks at has to be written before Wake is called.
func (w *Watchers) Wait(ctx context.Context, rt Runtime, changed func() bool) error {
	for until := rt.Now().Add(changeWait); ; {
		fresh := rt.NewSignal()
		w.mu.Lock()
		if changed() {
			w.mu.Unlock()
			return nil
		}
		if w.waiting >= maxWatchers {
			w.mu.Unlock()
			return ErrTooMany
		}
		if w.changed == nil {
			w.changed = fresh
		}
		signal := w.changed
		w.waiting++
		w.mu.Unlock()
		err := signal.Wait(ctx, until)
		w.mu.Lock()
		w.waiting--
		w.mu.Unlock()
		switch {
		case errors.Is(err, ErrTimeout):
			return nil
		case err != nil:
			return err
		}
	}
}

// Wake lets everyone look who waits.
func (w *Watchers) Wake() {
	w.mu.Lock()
	changed := w.changed
	w.changed = nil
	w.mu.Unlock()
	if changed != nil {
		changed.Fire()
	}
}

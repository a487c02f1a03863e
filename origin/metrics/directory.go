package metrics

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// confirms is when the directory last had each event.
type confirms struct {
	mu sync.Mutex
	at map[string]time.Time
}

// Directory is d, for Node.Follow; from then on the age of what the node knows is a metric.
func (m *Metrics) Directory(d origin.Directory) origin.Directory { return &watched{m, d} }

type watched struct {
	metrics   *Metrics
	directory origin.Directory
}

// Events implements origin.Directory.
func (w *watched) Events(ctx context.Context) ([]origin.State, error) {
	states, err := w.directory.Events(ctx)
	n := w.metrics.node.Load()
	switch {
	case err != nil:
		w.metrics.failures.Inc()
	case n != nil:
		w.metrics.confirms.confirm(states, n.Runtime.Now())
	}
	return states, err
}

// confirm notes what the directory has. What it does not have any more gets older.
func (c *confirms) confirm(states []origin.State, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == nil {
		c.at = make(map[string]time.Time)
	}
	for i := range states {
		c.at[states[i].ID] = now
	}
}

// keep forgets the events that are not known, and returns the others' times.
func (c *confirms) keep(known map[string]bool) map[string]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.at, func(id string, _ time.Time) bool { return !known[id] })
	return maps.Clone(c.at)
}

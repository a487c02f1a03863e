package edge

import (
	"context"
	"fmt"

	"github.com/liveorigin/liveorigin/origin"
)

// event is what the edge knows of one event. The edge's lock guards it; a state never changes once it is there.
type event struct {
	state *origin.State
	// bulletin is the newest that any answer has brought, or the state's.
	bulletin origin.Bulletin
	watchers origin.Watchers
}

var _ origin.Configs = (*Edge)(nil)

// Learn takes in an event's state, from which the edge knows the legitimate range at any instant, and what of its cache
// counts as expired. Of states it keeps the newest. One of version 0 is what the edge was started with: whatever comes
// is newer. Whoever calls it decides of which events there are any, and how many.
func (e *Edge) Learn(s origin.State) {
	e.mu.Lock()
	ev := e.events[s.ID]
	if ev == nil {
		ev = new(event)
		e.events[s.ID] = ev
	}
	if ev.state != nil && s.Version <= ev.state.Version {
		e.mu.Unlock()
		return
	}
	ev.state = &s
	ev.hear(s.Bulletin())
	e.mu.Unlock()
	ev.watchers.Wake()
}

// hear takes in what an upstream's answer told of an event.
func (e *Edge) hear(event string, b origin.Bulletin) {
	e.mu.Lock()
	if ev := e.events[event]; ev != nil {
		ev.hear(b)
	}
	e.mu.Unlock()
}

// hear keeps the newest: an old segment may come with what was told then, and a region may be behind. A cache version
// never goes back at all.
func (ev *event) hear(b origin.Bulletin) {
	if b.Version > ev.bulletin.Version {
		b.CacheVersion = max(b.CacheVersion, ev.bulletin.CacheVersion)
		ev.bulletin = b
	}
}

// known is the event's state, nil where the edge knows none, and its cache version, which may be a newer state's.
func (e *Edge) known(id string) (st *origin.State, cacheVersion int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ev := e.events[id]; ev != nil {
		return ev.state, ev.bulletin.CacheVersion
	}
	return nil, 0
}

// Event is the configuration that the edge has learnt.
func (e *Edge) Event(id string) (origin.Event, bool) {
	s, ok := e.State(id)
	return s.Event, ok && !s.Removed
}

// State is what the edge has learnt of an event.
func (e *Edge) State(id string) (origin.State, bool) {
	if st, _ := e.known(id); st != nil {
		return *st, true
	}
	return origin.State{}, false
}

// Bulletin is what every answer of an event carries.
func (e *Edge) Bulletin(id string) origin.Bulletin {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ev := e.events[id]; ev != nil {
		return ev.bulletin
	}
	return origin.Bulletin{}
}

// Changed implements origin.Configs, for caches that ask this one.
func (e *Edge) Changed(ctx context.Context, id string, after int64) (origin.State, error) {
	e.mu.Lock()
	ev := e.events[id]
	e.mu.Unlock()
	if ev == nil {
		return origin.State{}, fmt.Errorf("event %s: %w", id, origin.ErrNotFound)
	}
	err := ev.watchers.Wait(ctx, e.Runtime, func() bool {
		st, _ := e.known(id)
		return st.Version > after
	})
	s, _ := e.State(id)
	return s, err
}

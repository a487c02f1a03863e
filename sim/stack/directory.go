package stack

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// directory is a region's store of the control plane, as a model on either clock: so many questions at a time, each of
// which takes so long, and a queue. It is a small database, since it is asked about once a second by each node.
type directory struct {
	rt     origin.Runtime
	states func() []origin.State

	mu   sync.Mutex
	free []time.Time // when each of its places is free again
}

// What a small database of the control plane does: four questions at a time, of five milliseconds each, are 800 a second.
const (
	directoryPlaces  = 4
	directoryTime    = 5 * time.Millisecond
	directoryTimeout = time.Second
)

func newDirectory(rt origin.Runtime, states func() []origin.State) *directory {
	return &directory{rt: rt, states: states, free: make([]time.Time, directoryPlaces)}
}

// Events implements origin.Directory.
func (d *directory) Events(ctx context.Context) ([]origin.State, error) {
	now := d.rt.Now()
	d.mu.Lock()
	place := 0
	for i, at := range d.free {
		if at.Before(d.free[place]) {
			place = i
		}
	}
	begins := d.free[place]
	if begins.Before(now) {
		begins = now
	}
	wait := begins.Add(directoryTime).Sub(now)
	if wait > directoryTimeout {
		d.mu.Unlock()
		if err := d.rt.Sleep(ctx, directoryTimeout); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("list events: %w", origin.ErrTimeout)
	}
	d.free[place] = begins.Add(directoryTime)
	d.mu.Unlock()
	if err := d.rt.Sleep(ctx, wait); err != nil {
		return nil, err
	}
	return d.states(), nil
}

// metadata is what the control plane knows of the event, and its stores, one in each region.
type metadata struct {
	mu     sync.Mutex
	state  origin.State
	stores map[string]*directory
}

func newMetadata(ev origin.Event) *metadata {
	return &metadata{state: origin.State{Event: ev, Version: 1}, stores: map[string]*directory{}}
}

// learn takes in what operators have made of the event.
func (c *metadata) learn(st origin.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st.Version > c.state.Version {
		c.state = st
	}
}

func (c *metadata) states() []origin.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return []origin.State{c.state}
}

// store is a region's.
func (c *metadata) store(rt origin.Runtime, region string) *directory {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.stores[region]
	if d == nil {
		d = newDirectory(rt, c.states)
		c.stores[region] = d
	}
	return d
}

package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/scenarios"
)

// How long the control plane takes to tell a node of a change, where nothing lies in between that takes time by itself. It
// is at home in the scenario's first region.
const (
	toldHere  = 10 * time.Millisecond
	toldThere = 400 * time.Millisecond
)

// What it takes to see that a cache knows of a change: how often it is looked at, and until when. It is never looked at in
// the instant in which a node is told, of which nobody could say what came first.
const (
	lookEvery = 7 * time.Millisecond
	lookUntil = 10 * time.Second
)

// who did what a scenario asks for, by the audit.
const who = "scenario"

// startControl makes the control plane, which all nodes listen to. Caches hear of changes by themselves.
func (s *Stack) startControl() error {
	if len(s.Scenario.Operations()) == 0 {
		return nil
	}
	kept := new(control.Memory)
	s.operators = control.NewService(control.ServiceConfig{Runtime: s.Runtime, Store: kept, Journal: kept, Seed: s.Scenario.Seed})
	create := control.Operation{Event: s.Event.ID, Do: control.Create{Event: s.announced()}}
	if _, err := s.operators.Do(s.ctx, who, create); err != nil { // which is what every node begins with
		return err
	}
	s.operators.Neighbours = s.listeners()
	return nil
}

// listeners are who is told of what operators do.
func (s *Stack) listeners() (all []control.Neighbour) {
	if s.processes != nil {
		for _, one := range s.processes.all() {
			all = append(all, control.Neighbour{Name: one.Name, Listener: one})
		}
		return all
	}
	for i, region := range s.Scenario.RegionNames() {
		delay := toldThere
		if i == 0 {
			delay = toldHere
		}
		for _, node := range s.regions[region].nodes {
			all = append(all, control.Neighbour{Name: node.Name, Listener: &told{s, node, delay}})
		}
	}
	return append(all, control.Neighbour{Name: "caches", Listener: observed{s}})
}

// Operate has operators do something, beside the caller. What came of it goes into the history, and when each node and each
// cache knows.
func (s *Stack) Operate(o scenarios.Operation) {
	s.Runtime.Go(func() {
		r := origin.Record{AtUs: s.now().Microseconds(), Kind: origin.KindOperation, Step: origin.Begin, Name: o.Name, What: o.Do}
		result, err := s.operators.Do(s.ctx, who, s.Scenario.Change(o, s.Event.AvailabilityStartTime))
		if r.Count = result.State.Version; err != nil {
			r.Error = err.Error()
		}
		s.Recorder.Record(r)
	})
}

// errNotTaken is of a node that was told of a change, and knows nothing of it.
var errNotTaken = errors.New("told, and not taken in")

// told is a node that is told by a control plane some way off.
type told struct {
	stack *Stack
	node  *origin.Node
	delay time.Duration
}

// Apply implements control.Listener.
func (t *told) Apply(st origin.State) error {
	began := t.stack.Runtime.Now()
	if err := t.stack.Runtime.Sleep(t.stack.ctx, t.delay); err != nil {
		return err
	}
	st.AvailabilityStartTime = t.stack.local(st.AvailabilityStartTime)
	t.stack.metadata.learn(st)
	err := t.node.Apply(st)
	if now, _ := t.node.State(st.ID); err == nil && now.Version < st.Version {
		err = errNotTaken
	}
	t.stack.reached(Part{Tier: Origin, Region: t.node.Region, Name: t.node.Name}, st, began, err)
	return err
}

// observed are the caches of a stack, which nobody tells.
type observed struct{ *Stack }

// Apply implements control.Listener.
func (s observed) Apply(st origin.State) error {
	for _, c := range s.caches {
		s.Runtime.Go(func() { s.await(c, st) })
	}
	return nil
}

// await takes down when a cache has learnt of a change.
func (s *Stack) await(c *Edge, st origin.State) {
	began := s.Runtime.Now()
	for {
		known, _ := c.Cache.State(st.ID)
		switch {
		case known.Version >= st.Version:
			s.reached(c.Part, st, began, nil)
			return
		case s.Runtime.Now().Sub(began) >= lookUntil:
			s.reached(c.Part, st, began, origin.ErrTimeout)
			return
		}
		if s.Runtime.Sleep(s.ctx, lookEvery) != nil {
			return
		}
	}
}

// reached takes down that a part knows of a change, or that it did not come to know of it.
func (s *Stack) reached(at Part, st origin.State, began time.Time, err error) {
	r := origin.Record{AtUs: s.now().Microseconds(), Kind: origin.KindOperation, Step: origin.End, Target: string(at.Tier),
		Node: at.Name, Region: at.Region, WaitUs: s.Runtime.Now().Sub(began).Microseconds(), Count: st.Version}
	if err != nil {
		r.Error = err.Error()
	}
	s.Recorder.Record(r)
}

// Apply implements control.Listener: it tells the process, or leaves word for when it starts again.
func (p *process) Apply(st origin.State) error {
	word, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("tell %s: %w", p.Name, err)
	}
	p.leave(st.Version, word)
	ctx, cancel := context.WithTimeout(context.Background(), control.TellWithin)
	defer cancel()
	return p.Command(ctx, doOperate, json.RawMessage(word))
}

// leave leaves word of the newest change. Several are told at once, and the older one may come later.
func (p *process) leave(version int64, word []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if version > p.version {
		p.version = version
		p.Leave(theState, string(word))
	}
}

// operate takes a change in, or waits beside the caller until it has come by the way that it comes to caches.
func (p *part) operate(_ context.Context, word json.RawMessage) error {
	<-p.built
	st, err := p.read(word)
	switch {
	case err != nil:
		return err
	case p.node != nil:
		return (&told{p.stack, p.node, 0}).Apply(st)
	}
	return observed{p.stack}.Apply(st)
}

// remember takes in the word that was left while the part was not there.
func (p *part) remember() error {
	word, left := p.urls[theState]
	if !left {
		return nil
	}
	st, err := p.read([]byte(word))
	if err != nil {
		return err
	}
	p.stack.metadata.learn(st)
	return p.node.Apply(st)
}

// read reads a state, with this process's own clock in the event's start.
func (p *part) read(word []byte) (st origin.State, err error) {
	if err := json.Unmarshal(word, &st); err != nil {
		return st, fmt.Errorf("what operators did: %w", err)
	}
	st.AvailabilityStartTime = p.stack.local(st.AvailabilityStartTime)
	return st, nil
}

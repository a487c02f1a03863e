package stack

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// What operators have done reaches every process, and a node that was killed knows it again before anybody can ask it.
func TestOperationsOverProcesses(t *testing.T) {
	o := newOverDouble(t, `operations:
  - {do: mask, pipeline: a, from: 0s, to: 2s, at: 3s}
  - {do: invalidate, pipeline: a, from: 0s, to: 2s, at: 4s}
`)
	first := o.Event.StartNumber
	time.Sleep(time.Until(o.Event.AvailableAt(first)))
	nodes := []string{"east-origin-1/deliver", "east-origin-2/deliver"}
	for _, node := range nodes {
		o.await(t, node, first)
	}
	if r := o.get(t, "east-edge-1", first); r.Pipeline != "a" {
		t.Errorf("before the mask the edge gave %s from %q", r.Reason, r.Pipeline)
	}
	for _, op := range o.Scenario.Operations() {
		o.Operate(op)
		o.known(t, op.Do, 5)
	}
	for _, at := range append(nodes, "east-edge-1") {
		if r := o.get(t, at, first); !r.OK() || r.Pipeline != "b" {
			t.Errorf("%s gave %s from %q, which is masked", at, r.Reason, r.Pipeline)
		}
	}
	late := origin.State{Event: o.announced(), Version: 2}
	for _, one := range o.processes.origins { // somebody who was told of an older change is late
		if err := one.Apply(late); err != nil {
			t.Error(err)
		}
	}
	o.act(t, faults.Kill, faults.Place{Region: "east", Node: faults.AllNodes}, 0)()
	for _, node := range nodes {
		if r := o.get(t, node, first); r.Pipeline == "a" || r.Bulletin.Version != 3 {
			t.Errorf("after its death %s gave %s from %q, in version %d of the event", node, r.Reason, r.Pipeline, r.Bulletin.Version)
		}
	}
}

// known waits until so many parts know of an operation.
func (o *overDouble) known(t *testing.T, name string, parts int) {
	t.Helper()
	for range 100 {
		var version int64
		known := map[string]bool{}
		o.records.mu.Lock()
		all := slices.Clone(o.records.all)
		o.records.mu.Unlock()
		for _, r := range all {
			if r.Kind == origin.KindOperation && r.Step == origin.Begin && r.Name == name {
				version = r.Count
			}
		}
		for _, r := range all {
			if r.Kind == origin.KindOperation && r.Step == origin.End && r.Count == version && r.Error == "" {
				known[r.Node] = true
			}
		}
		if version > 0 && len(known) == parts {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s is not known to all of %d parts", name, parts)
}

// scripted gives the answers that it was told to, one after the other.
type scripted struct{ answers []origin.Response }

func (s *scripted) Get(context.Context, origin.Request) (origin.Response, error) {
	r := s.answers[0]
	s.answers = s.answers[1:]
	return r, nil
}

// A witness takes down what operators have already done something about, of its own event, and every step back.
func TestWitness(t *testing.T) {
	sc, err := scenarios.Parse("test.yaml", []byte(small+"operations: [{do: mask, pipeline: a, from: 4s, to: 8s, at: 10s}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	l, rec := loop.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), new(records)
	s := newStack(t.Context(), Config{Scenario: sc, Event: sc.Event(l.Now()), Runtime: l, Recorder: rec, Wiring: Calls{}})
	defer l.Close()
	defer s.Close()
	got := &scripted{}
	w := s.witnessed(Part{Tier: Site, Name: "e", Region: "east"}, got)
	for _, row := range []struct {
		why      string
		at       time.Duration
		event    string
		number   origin.SegmentNumber
		version  int64
		recorded bool
		back     bool
	}{
		{"before anything was done", 9 * time.Second, "test", 3, 1, false, false},
		{"a masked segment", 10 * time.Second, "test", 3, 1, true, false},
		{"the last of them", 10 * time.Second, "test", 4, 2, true, false},
		{"another one", 11 * time.Second, "test", 5, 2, false, false},
		{"another event's", 11 * time.Second, "other", 3, 0, false, false},
		{"another one, in an older version", 11 * time.Second, "test", 5, 1, true, true},
		{"and again", 12 * time.Second, "test", 9, 1, true, true},
		{"a newer one", 12 * time.Second, "test", 9, 3, false, false},
	} {
		before := len(rec.all)
		got.answers = []origin.Response{{Reason: origin.Published, Pipeline: "a", Bulletin: origin.Bulletin{Version: row.version}}}
		l.Go(func() {
			_ = l.Sleep(t.Context(), s.Event.AvailabilityStartTime.Add(row.at).Sub(l.Now()))
			if _, err := w.Get(t.Context(), origin.Request{Event: row.event, Rendition: "v360", Number: row.number}); err != nil {
				t.Error(err)
			}
		})
		if err := l.Run(s.Event.AvailabilityStartTime.Add(row.at)); err != nil {
			t.Fatal(err)
		}
		fresh := rec.all[before:]
		if (len(fresh) == 1) != row.recorded || row.recorded && ((fresh[0].Error != "") != row.back || fresh[0].Count != row.version) {
			t.Errorf("%s: recorded %+v", row.why, fresh)
		}
	}
}

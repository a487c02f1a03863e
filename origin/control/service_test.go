package control_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/sim/loop"
)

func demo(id string, at time.Time) origin.Event {
	return origin.Event{
		ID: id, AvailabilityStartTime: at, SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: time.Minute,
		PublishDelay: time.Second, RetryBudget: 2 * time.Second, LiveEdgeSegments: 3,
		Renditions: []origin.Rendition{{ID: "v", Kind: origin.Video, Timescale: 1000, SampleTicks: 40, TrackID: 1}},
		Regions:    []origin.RegionPlan{{Name: "east", Pipelines: []string{"a"}}, {Name: "west", Pipelines: []string{"b"}}},
	}
}

func create(rt origin.Clock, id string) control.Operation {
	return control.Operation{ID: "create-" + id, Event: id, Do: control.Create{Event: demo(id, rt.Now().UTC().Truncate(time.Millisecond))}}
}

func mask(id string, from, to origin.SegmentNumber) control.Mask {
	return control.Mask{Mask: origin.Mask{ID: id, Pipeline: "a", From: from, To: to}}
}

// far is a listener behind a way that takes so long, and may be down.
type far struct {
	control.Listener
	rt   origin.Runtime
	way  time.Duration
	down bool

	mu sync.Mutex
	at time.Time // when it was told last
}

func (f *far) Apply(s origin.State) error {
	if err := f.rt.Sleep(context.Background(), f.way); err != nil {
		return err
	}
	if f.down {
		return origin.ErrUnreachable
	}
	f.mu.Lock()
	f.at = f.rt.Now()
	f.mu.Unlock()
	return f.Listener.Apply(s)
}

// newNode is a node of a region, without a store: nothing is published here.
func newNode(rt origin.Runtime, region string) *origin.Node {
	return origin.NewNode(origin.NodeConfig{Name: region + "-1", Region: region, Runtime: rt})
}

// everyNode creates an event and masks it, and says when each node knew, and what was left untold.
func everyNode(t *testing.T, rt origin.Runtime) {
	ctx := context.Background()
	near := &far{Listener: newNode(rt, "east"), rt: rt, way: time.Millisecond}
	other := &far{Listener: newNode(rt, "west"), rt: rt, way: 80 * time.Millisecond}
	deaf := &far{Listener: newNode(rt, "east"), rt: rt, way: 3 * time.Second}
	down := &far{Listener: newNode(rt, "west"), rt: rt, down: true}
	store := &control.Memory{}
	s := control.NewService(control.ServiceConfig{Runtime: rt, Store: store, Journal: store, Neighbours: []control.Neighbour{
		{Name: "deaf", Listener: deaf}, {Name: "near", Listener: near}, {Name: "other", Listener: other}, {Name: "down", Listener: down}}})
	if _, err := s.Do(ctx, "ann", create(rt, "demo")); err != nil {
		t.Error(err)
	}
	asked := rt.Now()
	res, err := s.Do(ctx, "ann", control.Operation{ID: "m", Event: "demo", Do: mask("m", 1, 2)})
	if err != nil || res.State.Version != 2 {
		t.Errorf("%+v, %v", res, err)
	}
	if took := rt.Now().Sub(asked); took != control.TellWithin {
		t.Errorf("told within %v", took)
	}
	if a, b := near.at.Sub(asked), other.at.Sub(asked); a != time.Millisecond || b != 80*time.Millisecond {
		t.Errorf("the region's node knew after %v, the other's after %v", a, b)
	}
	want := []control.Untold{{Name: "deaf", Reason: "timeout"}, {Name: "down", Reason: "unreachable"}}
	if !slices.Equal(res.Untold, want) {
		t.Errorf("untold %v", res.Untold)
	}
	for _, f := range []*far{near, other} {
		if st, ok := f.Listener.(*origin.Node).State("demo"); !ok || len(st.Masks) != 1 || st.Operations != nil {
			t.Errorf("a node knows %+v", st)
		}
	}
	// Who was not told asks.
	ctx, stop := rt.WithCancel(ctx)
	node := down.Listener.(*origin.Node)
	rt.Go(func() { node.Follow(ctx, s, 1, func(err error) { t.Error(err) }) })
	if err := rt.Sleep(ctx, 1500*time.Millisecond); err != nil {
		t.Error(err)
	}
	if st, ok := node.State("demo"); !ok || len(st.Masks) != 1 {
		t.Errorf("who follows knows %+v", st)
	}
	stop()
	_ = rt.Sleep(context.Background(), 5*time.Second) // the deaf one, and who follows
}

// Nodes are told at once, each by itself, on either clock.
func TestEveryNodeIsTold(t *testing.T) {
	t.Run("wall", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rt := &origin.Wall{}
			everyNode(t, rt)
			rt.Join()
		})
	})
	t.Run("virtual", func(t *testing.T) {
		l := loop.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		l.Go(func() { everyNode(t, l) })
		if err := l.Run(l.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	})
}

// racing is a store in which reading takes a while, so that whoever comes meanwhile loses.
type racing struct {
	*control.Memory
	rt origin.Runtime
	mu sync.Mutex
	// lost counts the races; unclear saves of so many are answered with an error although they are kept.
	lost, unclear int
}

func (r *racing) Load(ctx context.Context, event string) (control.Document, error) {
	d, err := r.Memory.Load(ctx, event)
	_ = r.rt.Sleep(ctx, time.Millisecond)
	return d, err
}

func (r *racing) Save(ctx context.Context, d control.Document) error {
	err := r.Memory.Save(ctx, d)
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(err, control.ErrLost) {
		r.lost++
	}
	if err == nil && r.unclear > 0 {
		r.unclear--
		return origin.ErrTimeout
	}
	return err
}

// Of operations at the same time, through two services, each is done once, and is in the audit once.
func TestLostRaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &origin.Wall{}
		store := &racing{Memory: &control.Memory{}, rt: rt}
		var services []*control.Service
		for seed := range uint64(2) {
			services = append(services, control.NewService(control.ServiceConfig{Runtime: rt, Store: store, Journal: store, Seed: seed}))
		}
		if _, err := services[0].Do(t.Context(), "ann", create(rt, "demo")); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			for n, s := range services { // both get the same operation
				rt.Go(func() {
					o := control.Operation{ID: fmt.Sprint("m", i), Event: "demo", Do: mask(fmt.Sprint("m", i), 1, 2)}
					if _, err := s.Do(context.Background(), fmt.Sprint("operator ", n), o); err != nil {
						t.Error(err)
					}
				})
			}
		}
		rt.Join()
		st, err := services[0].Show(t.Context(), "demo")
		if err != nil || len(st.Masks) != 10 || st.Version != 11 {
			t.Errorf("%d masks in version %d, %v", len(st.Masks), st.Version, err)
		}
		if store.lost == 0 {
			t.Error("nobody lost a race, so nothing was seen")
		}
		audited(t, store.Records(), 11)
	})
}

// Of writers that have read the same version, one is told that it lost; and nobody skips one.
func TestMemoryComparesAndSets(t *testing.T) {
	var m control.Memory
	for _, row := range []struct {
		version int64
		want    error
	}{{2, control.ErrLost}, {1, nil}, {1, control.ErrLost}, {3, control.ErrLost}, {2, nil}, {1, control.ErrLost}} {
		d := control.Document{State: origin.State{Event: demo("demo", time.Now()), Version: row.version}}
		if err := m.Save(t.Context(), d); !errors.Is(err, row.want) {
			t.Errorf("version %d: %v, want %v", row.version, err, row.want)
		}
	}
}

// audited wants one record of each version.
func audited(t *testing.T, records []control.Record, versions int64) {
	t.Helper()
	seen := map[int64]control.Record{}
	for _, r := range records {
		if _, twice := seen[r.Version]; twice {
			t.Errorf("version %d is there twice", r.Version)
		}
		seen[r.Version] = r
		if r.Who == "" || r.At.IsZero() || r.Kind == "" || len(r.What) == 0 || r.Event == "" {
			t.Errorf("a record that says too little: %+v", r)
		}
	}
	for v := range versions {
		if _, ok := seen[v+1]; !ok {
			t.Errorf("version %d is not in the audit", v+1)
		}
	}
	if int64(len(seen)) != versions {
		t.Errorf("%d records of %d versions", len(seen), versions)
	}
}

// After an answer that nobody could make sense of, the same again says what has become of it.
func TestUnclearSave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &origin.Wall{}
		store := &racing{Memory: &control.Memory{}, rt: rt}
		node := newNode(rt, "east")
		s := control.NewService(control.ServiceConfig{Runtime: rt, Store: store, Journal: store, Neighbours: []control.Neighbour{{Name: "n", Listener: node}}})
		store.unclear = 1
		o := create(rt, "demo")
		if _, err := s.Do(t.Context(), "ann", o); !errors.Is(err, control.ErrUnavailable) || !errors.Is(err, origin.ErrTimeout) {
			t.Errorf("first: %v", err)
		}
		if res, err := s.Do(t.Context(), "ann", o); err != nil || !res.Repeated || res.State.Version != 1 {
			t.Errorf("second: %+v, %v", res, err)
		}
		if _, ok := node.State("demo"); !ok {
			t.Error("the node has not been told")
		}
		audited(t, store.Records(), 1)
		rt.Join()
	})
}

// full is a journal that takes nothing new for a while.
type full struct {
	*control.Memory
	err error
}

func (f *full) Append(ctx context.Context, r control.Record) error {
	known := func(old control.Record) bool { return old.Version == r.Version }
	if f.err != nil && !slices.ContainsFunc(f.Records(), known) {
		return f.err
	}
	return f.Memory.Append(ctx, r)
}

// Nodes are told of what is saved, be the audit written or not; but nothing is overwritten that is not in it yet.
func TestAuditIsNeverSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &origin.Wall{}
		store := &full{Memory: &control.Memory{}}
		node := newNode(rt, "east")
		s := control.NewService(control.ServiceConfig{Runtime: rt, Store: store, Journal: store, Neighbours: []control.Neighbour{{Name: "n", Listener: node}}})
		if _, err := s.Do(t.Context(), "ann", create(rt, "demo")); err != nil {
			t.Fatal(err)
		}
		store.err = errors.New("no space")
		res, err := s.Do(t.Context(), "ann", control.Operation{ID: "m", Event: "demo", Do: mask("m", 1, 2)})
		if !errors.Is(err, control.ErrUnavailable) || !strings.Contains(err.Error(), "done as version 2, but not in the audit") || res.State.Version != 2 {
			t.Errorf("%+v, %v", res, err)
		}
		if st, _ := node.State("demo"); len(st.Masks) != 1 {
			t.Error("the node has not been told")
		}
		if _, err := s.Do(t.Context(), "ann", control.Operation{ID: "n", Event: "demo", Do: mask("n", 1, 2)}); !errors.Is(err, control.ErrUnavailable) {
			t.Errorf("over one that is not in the audit: %v", err)
		}
		store.err = nil
		if err := s.CatchUp(t.Context()); err != nil {
			t.Error(err)
		}
		audited(t, store.Records(), 2)
		if _, err := s.Do(t.Context(), "bob", control.Operation{ID: "n", Event: "demo", Do: mask("n", 1, 2)}); err != nil {
			t.Error(err)
		}
		audited(t, store.Records(), 3)
		rt.Join()
	})
}

// Nodes hear of events that are over for an hour, operators for ever.
func TestEventsThatAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &origin.Wall{}
		store := &control.Memory{}
		s := control.NewService(control.ServiceConfig{Runtime: rt, Store: store, Journal: store})
		for _, id := range []string{"ended", "live", "removed"} {
			if _, err := s.Do(t.Context(), "ann", create(rt, id)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		for id, c := range map[string]control.Change{"ended": control.End{}, "removed": control.Remove{}} {
			if _, err := s.Do(t.Context(), "ann", control.Operation{Event: id, Do: c}); err != nil {
				t.Fatal(err)
			}
		}
		for _, row := range []struct {
			wait time.Duration
			want []string
		}{{time.Hour - time.Second, []string{"ended", "live", "removed"}}, {time.Second, []string{"ended", "live"}}, {time.Minute, []string{"live"}}} {
			time.Sleep(row.wait)
			states, err := s.Events(t.Context())
			if got := names(states); err != nil || !slices.Equal(got, row.want) {
				t.Errorf("nodes hear of %v, want %v; %v", got, row.want, err)
			}
		}
		all, err := s.List(t.Context())
		if got := names(all); err != nil || len(got) != 3 {
			t.Errorf("operators see %v; %v", got, err)
		}
		if _, err := s.Show(t.Context(), "nothing"); !errors.Is(err, control.ErrUnknown) {
			t.Error(err)
		}
	})
}

// Nobody makes more events than nodes can serve, those that are over aside; and nodes hear of no more.
func TestNoMoreThanNodesServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &origin.Wall{}
		store := &control.Memory{}
		node := origin.NewNode(origin.NodeConfig{Region: "east", Runtime: rt, MaxEvents: 2})
		s := control.NewService(control.ServiceConfig{Runtime: rt, Store: store, Journal: store, MaxEvents: 2,
			Neighbours: []control.Neighbour{{Name: "node", Listener: node}}})
		do := func(o control.Operation) error {
			res, err := s.Do(t.Context(), "ann", o)
			if len(res.Untold) > 0 {
				t.Errorf("%s: %v", o.Event, res.Untold)
			}
			return err
		}
		hear := func(want ...string) {
			t.Helper()
			states, err := s.Events(t.Context())
			if got := names(states); err != nil || !slices.Equal(got, want) {
				t.Errorf("nodes hear of %v, want %v; %v", got, want, err)
			}
			for _, st := range states {
				if err := node.Apply(st); err != nil {
					t.Error(err)
				}
			}
		}
		for _, id := range []string{"c", "b"} {
			if err := do(create(rt, id)); err != nil {
				t.Fatal(err)
			}
		}
		if err := do(create(rt, "a")); !errors.Is(err, control.ErrTooMany) {
			t.Errorf("one too many: %v", err)
		}
		if err := do(control.Operation{Event: "b", Do: mask("m", 1, 9)}); err != nil {
			t.Errorf("one that exists: %v", err)
		}
		for _, id := range []string{"c", "b"} {
			time.Sleep(time.Second)
			if err := do(control.Operation{Event: id, Do: control.Remove{}}); err != nil {
				t.Fatal(err)
			}
		}
		hear("b", "c")
		if err := do(create(rt, "a")); err != nil {
			t.Errorf("after two were removed: %v", err)
		}
		hear("a", "b") // which has been over for less long
		if err := do(create(rt, "d")); err != nil {
			t.Errorf("a second one: %v", err)
		}
		hear("a", "d")
	})
}

func names(states []origin.State) (all []string) {
	for _, s := range states {
		all = append(all, s.ID)
	}
	return all
}

package admission_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/admission"
	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/resources"
)

// shelf is a store that reads sixteen objects at a time, in 10 ms each; the rest queues.
type shelf struct{ machine *resources.Machine }

func (shelf) Put(context.Context, origin.Key, origin.Object) error { return nil }

func (s shelf) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	return origin.Object{Size: 1000, Digest: digest}, s.machine.Do(ctx, 0, 10*time.Millisecond)
}

// house is a node with two events, each of which has its first segments.
type house struct {
	loop *loop.Loop
	node *origin.Node
	took map[string][]time.Duration // of the answers with an object
	shed map[string]int
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newHouse(t *testing.T, policy func(origin.Clock) origin.Admission) *house {
	l := loop.New(epoch)
	h := &house{loop: l, took: map[string][]time.Duration{}, shed: map[string]int{}}
	h.node = origin.NewNode(origin.NodeConfig{Name: "one", Region: "east", Runtime: l, Admission: policy(l),
		Store: shelf{resources.NewMachine(l, resources.Capacity{Cores: 16})}})
	for _, id := range []string{"calm", "storm"} {
		err := h.node.AddEvent(origin.Event{ID: id, AvailabilityStartTime: epoch.Add(-time.Minute), End: epoch.Add(time.Hour),
			SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: time.Hour, PublishDelay: time.Second, RetryBudget: 2 * time.Second,
			LiveEdgeSegments: 100, Renditions: []origin.Rendition{{ID: "v"}},
			Regions: []origin.RegionPlan{{Name: "east", Pipelines: []string{"a"}}}})
		if err != nil {
			t.Fatal(err)
		}
		for n := range origin.SegmentNumber(20) {
			h.node.Announce(origin.Announcement{Key: origin.Key{Event: id, Rendition: "v", Number: n, Pipeline: "a"},
				Candidate: origin.Candidate{Pipeline: "a", Region: "east", Size: 1000, Digest: 1}})
		}
	}
	return h
}

// ask sends requests for an event at a rate, with random gaps, from the beginning to an end.
func (h *house) ask(t *testing.T, event string, seed uint64, aSecond int, until time.Duration) {
	r := rand.New(rand.NewPCG(seed, 0))
	h.loop.Go(func() {
		for h.loop.Elapsed() < until {
			gap := time.Duration(r.ExpFloat64() * float64(time.Second) / float64(aSecond))
			if h.loop.Sleep(context.Background(), gap) != nil {
				return
			}
			h.loop.Go(func() { h.get(t, event, origin.SegmentNumber(r.IntN(20))) })
		}
	})
}

func (h *house) get(t *testing.T, event string, n origin.SegmentNumber) {
	began := h.loop.Now()
	resp, err := h.node.Get(context.Background(), origin.Request{Event: event, Rendition: "v", Number: n})
	switch {
	case err != nil:
		t.Error(err)
	case resp.OK():
		h.took[event] = append(h.took[event], h.loop.Now().Sub(began))
	case resp.Reason == origin.Overloaded:
		h.shed[event]++
	default:
		t.Errorf("%s/%d: %s", event, n, resp.Reason)
	}
}

// p99 is that of the calm event, while the other one is asked for so many segments a second.
func p99(t *testing.T, policy func(origin.Clock) origin.Admission, storm int) (time.Duration, *house) {
	t.Helper()
	h := newHouse(t, policy)
	defer h.loop.Close()
	h.ask(t, "calm", 1, 200, 2*time.Second)
	h.ask(t, "storm", 2, storm, 2*time.Second)
	if err := h.loop.Run(epoch.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	calm := slices.Sorted(slices.Values(h.took["calm"]))
	if len(calm) < 350 {
		t.Fatalf("only %d answers for the calm event, %d refused", len(calm), h.shed["calm"])
	}
	return calm[len(calm)*99/100], h
}

// A storm on one event, of more than twice what the store can do, moves the other's p99 by a fifth at most. Without admission it
// moves it out of sight.
func TestStormMovesNobodyElse(t *testing.T) {
	priority := func(c origin.Clock) origin.Admission { return admission.NewPriority(c, admission.Config{Reads: 16}) }
	everyone := func(origin.Clock) origin.Admission { return origin.Everyone }
	quiet, h := p99(t, priority, 200)
	if h.shed["calm"]+h.shed["storm"] > 0 {
		t.Errorf("%v are refused without stress", h.shed)
	}
	stormy, h := p99(t, priority, 4000)
	if stormy > quiet*6/5 || h.shed["calm"] > len(h.took["calm"])/100 || h.shed["storm"] < 2_000 || len(h.took["storm"]) < 1600 {
		t.Errorf("p99 %v, and %v in a storm on another event; %d of that are served, refused %v", quiet, stormy, len(h.took["storm"]), h.shed)
	}
	if open, _ := p99(t, everyone, 4000); open < 10*quiet {
		t.Errorf("p99 %v without admission, %v with it: so the storm is none", open, stormy)
	}
	t.Logf("p99 %v, in a storm %v", quiet, stormy)
}

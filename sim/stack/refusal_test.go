package stack

import (
	"context"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
)

// quorumless is a table that takes nothing, and says so at once.
type quorumless struct{ origin.Store }

func (quorumless) Put(context.Context, origin.Key, origin.Object) error { return origin.ErrNoQuorum }

// An origin whose store has no quorum tries for a while, and then says 503 to a client that is still there: one that had
// to give up would not know what became of its segment.
func TestNoQuorumIsSaidInTime(t *testing.T) {
	sc, err := scenarios.Parse("test.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	rt := new(origin.Wall)
	ev := sc.Event(time.Now().Add(-time.Minute))
	ev.End = time.Now().Add(time.Minute)
	wiring := newLoopback(t.Context(), rt)
	s := newStack(t.Context(), Config{Scenario: sc, Event: ev, Runtime: rt, Recorder: new(records), Wiring: wiring, Media: CMAF})
	defer s.Close()
	node, err := s.Origin(s.ctx, "east", "east-origin-1", Rows{Table: quorumless{}})
	if err != nil {
		t.Fatal(err)
	}
	_, publish, err := s.open(node)
	if err != nil {
		t.Fatal(err)
	}
	client, err := publish.Open(Part{})
	if err != nil {
		t.Fatal(err)
	}
	enc, err := encoders.NewEncoder(ev, rt)
	if err != nil {
		t.Fatal(err)
	}
	n := ev.LiveEdge(time.Now())
	o, err := enc.Segment(t.Context(), ev.Renditions[0], n)
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Publish(t.Context(), origin.Publication{Inspected: true, Object: o,
		Key: origin.Key{Event: ev.ID, Rendition: ev.Renditions[0].ID, Number: n, Pipeline: "a"}})
	if err != nil || got.Outcome != origin.Unavailable {
		t.Errorf("%+v, %v; want to be told that it is unavailable", got, err)
	}
}

package stack

import (
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Seconds are counted down before the event's start, and the last one is recorded when all is over.
func TestLookupsOfEverySecond(t *testing.T) {
	s, _, l, rec := virtualWorld(t, network)
	node := origin.NewNode(origin.NodeConfig{Name: "asked", Region: "east", Runtime: l, Recorder: rec})
	s.watchLookups(node)
	for _, at := range []time.Duration{-300 * time.Millisecond, 0, 999 * time.Millisecond, 1200 * time.Millisecond} {
		if err := l.Run(s.Event.AvailabilityStartTime.Add(at)); err != nil {
			t.Fatal(err)
		}
		node.Observer.LookedUp(origin.EventLevel, at > 0)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	got := map[int64]counted{}
	for _, r := range rec.all {
		if r.Kind == origin.KindLookup && r.Node == node.Name && r.Name == string(origin.EventLevel) {
			n := got[r.AtUs]
			got[r.AtUs] = counted{n.all + r.Count, n.hits + r.Hits}
		}
	}
	want := map[int64]counted{-1e6: {1, 0}, 0: {2, 1}, 1e6: {1, 1}}
	if len(got) != len(want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
	for at, n := range want {
		if got[at] != n {
			t.Errorf("second of %d us: %+v, want %+v", at, got[at], n)
		}
	}
}

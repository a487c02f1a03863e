package player

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/internal/origintest"
)

// keep is a Sink that keeps outcomes.
type keep struct {
	forget
	mu       sync.Mutex
	outcomes []*Outcome
}

func (k *keep) Segment(o *Outcome) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.outcomes = append(k.outcomes, o)
}

// A viewer that the generator is late to run asks for all that it should have asked for meanwhile. What that took is in
// its latencies, and its lag says whose fault it was.
func TestLateGenerator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		origin, seen := origintest.New(), &keep{}
		event, err := ParseEvent(origin.Config(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		p := Audience{Options: Options{Ladder: "a128", Buffer: 4 * time.Second, Seed: 1, Edges: []Edge{{URL: "http://edge"}}},
			Event: event, Transport: origintest.Network{"edge": origin}, Sink: seen}
		a, err := p.prepare(Plan{Viewers: Curve{Peak: 1}, Until: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		a.viewer(0).watch(context.Background(), 0)
		a.fetches.Wait()
		if len(seen.outcomes) != 5 {
			t.Fatalf("%d outcomes; want the 5 segments of the first second", len(seen.outcomes))
		}
		for _, o := range seen.outcomes {
			available := time.Duration(o.Number-999) * 200 * time.Millisecond
			late := 3*time.Second - o.Intended
			if o.Latency() != 3*time.Second-available || o.FirstByte() != late || o.Lag != late || late <= 0 {
				t.Errorf("number %d: latency %v first byte %v lag %v; want %v %v %v", o.Number, o.Latency(), o.FirstByte(), o.Lag,
					3*time.Second-available, late, late)
			}
		}
	})
}

package sim

import (
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// What an operation asks of whom: nodes heed masks, caches what follows from them, and what holds for one region is seen at
// its nodes alone.
func TestAnswersHeedOperations(t *testing.T) {
	sc := parse(t, `
about: a test
event: {duration: 40s, ladder: small, planned: -4s}
regions:
  east: {pipelines: [a]}
  west: {pipelines: [b]}
audience: {viewers: {peak: 1}}
operations:
  - {do: start, name: once, at: -12s, time: 2s}
  - {do: start, at: -8s, time: 0s}
  - {do: mask, pipeline: a, from: 2s, to: 5s, at: 6s} # 2 and 3
  - {do: invalidate, pipeline: a, from: 2s, to: 4s, at: 7s} # 2
  - {do: mask, name: here, pipeline: a, region: west, from: 4s, to: 6s, at: 8s} # 3
  - {do: redirect, pipeline: b, at: 10s} # from 8 on
  - {do: cache-version, at: 12s}
  - {do: unmask, of: mask, at: 20s}
  - {do: end, at: 29s} # 15 is the last
  - {do: remove, at: 36s}
`)
	const published, node, edge = string(origin.Published), string(stack.Origin), string(stack.Site)
	for _, row := range []struct {
		operation          string
		tier, region       string
		number             origin.SegmentNumber
		pipeline, reason   string
		concerned, against bool
	}{
		{"mask", node, "east", 2, "a", published, true, true},
		{"mask", node, "west", 3, "b", published, true, false},
		{"mask", node, "east", 3, "", string(origin.Masked), true, false},
		{"mask", node, "east", 1, "a", published, false, false},
		{"mask", node, "east", 4, "a", published, false, false},
		{"mask", node, "east", origin.Header, "a", published, false, false},
		{"mask", edge, "east", 2, "a", published, false, false},
		{"invalidate", edge, "west", 2, "a", published, true, true},
		{"invalidate", edge, "west", 3, "a", published, false, false},
		{"invalidate", node, "west", 2, "a", published, false, false},
		{"here", node, "west", 3, "a", string(origin.Defective), true, true},
		{"here", node, "east", 3, "a", published, false, false},
		{"here", edge, "west", 3, "a", published, false, false},
		{"redirect", node, "east", 8, "a", published, true, true},
		{"redirect", edge, "east", 8, "b", published, true, false},
		{"redirect", node, "east", 7, "a", published, false, false},
		{"cache-version", edge, "east", 3, "a", published, true, true},
		{"cache-version", edge, "east", 3, "b", published, true, false},
		{"cache-version", edge, "east", 9, "a", published, false, false},
		{"end", edge, "east", 16, "a", published, true, true},
		{"end", node, "east", 16, "", string(origin.AfterEnd), true, false},
		{"end", node, "east", 15, "a", published, false, false},
		{"remove", edge, "east", 1, "a", published, true, true},
		{"remove", edge, "east", 1, "", string(origin.EventRemoved), true, false},
		{"start", edge, "east", 1, "a", published, true, false},
		{"start", node, "west", 2, "b", published, true, true}, // whose last frame is captured a second later
		{"start", node, "west", 2, "", string(origin.Early), true, false},
	} {
		a := origin.Record{AtUs: (3 * time.Second).Microseconds(), Target: row.tier, Region: row.region, Number: row.number, Pipeline: row.pipeline, Reason: row.reason}
		for _, p := range operationPlans(sc) {
			if p.Name != row.operation {
				continue
			}
			if concerned := p.Concerns(a); concerned != row.concerned || concerned && p.Heeds(a) == row.against {
				t.Errorf("%s, %s in %s, %s of %d from %q: concerned %v, want %v; against it %v, want %v", row.operation, row.tier, row.region,
					row.reason, row.number, row.pipeline, concerned, row.concerned, !p.Heeds(a), row.against)
			}
		}
	}
	p := plan(sc, sc.Event(replayStart), nil, "")
	if last := p.Event.LastNumber(); last != 15 {
		t.Errorf("the judge expects segments up to %d", last)
	}
}

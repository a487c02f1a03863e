package stack

import (
	"context"
	"sync/atomic"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/edge"
)

// witness stands at the door of a node or an edge, in a scenario in which operators do something, and takes down the
// answers that what they did is about.
type witness struct {
	origin.Getter
	at    Part
	stack *Stack
	told  atomic.Int64 // the newest version that an answer spoke of
}

// witnessed lets a part be watched, where there is something to see.
func (s *Stack) witnessed(at Part, g origin.Getter) origin.Getter {
	if len(s.Scenario.Operations()) == 0 {
		return g
	}
	w := &witness{Getter: g, at: at, stack: s}
	if e, ok := g.(*edge.Edge); ok {
		return watchedEdge{e, w}
	}
	return w
}

// watchedEdge is an edge with all that it can besides.
type watchedEdge struct {
	*edge.Edge
	witness *witness
}

// Get implements origin.Getter.
func (e watchedEdge) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	return e.witness.Get(ctx, req)
}

// Get implements origin.Getter.
func (w *witness) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	arrived, before := w.stack.now(), w.told.Load()
	resp, err := w.Getter.Get(ctx, req)
	if err != nil || req.Event != w.stack.Event.ID || req.Number == origin.Playlist {
		return resp, err
	}
	answered, version := w.stack.now(), resp.Bulletin.Version
	for known := before; version > known && !w.told.CompareAndSwap(known, version); known = w.told.Load() {
	}
	r := origin.Record{AtUs: answered.Microseconds(), Kind: origin.KindAnswer, Target: string(w.at.Tier), Node: w.at.Name, Region: w.at.Region,
		Rendition: req.Rendition, Number: req.Number, Pipeline: resp.Pipeline, Reason: string(resp.Reason),
		WaitUs: (answered - arrived).Microseconds(), Count: version}
	if version < before {
		r.Error = "an older version than before"
	}
	if r.Error != "" || w.concerned(req.Number) {
		w.stack.Recorder.Record(r)
	}
	return resp, nil
}

// concerned says whether operators have done something that an answer for this segment may have to heed.
func (w *witness) concerned(n origin.SegmentNumber) bool {
	sc, now := w.stack.Scenario, w.stack.now()
	for _, o := range sc.Operations() {
		if o.At <= now && sc.Concerns(o, n) {
			return true
		}
	}
	return false
}

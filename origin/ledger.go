package origin

import (
	"context"
	"errors"
	"fmt"
)

// Ledger says which candidates a store has, for nodes that start, and know nothing. Nobody asks it while a node runs, and
// nobody enters anything: a store that is a ledger keeps an object's Candidate in the row that commits the object. So
// whatever was acknowledged is in the ledger, whenever the node dies, and at no cost to who publishes.
//
// What is in the ledger may never have been acknowledged: the node died, or it became too late. That does no harm: its
// bytes are stored, whole, and no others can be under that key any more; whoever tries again is told that they are there,
// which is true. Declared holes are not in it, for they have no bytes: a segment that nobody is known to have brought is
// answered as one that is known to be missing, once its retry deadline has passed.
type Ledger interface {
	// List gives the candidates whose objects are stored of a pipeline's segments from one number to another, both
	// included, in the order of their numbers. Of a range of some hundred numbers it may say that they are too many.
	List(ctx context.Context, event, rendition, pipeline string, from, to SegmentNumber) ([]Announcement, error)
}

// recallSpan is of how many segments a ledger is asked at once.
const recallSpan SegmentNumber = 128

// Recall makes the node know again what its ledger has of all events' headers and time-shift buffers, the newest segments
// first: what most viewers ask for is there even if the time does not suffice for all. It says how many candidates were
// found, with the first error, after which the rest of that event is left out: what one event lacks is nothing to the
// others. The end of ctx ends it.
func (n *Node) Recall(ctx context.Context) (found int, err error) {
	if n.Ledger == nil {
		return 0, nil
	}
	states := n.States()
	for i := range states {
		there, failed := n.recallEvent(ctx, &states[i])
		found += there
		if failed != nil && err == nil {
			err = fmt.Errorf("candidates of %s: %w", states[i].ID, failed)
		}
		if ctx.Err() != nil {
			return found, errors.Join(err, ctx.Err())
		}
	}
	return found, err
}

func (n *Node) recallEvent(ctx context.Context, s *State) (found int, err error) {
	now := n.Runtime.Now()
	if s.Phase(now) == Removed {
		return 0, nil
	}
	oldest := max(s.StartNumber, s.SegmentAt(now.Add(-s.TimeShiftBufferDepth)))
	newest := min(s.SegmentAt(now), s.LastNumber())
	found, err = n.recallRange(ctx, s, Header, Header)
	for to := newest; to >= oldest && err == nil; to -= recallSpan {
		var there int
		there, err = n.recallRange(ctx, s, max(oldest, to-recallSpan+1), to)
		found += there
	}
	return found, err
}

// recallRange is for all renditions and pipelines of an event.
func (n *Node) recallRange(ctx context.Context, s *State, from, to SegmentNumber) (found int, err error) {
	for _, r := range s.Renditions {
		for _, pipeline := range s.Order(n.Region) {
			all, err := n.Ledger.List(ctx, s.ID, r.ID, pipeline, from, to)
			if err != nil {
				return found, err
			}
			for _, a := range all {
				n.Announce(a)
			}
			found += len(all)
		}
	}
	return found, nil
}

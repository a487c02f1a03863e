package origin

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Ledger remembers a region's candidates for nodes that start, and know nothing: what they are, not their bytes. Nobody
// asks it while a node runs.
//
// A node enters a candidate once the store has it and before anybody is told, so that whatever was acknowledged is in the
// ledger. What is in the ledger may never have been acknowledged: the node died, or it became too late. That does no harm:
// its bytes are stored, whole, and no others can be under that key any more; whoever tries again is told that they are
// there, which is true.
type Ledger interface {
	// Enter returns nil once a quorum remembers the candidate. It is kept as long as its bytes are; a zero until is as long
	// as the ledger keeps anything.
	Enter(ctx context.Context, a Announcement, until time.Time) error
	// List gives what is remembered of a pipeline's segments from one number to another, both included, in the order of
	// their numbers; declared holes after all else, so that bytes stand where there are both.
	List(ctx context.Context, event, rendition, pipeline string, from, to SegmentNumber) ([]Announcement, error)
}

// enter has a candidate remembered, where there is somebody to.
func (n *Node) enter(ctx context.Context, a Announcement, until time.Time) error {
	if n.Ledger == nil {
		return nil
	}
	if err := n.Ledger.Enter(ctx, a, until); err != nil {
		return fmt.Errorf("remember the candidate: %w", err)
	}
	return nil
}

// Recall makes the node know again what its ledger has of all events' headers and time-shift buffers. What other regions
// published is told to arrivals, which knows when it can be read here; nil is told nothing. It says how many candidates
// were found, with the first error, after which the rest of that event is left out: what one event lacks is nothing to
// the others. The end of ctx ends it.
func (n *Node) Recall(ctx context.Context, arrivals Peer) (found int, err error) {
	if n.Ledger == nil {
		return 0, nil
	}
	states := n.States()
	for i := range states {
		there, failed := n.recallEvent(ctx, &states[i], arrivals)
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

func (n *Node) recallEvent(ctx context.Context, s *State, arrivals Peer) (found int, err error) {
	now := n.Runtime.Now()
	if s.Phase(now) == Removed {
		return 0, nil
	}
	oldest := max(s.StartNumber, s.SegmentAt(now.Add(-s.TimeShiftBufferDepth)))
	newest := min(s.SegmentAt(now), s.LastNumber())
	for _, r := range s.Renditions {
		for _, pipeline := range s.Order(n.Region) {
			for _, span := range [][2]SegmentNumber{{Header, Header}, {oldest, newest}} {
				all, err := n.Ledger.List(ctx, s.ID, r.ID, pipeline, span[0], span[1])
				if err != nil {
					return found, err
				}
				for _, a := range all {
					n.recalled(a, arrivals)
				}
				found += len(all)
			}
		}
	}
	return found, nil
}

func (n *Node) recalled(a Announcement, arrivals Peer) {
	switch {
	case a.Candidate.Region == n.Region:
		n.Announce(a)
	case arrivals != nil:
		arrivals.Announce(a)
	}
}

package origin

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Replication copies what one region has acknowledged to another, some time later, and tells that region's nodes when
// the copy can be read there. A region that cannot be reached gets its copies when it can be again, as by Cassandra's
// hinted hand-off. It is a Peer of every node of the first region.
type Replication struct {
	Runtime  Runtime
	From, To Store
	Lag      time.Duration
	// Peers are the nodes of the region that is copied to.
	Peers []Peer
	// Context ends the copying.
	Context  context.Context
	Recorder Recorder

	pending atomic.Int64
}

// maxPending bounds the copies that wait for a region to come back: an hour of a ladder of eight renditions.
const maxPending = 8 * 1800

// Announce implements Peer.
func (r *Replication) Announce(a Announcement) {
	if r.pending.Add(1) > maxPending {
		r.pending.Add(-1)
		r.Recorder.Record(Record{Kind: KindReplica, Rendition: a.Key.Rendition, Number: a.Key.Number,
			Pipeline: a.Key.Pipeline, Error: "too many copies are waiting for the other region; this one is given up"})
		return
	}
	r.Runtime.Go(func() {
		defer r.pending.Add(-1)
		r.copy(a)
	})
}

func (r *Replication) copy(a Announcement) {
	const firstRetry, lastRetry = 100 * time.Millisecond, time.Second
	wait := r.Lag
	for retry := firstRetry; r.Runtime.Sleep(r.Context, wait) == nil; retry = min(2*retry, lastRetry) {
		if err := r.try(a); err == nil {
			for _, p := range r.Peers {
				p.Announce(a)
			}
			return
		}
		wait = retry
	}
}

func (r *Replication) try(a Announcement) error {
	if a.Candidate.Defects&MissingSegment != 0 {
		_, err := r.To.Get(r.Context, a.Key) // nothing to copy, but the region must be there to hear of it
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}
	o, err := r.From.Get(r.Context, a.Key)
	if err != nil {
		return fmt.Errorf("read for replication: %w", err)
	}
	return r.To.Put(r.Context, a.Key, o)
}

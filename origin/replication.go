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
	// Wait is for how long a copy is waited for: then the nodes are told of the candidate as it is, Away, and read it in
	// its own region (RegionPatience is meant for it). Zero waits for ever.
	Wait time.Duration
	// Keep is for how long a copy is worth trying: as long as the segment can be asked for.
	Keep time.Duration
	// Peers are the nodes of the region that is copied to.
	Peers []Peer
	// Context ends the copying.
	Context context.Context
	// Region is the one that is copied to, and Start the history's zero, for what is recorded.
	Region   string
	Start    time.Time
	Recorder Recorder

	pending atomic.Int64
}

// maxPending bounds the copies that wait for a region to come back: an hour of a ladder of eight renditions.
const maxPending = 8 * 1800

// Announce implements Peer.
func (r *Replication) Announce(a Announcement) {
	if r.pending.Add(1) > maxPending {
		r.pending.Add(-1)
		r.giveUp(a, "too many copies wait for the other region")
		return
	}
	r.Runtime.Go(func() {
		defer r.pending.Add(-1)
		r.copy(a)
	})
}

func (r *Replication) copy(a Announcement) {
	a.Candidate.Away = false // whatever it was where it comes from
	const firstRetry, lastRetry = 100 * time.Millisecond, time.Second
	arrived := r.Runtime.NewSignal()
	if r.Wait > 0 && a.Candidate.Region != r.Region {
		r.Runtime.Go(func() { r.hurry(a, arrived) })
	}
	wait, last := r.Lag, r.Runtime.Now().Add(r.Keep)
	for retry := firstRetry; r.Runtime.Sleep(r.Context, wait) == nil; retry = min(2*retry, lastRetry) {
		switch err := r.try(a); {
		case err == nil:
			arrived.Fire()
			r.tell(a)
			return
		case errors.Is(err, ErrExists):
			r.giveUp(a, err.Error())
			return
		}
		if wait = retry; r.Runtime.Now().After(last) {
			r.giveUp(a, "the other region did not come back in time")
			return
		}
	}
}

// hurry tells of a candidate whose copy does not come in time.
func (r *Replication) hurry(a Announcement, arrived Signal) {
	if errors.Is(arrived.Wait(r.Context, r.Runtime.Now().Add(r.Wait)), ErrTimeout) {
		a.Candidate.Away = true
		r.tell(a)
	}
}

func (r *Replication) tell(a Announcement) {
	for _, p := range r.Peers {
		p.Announce(a)
	}
}

// giveUp makes it visible that a copy will not come.
func (r *Replication) giveUp(a Announcement, why string) {
	r.Recorder.Record(Record{AtUs: r.Runtime.Now().Sub(r.Start).Microseconds(), Kind: KindReplica, Region: r.Region,
		Rendition: a.Key.Rendition, Number: a.Key.Number, Pipeline: a.Key.Pipeline, Error: "copy given up: " + why})
}

func (r *Replication) try(a Announcement) error {
	if a.Candidate.Defects&MissingSegment != 0 {
		_, err := r.To.Get(r.Context, a.Key, 0) // nothing to copy, but the region must be there to hear of it
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}
	o, err := r.From.Get(r.Context, a.Key, a.Candidate.Digest)
	if err != nil {
		return fmt.Errorf("read for replication: %w", err)
	}
	return r.To.Put(r.Context, a.Key, o)
}

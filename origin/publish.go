package origin

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Publish implements Publisher. A candidate is acknowledged when a quorum of the store has it and every node of the
// region has been told: from then on all readers of the region see it, whole, and nobody can change it.
func (n *Node) Publish(ctx context.Context, p Publication) (Receipt, error) {
	began := n.Runtime.Now()
	receipt, err := n.take(ctx, p)
	if err == nil {
		n.Observer.Taken(p.Key.Event, p.Key.Pipeline, receipt, p.Object.Size, n.Runtime.Now().Sub(began))
	}
	return receipt, err
}

func (n *Node) take(ctx context.Context, p Publication) (Receipt, error) {
	c := n.catalog(p.Key.Event)
	if c == nil || c.state.Load().Removed {
		return Receipt{Outcome: NoSuchPlace, Detail: "unknown event"}, nil
	}
	r, ok := c.event().Rendition(p.Key.Rendition)
	if !ok {
		return Receipt{Outcome: NoSuchPlace, Detail: "unknown rendition"}, nil
	}
	// Pipelines publish in their own region, unless told otherwise; copies for the others are the store's business.
	if home, ok := c.event().RegionOf(p.Key.Pipeline); !ok || home != n.Region && !c.event().CrossPublish {
		return Receipt{Outcome: Forbidden, Detail: "no pipeline of this region: " + p.Key.Pipeline}, nil
	}
	if receipt, ok, err := n.claim(ctx, c, p); err != nil || !ok {
		return receipt, err
	}
	defer c.release(p.Key)
	return n.store(ctx, c, r, p)
}

// claim makes the caller the only writer of its candidate; ok is false when the receipt already says what to answer.
func (n *Node) claim(ctx context.Context, c *catalog, p Publication) (receipt Receipt, ok bool, err error) {
	if p.Key.Number != Header && (p.Key.Number < c.event().StartNumber || p.Key.Number > c.event().LastNumber()) {
		return Receipt{Outcome: Outside, Detail: "the event has no such segment"}, false, nil
	}
	if early, ok := n.early(c, p.Key); !ok {
		return early, false, nil // before it has a place, which is that of a segment of now
	}
	for {
		found := c.claim(p.Key, p.Object.Digest, n.Runtime.NewSignal())
		switch {
		case found.gone:
			return Receipt{Outcome: TooLate, Detail: "left the time-shift buffer"}, false, nil
		case found.known.Pipeline != "":
			return again(found.known, p), false, nil
		case found.pending == nil:
			if late, ok := n.late(c, p.Key); !ok {
				c.release(p.Key)
				return late, false, nil
			}
			return Receipt{}, true, nil
		case found.digest != p.Object.Digest:
			return Receipt{Outcome: Unavailable, Detail: "another writer is storing other bytes"}, false, nil
		}
		if err := found.pending.Wait(ctx, n.Runtime.Now().Add(c.event().RetryBudget)); err != nil {
			if errors.Is(err, ErrTimeout) {
				return Receipt{Outcome: Unavailable, Detail: "another writer is storing the same"}, false, nil
			}
			return Receipt{}, false, err
		}
	}
}

// again answers for a candidate that is there already: candidates never change.
func again(known Candidate, p Publication) Receipt {
	if known.Digest == p.Object.Digest && known.Size == p.Object.Size {
		return Receipt{Outcome: Repeated, Defects: known.Defects}
	}
	return Receipt{Outcome: Conflict, Defects: known.Defects, Detail: "other bytes were acknowledged for this segment"}
}

// early refuses what cannot have been captured yet.
func (n *Node) early(c *catalog, key Key) (Receipt, bool) {
	now := n.Runtime.Now()
	ahead := key.Number - c.event().SegmentAt(now)
	switch {
	case key.Number == Header || ahead <= 0:
		return Receipt{}, true
	case ahead > maxAhead:
		return Receipt{Outcome: TooEarly, Detail: fmt.Sprintf("%d segments ahead", ahead)}, false
	}
	away := c.event().SegmentStart(key.Number).Sub(now)
	return Receipt{Outcome: TooEarly, Detail: fmt.Sprintf("its first frame is %v away", away)}, false
}

// late refuses what comes after its hole was announced.
func (n *Node) late(c *catalog, key Key) (Receipt, bool) {
	if key.Number == Header {
		return Receipt{}, true
	}
	if late := n.Runtime.Now().Sub(c.event().RetryDeadline(key.Number)); late >= 0 {
		return Receipt{Outcome: TooLate, Detail: fmt.Sprintf("%v after the retry deadline", late)}, false
	}
	return Receipt{}, true
}

// store inspects, stores and announces a claimed candidate.
func (n *Node) store(ctx context.Context, c *catalog, r Rendition, p Publication) (Receipt, error) {
	defects, err := n.inspect(c.event(), r, p)
	if err != nil {
		return Receipt{Outcome: Unparseable, Detail: err.Error()}, nil
	}
	if p.Key.Number != Header {
		p.Object.ExpiresAt = c.event().ExpiresAt(p.Key.Number)
	}
	k := Candidate{Pipeline: p.Key.Pipeline, Region: n.Region, Defects: defects, Digest: p.Object.Digest,
		Size: p.Object.Size}
	if defects&MissingSegment == 0 {
		p.Object.Candidate = &k
		switch err := n.Store.Put(ctx, p.Key, p.Object); {
		case errors.Is(err, ErrExists): // by way of another node
			return Receipt{Outcome: Conflict, Detail: err.Error()}, nil
		case err != nil:
			return Receipt{Outcome: Unavailable, Defects: defects, Detail: err.Error()}, nil
		}
	}
	if late, ok := n.late(c, p.Key); !ok {
		return late, nil // the hole was announced while the store was busy, and stays a hole
	}
	if known, added := c.add(p.Key, k); !added {
		return again(known, p), nil // another node of the region was as fast, and its word stands
	}
	n.tell(Announcement{p.Key, k}, c.event().RetryBudget)
	return Receipt{Outcome: Stored, Defects: defects}, nil
}

// tell lets all peers know, at once: those that are lost cost a publication no more than one of them does.
func (n *Node) tell(a Announcement, within time.Duration) {
	until := n.Runtime.Now().Add(within)
	told := make([]Signal, len(n.Peers))
	for i, peer := range n.Peers {
		told[i] = n.Runtime.NewSignal()
		n.Runtime.Go(func() {
			peer.Announce(a)
			told[i].Fire()
		})
	}
	for _, t := range told {
		_ = t.Wait(context.Background(), until) // who takes longer is told all the same
	}
}

// inspect adds the origin's own findings to the packager's: a packager that lies, or says nothing, is found out.
func (n *Node) inspect(ev *Event, r Rendition, p Publication) (Defects, error) {
	hole := p.Defects&MissingSegment != 0
	switch {
	case hole && (p.Object.Size != 0 || p.Key.Number == Header):
		return 0, errors.New("a declared hole has no bytes")
	case hole:
		return MissingSegment, nil
	case p.Object.Size == 0:
		return 0, errors.New("empty")
	case p.Key.Number == Header && n.InspectHeader != nil:
		return 0, n.InspectHeader(r, p.Object.Body)
	case p.Key.Number != Header && n.Inspect != nil:
		found, err := n.Inspect(ev, r, p.Key.Number, p.Object.Body)
		return p.Defects | found, err
	case !p.Inspected:
		return p.Defects | Uninspected, nil
	}
	return p.Defects, nil
}

// Announce implements Peer: a candidate can be read in this node's region, or, if it is away, in its own. One that this
// node has no way to read is nothing to it, nor is one that would push out what can still be asked for.
func (n *Node) Announce(a Announcement) {
	if a.Candidate.Away && n.elsewhere(a.Candidate.Region) == nil {
		return
	}
	c := n.catalog(a.Key.Event)
	if c == nil || c.tracks[a.Key.Rendition] == nil {
		return
	}
	ev := c.event()
	if a.Key.Number != Header && (a.Key.Number < ev.StartNumber || a.Key.Number >= ev.SegmentAt(n.Runtime.Now())+slack) {
		return
	}
	c.add(a.Key, a.Candidate)
}

// Known lists the candidates of an event that can be read here, if only in another region: rendition by rendition as the event
// has them, the header first, then by number, the candidates of a segment in the node's order. A node that starts enters
// what its neighbours know, and needs nobody else to catch up.
func (n *Node) Known(event string) []Announcement {
	if c := n.catalog(event); c != nil {
		return c.known()
	}
	return nil
}

package origin

import (
	"context"
	"errors"
	"sync"
	"time"
)

// away is another region, whose store this node can read.
type away struct {
	region string
	store  Store
}

func (n *Node) elsewhere(region string) Store {
	for _, a := range n.away {
		if a.region == region {
			return a.store
		}
	}
	return nil
}

// RegionPatience is how long one waits for a node's own region, be it for a copy to come or for bytes to be read, before
// another region is asked as well: well within a segment, and longer than a store that is well takes.
const RegionPatience = 250 * time.Millisecond

// place is where a candidate's bytes may be.
type place struct {
	candidate Candidate
	store     Store
}

// Remembering is a Store that has some objects in memory, and can say so at once.
type Remembering interface {
	// Remembers says whether Remembered would give the object. Nothing is read by that, nor counted as if it were.
	Remembers(key Key, digest uint32) bool
	// Remembered is a Get of what is in memory.
	Remembered(key Key, digest uint32) (Object, bool)
}

// read fetches the chosen candidate from wherever it is, or, where it cannot be read, another one that is as good: of two
// pipelines' segments either will do, and a viewer does not wait for a region's store to recover. The error is that of a
// client that has left.
func (n *Node) read(ctx context.Context, req Request, d Decision, cs []Candidate, ask *Ask, resp *Response) (left error) {
	from := d.Candidate
	v := variant{req.key(from), from.Digest}
	memory := n.weigh(v, from, ask)
	if !n.Admission.Admit(*ask) {
		resp.Reason, resp.MaxAge = Overloaded, overloadedFor
		return nil
	}
	o, ok := Object{}, false
	if memory != nil {
		o, ok = memory.Remembered(v.key, v.digest)
	}
	if !ok {
		asked := n.Runtime.Now()
		n.reads.count(v, 1)
		from, o, ok, left = n.readFrom(ctx, req, n.places(from, cs))
		n.reads.count(v, -1)
		resp.Store = n.Runtime.Now().Sub(asked)
	}
	n.Admission.Done(*ask, resp.Store, !ok && left == nil)
	if !ok {
		resp.Reason, resp.MaxAge = StoreFailed, 0
		return left
	}
	resp.Object = o
	resp.Pipeline, resp.Region, resp.Defects = from.Pipeline, from.Region, from.Defects
	return nil
}

// places lists where to look, best first: for the chosen candidate the own region, unless it is away, then the others;
// then the same for every other candidate with the same defects that is not masked, if any.
func (n *Node) places(chosen Candidate, cs []Candidate) []place {
	all := n.placesOf(chosen, nil)
	for _, c := range cs {
		if c.Pipeline != chosen.Pipeline && c.Defects == chosen.Defects && !c.Masked {
			all = n.placesOf(c, all)
		}
	}
	return all
}

func (n *Node) placesOf(c Candidate, buf []place) []place {
	if !c.Away {
		buf = append(buf, place{c, n.Store})
	}
	for _, a := range n.away {
		if !c.Away || a.region == c.Region {
			buf = append(buf, place{c, a.store})
		}
	}
	return buf
}

// weigh tells admission what serving a candidate takes, and returns that of its stores which has the bytes in memory, if any.
func (n *Node) weigh(v variant, c Candidate, ask *Ask) (memory Remembering) {
	var buf [4]place
	places := n.placesOf(c, buf[:0])
	for _, p := range places {
		if m, ok := p.store.(Remembering); ok && m.Remembers(v.key, v.digest) {
			memory = m
			break
		}
	}
	ask.Bytes, ask.Remembered = c.Size, memory != nil
	ask.Shared = memory == nil && len(places) > 0 && n.reads.shared(v, places[0].store)
	return memory
}

// readFrom reads from one of the places, the first of which is where the chosen candidate is best read.
func (n *Node) readFrom(ctx context.Context, req Request, places []place) (from Candidate, o Object, ok bool, left error) {
	switch len(places) {
	case 0:
		return Candidate{}, Object{}, false, nil
	case 1:
		places = append(places, places[0]) // a store that fails once is asked again
	}
	r := &race{node: n, req: req, places: places, answered: n.Runtime.NewSignal()}
	return r.run(ctx)
}

// key is a candidate's.
func (r *Request) key(c Candidate) Key {
	return Key{Event: r.Event, Rendition: r.Rendition, Number: r.Number, Pipeline: c.Pipeline}
}

// race asks places one after the other, each when one before has failed or all have taken too long; who has the bytes
// first wins, and ends the others.
type race struct {
	node     *Node
	req      Request
	places   []place
	answered Signal // the next one to win or fail fires it

	mu     sync.Mutex
	failed int
	winner *place // nil while there is none
	object Object
}

func (r *race) run(ctx context.Context) (from Candidate, o Object, ok bool, left error) {
	ctx, cancel := r.node.Runtime.WithCancel(ctx)
	defer cancel()
	for next := 0; ; next++ {
		if next < len(r.places) {
			r.start(ctx, &r.places[next])
		}
		err := r.answered.Wait(ctx, r.node.Runtime.Now().Add(RegionPatience))
		if err != nil && !errors.Is(err, ErrTimeout) {
			return Candidate{}, Object{}, false, err
		}
		switch won, lost := r.look(); {
		case won:
			return r.winner.candidate, r.object, true, nil
		case lost:
			return Candidate{}, Object{}, false, context.Cause(ctx) // a read fails, too, when its client leaves
		}
	}
}

func (r *race) start(ctx context.Context, p *place) {
	r.node.Runtime.Go(func() {
		o, err := p.store.Get(ctx, r.req.key(p.candidate), p.candidate.Digest)
		r.mu.Lock()
		if err != nil {
			r.failed++
		} else if r.winner == nil {
			r.winner, r.object = p, o
		}
		answered := r.answered
		r.mu.Unlock()
		answered.Fire()
	})
}

// look says whether the race is over, and lets the next answer be heard.
func (r *race) look() (won, lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered = r.node.Runtime.NewSignal()
	return r.winner != nil, r.failed == len(r.places)
}

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

// Remembering is a Store that can say at once whether it has an object in memory.
type Remembering interface {
	Remembered(key Key, digest uint32) (Object, bool)
}

// read fetches the chosen candidate from wherever it is, or, where it cannot be read, another one that is as good: of two
// pipelines' segments either will do, and a viewer does not wait for a region's store to recover.
func (n *Node) read(ctx context.Context, req Request, d Decision, cs []Candidate, ask *Ask, resp *Response) {
	from := d.Candidate
	v := variant{req.key(from), from.Digest}
	o, ok := n.weigh(v, from, ask)
	if !n.Admission.Admit(*ask) {
		resp.Reason, resp.MaxAge = Overloaded, overloadedFor
		return
	}
	if !ok {
		asked := n.Runtime.Now()
		n.reads.count(v, 1)
		from, o, ok = n.readFrom(ctx, req, n.places(from, cs))
		n.reads.count(v, -1)
		resp.Store = n.Runtime.Now().Sub(asked)
	}
	n.Admission.Done(*ask, resp.Store, !ok)
	if !ok {
		resp.Reason, resp.MaxAge = StoreFailed, 0
		return
	}
	resp.Object = o
	resp.Pipeline, resp.Region, resp.Defects = from.Pipeline, from.Region, from.Defects
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

// weigh tells admission what serving a candidate takes, and returns its bytes if any of its stores has them in memory.
func (n *Node) weigh(v variant, c Candidate, ask *Ask) (o Object, ok bool) {
	var buf [4]place
	places := n.placesOf(c, buf[:0])
	for _, p := range places {
		m, remembers := p.store.(Remembering)
		if !remembers {
			continue
		}
		if o, ok = m.Remembered(v.key, v.digest); ok {
			break
		}
	}
	ask.Bytes, ask.Remembered = c.Size, ok
	ask.Shared = !ok && len(places) > 0 && n.reads.shared(v, places[0].store)
	return o, ok
}

// readFrom reads from one of the places, the first of which is where the chosen candidate is best read.
func (n *Node) readFrom(ctx context.Context, req Request, places []place) (Candidate, Object, bool) {
	switch len(places) {
	case 0:
		return Candidate{}, Object{}, false
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

func (r *race) run(ctx context.Context) (Candidate, Object, bool) {
	ctx, cancel := r.node.Runtime.WithCancel(ctx)
	defer cancel()
	for next := 0; ; next++ {
		if next < len(r.places) {
			r.start(ctx, &r.places[next])
		}
		err := r.answered.Wait(ctx, r.node.Runtime.Now().Add(RegionPatience))
		if err != nil && !errors.Is(err, ErrTimeout) {
			return Candidate{}, Object{}, false // the client has left
		}
		switch won, lost := r.look(); {
		case won:
			return r.winner.candidate, r.object, true
		case lost:
			return Candidate{}, Object{}, false
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

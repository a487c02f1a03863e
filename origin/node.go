package origin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// NodeConfig is what a Node needs to know.
type NodeConfig struct {
	Name    string
	Region  string
	Runtime Runtime
	Store   Store
	// Inspect finds defects in a fragment's bytes, or says that it is none. Nil where there are no bytes to look at.
	Inspect func(ev *Event, r Rendition, n SegmentNumber, body []byte) (Defects, error)
	// InspectHeader says why bytes are not the rendition's CMAF header. Nil where there are no bytes to look at.
	InspectHeader func(r Rendition, body []byte) error
	// Peers are told of every candidate before it is acknowledged: the region's other nodes, and what copies to others.
	Peers []Peer
	// MaxHolders bounds the requests that are held open; zero means DefaultHolders.
	MaxHolders int
	Recorder   Recorder
}

// DefaultHolders is how many requests a node holds open at most when nothing is said.
const DefaultHolders = 10_000

// Node is one origin: it takes candidates in and decides what to serve. All its methods may be called at once.
type Node struct {
	NodeConfig
	mu      sync.RWMutex
	events  map[string]*catalog
	holders int
}

// NewNode makes a node that serves no event yet.
func NewNode(c NodeConfig) *Node {
	if c.MaxHolders == 0 {
		c.MaxHolders = DefaultHolders
	}
	if c.Recorder == nil {
		c.Recorder = Discard
	}
	return &Node{NodeConfig: c, events: make(map[string]*catalog)}
}

// AddPeers tells the node of others; call it before the first request.
func (n *Node) AddPeers(ps ...Peer) { n.Peers = append(n.Peers, ps...) }

// AddEvent makes the node serve an event.
func (n *Node) AddEvent(ev Event) error {
	if err := ev.Validate(); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.events[ev.ID]; ok {
		return fmt.Errorf("event %s exists already", ev.ID)
	}
	n.events[ev.ID] = newCatalog(ev, n.Region)
	return nil
}

// Event is the Live Event Configuration of an event that the node serves.
func (n *Node) Event(id string) (Event, bool) {
	if c := n.catalog(id); c != nil {
		return c.event, true
	}
	return Event{}, false
}

func (n *Node) catalog(event string) *catalog {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.events[event]
}

// Get implements Getter: it answers from memory what can be answered from memory, holds what is about to be published,
// and reads the chosen candidate from the store.
func (n *Node) Get(ctx context.Context, req Request) (Response, error) {
	c := n.catalog(req.Event)
	if c == nil {
		return Response{Reason: UnknownEvent, MaxAge: CreatedSoon}, nil
	}
	if c.tracks[req.Rendition] == nil {
		return Response{Reason: UnknownRendition, MaxAge: CreatedSoon}, nil
	}
	var buf [8]Candidate
	d, cs, held, err := n.decide(ctx, c, req, buf[:0])
	if err != nil {
		return Response{}, err
	}
	resp := Response{Reason: d.Reason, MaxAge: d.MaxAge, Hold: held}
	if resp.OK() {
		n.read(ctx, req, d, &resp)
	}
	n.recordDecision(c, req, &resp, cs)
	return resp, nil
}

// decide repeats the decision as candidates come in, until there is one. It returns the candidates that it was made
// from, and for how long the request was held.
func (n *Node) decide(ctx context.Context, c *catalog, req Request, buf []Candidate) (
	d Decision, cs []Candidate, held time.Duration, err error) {
	if req.Number == Header {
		cs = c.look(req.Rendition, req.Number, buf)
		return decideHeader(cs), cs, 0, nil
	}
	arrived, holding := n.Runtime.Now(), false
	for now := arrived; ; now = n.Runtime.Now() {
		if d, ok := c.event.Refuse(req.Number, now); !ok {
			return d, nil, 0, nil
		}
		cs = c.look(req.Rendition, req.Number, buf)
		d = c.event.decide(req.Number, now, cs, len(c.order))
		if d.HoldUntil.IsZero() {
			if holding {
				held = now.Sub(arrived)
			}
			return d, cs, held, nil
		}
		if !holding {
			if !n.enterHold() {
				return Decision{Reason: TooManyHolders, MaxAge: shortly}, cs, 0, nil
			}
			defer n.leaveHold()
			holding = true
		}
		err := c.watch(n.Runtime, req.Rendition, req.Number, len(cs)).Wait(ctx, d.HoldUntil)
		if err != nil && !errors.Is(err, ErrTimeout) {
			return Decision{}, nil, 0, err // the client has left
		}
	}
}

// decideHeader answers for a CMAF header, which has no time of its own.
func decideHeader(cs []Candidate) Decision {
	if best, ok := Choose(cs); ok {
		return Decision{Reason: Published, Candidate: best, MaxAge: settled}
	}
	return Decision{Reason: NoHeader, MaxAge: CreatedSoon}
}

// read fetches the chosen candidate; a store that fails once is asked again.
func (n *Node) read(ctx context.Context, req Request, d Decision, resp *Response) {
	asked := n.Runtime.Now()
	key := Key{Event: req.Event, Rendition: req.Rendition, Number: req.Number, Pipeline: d.Candidate.Pipeline}
	o, err := n.Store.Get(ctx, key, d.Candidate.Digest)
	if err != nil {
		o, err = n.Store.Get(ctx, key, d.Candidate.Digest)
	}
	resp.Store = n.Runtime.Now().Sub(asked)
	if err != nil {
		resp.Reason, resp.MaxAge = StoreFailed, 0
		return
	}
	resp.Object = o
	resp.Pipeline, resp.Region, resp.Defects = d.Candidate.Pipeline, d.Candidate.Region, d.Candidate.Defects
}

func (n *Node) enterHold() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.holders >= n.MaxHolders {
		return false
	}
	n.holders++
	return true
}

func (n *Node) leaveHold() {
	n.mu.Lock()
	n.holders--
	n.mu.Unlock()
}

// Holders is how many requests are being held open now.
func (n *Node) Holders() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.holders
}

func (n *Node) recordDecision(c *catalog, req Request, resp *Response, cs []Candidate) {
	if n.Recorder == Discard || req.Number == Header {
		return
	}
	r := Record{
		AtUs: n.Runtime.Now().Sub(c.event.AvailabilityStartTime).Microseconds(), Kind: KindDecision,
		Node: n.Name, Region: n.Region, Class: c.event.Classify(req.Number, n.Runtime.Now()), Rendition: req.Rendition, Number: req.Number, Reason: string(resp.Reason),
		Pipeline: resp.Pipeline, Defects: resp.Defects.Names(),
		HoldUs: resp.Hold.Microseconds(), StoreUs: resp.Store.Microseconds(),
	}
	for _, k := range cs {
		r.Candidates = append(r.Candidates, k.Pipeline+":"+k.Defects.String())
	}
	n.Recorder.Record(r)
}

package origin

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
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
	// Ledger is the Store's own, for Recall. Nil forgets.
	Ledger Ledger
	// MaxHolders bounds the requests that are held open; zero means DefaultHolders. EventHolders bounds those of one
	// event; zero means MaxHolders.
	MaxHolders, EventHolders int
	// MaxEvents bounds the events that are known at once; zero means DefaultEvents.
	MaxEvents int
	// NoHold answers early where it would hold: to see what holding is worth.
	NoHold bool
	// Ask is asked about events with every request, instead of memory: to see what memory is worth. Nil asks nobody.
	Ask       Directory
	Admission Admission // nil means Everyone
	Observer  Observer  // nil means Unobserved
	Recorder  Recorder  // nil means Discard
}

// How much a node takes on when nothing is said.
const (
	DefaultHolders = 10_000
	DefaultEvents  = 64
)

// Node is one origin: it takes candidates in and decides what to serve. All its methods may be called at once.
type Node struct {
	NodeConfig
	mu      sync.RWMutex
	events  map[string]*catalog
	holders int
	away    []away
	reads   reads
}

// NewNode makes a node that serves no event yet.
func NewNode(c NodeConfig) *Node {
	c.MaxHolders = cmp.Or(c.MaxHolders, DefaultHolders)
	c.EventHolders = cmp.Or(c.EventHolders, c.MaxHolders)
	c.MaxEvents = cmp.Or(c.MaxEvents, DefaultEvents)
	c.Admission = cmp.Or(c.Admission, Everyone)
	c.Observer = cmp.Or(c.Observer, Unobserved)
	c.Recorder = cmp.Or(c.Recorder, Discard)
	return &Node{NodeConfig: c, events: make(map[string]*catalog)}
}

// AddPeers tells the node of others; call it before the first request.
func (n *Node) AddPeers(ps ...Peer) { n.Peers = append(n.Peers, ps...) }

// AddElsewhere lets the node read another region's store: what has no copy here yet, and what cannot be read here. The
// first to be added is asked first. Call it before the first request.
func (n *Node) AddElsewhere(region string, s Store) { n.away = append(n.away, away{region, s}) }

// AddEvent makes the node serve an event that nobody has done anything to yet.
func (n *Node) AddEvent(ev Event) error {
	if n.catalog(ev.ID) != nil {
		return fmt.Errorf("event %s exists already", ev.ID)
	}
	return n.Apply(State{Event: ev, Version: 1})
}

// Event is the Live Event Configuration of an event that the node serves.
func (n *Node) Event(id string) (Event, bool) {
	s, ok := n.State(id)
	return s.Event, ok && !s.Removed
}

func (n *Node) catalog(event string) *catalog {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.events[event]
}

// Get implements Getter: it answers from memory what can be answered from memory, holds what is about to be published,
// and reads the chosen candidate from the store.
//
// From here to where a request is held there is one Response, which all fill in, and nothing large beside it: the stack of
// a held request is most of what it costs, and with a Response in every frame it would be twice as large.
func (n *Node) Get(ctx context.Context, req Request) (resp Response, err error) {
	arrived := n.Runtime.Now()
	c := n.catalog(req.Event)
	switch {
	case n.Ask != nil:
		err = n.askAndGet(ctx, req, arrived, &resp)
	case c == nil:
		n.unknown(arrived, &resp)
	case n.refused(c, c.state.Load(), req, arrived, &resp) != "":
	default:
		n.Observer.LookedUp(EventLevel, true)
		err = n.serve(ctx, c, req, arrived, &resp)
	}
	if err != nil {
		resp = Response{} // of what was known by then
	}
	return resp, err
}

// askAndGet is Get for a node that remembers no events.
func (n *Node) askAndGet(ctx context.Context, req Request, arrived time.Time, resp *Response) error {
	err := n.refresh(ctx, n.Ask, nil)
	ask, c := Ask{Class: Background}, n.catalog(req.Event)
	switch {
	case c != nil && err == nil:
		return n.serve(ctx, c, req, arrived, resp)
	case c != nil:
		ask = Ask{Event: req.Event, Class: c.event().ClassOf(req, arrived)}
	}
	resp.Reason, resp.MaxAge = UnknownEvent, CreatedSoon
	if err != nil {
		resp.Reason, resp.MaxAge = StoreFailed, 0
	}
	n.observe(&ask, resp, arrived)
	return nil
}

// serve is Get for an event that is known.
func (n *Node) serve(ctx context.Context, c *catalog, req Request, arrived time.Time, resp *Response) error {
	ask := Ask{Event: req.Event, Class: c.event().ClassOf(req, arrived)}
	if err := n.answer(ctx, c, req, &ask, resp); err != nil {
		return err
	}
	n.observe(&ask, resp, arrived)
	return nil
}

// observe tells the observer of an answer. It gets a copy: what an interface is given the address of may be kept, and so would be
// on the heap with every request, be there an observer or not.
func (n *Node) observe(ask *Ask, resp *Response, arrived time.Time) {
	if n.Observer != Unobserved {
		n.Observer.Answered(*ask, *resp, n.Runtime.Now().Sub(arrived))
	}
}

// answer decides, and reads what was decided on.
func (n *Node) answer(ctx context.Context, c *catalog, req Request, ask *Ask, resp *Response) error {
	var buf [4]Candidate // of as many pipelines; more are an allocation
	d, cs, held, err := n.decide(ctx, c, req, ask, buf[:0])
	if err != nil {
		return err
	}
	resp.Reason, resp.MaxAge, resp.Hold, resp.Bulletin = d.Reason, d.MaxAge, held, c.state.Load().bulletin
	if resp.OK() {
		if err := n.read(ctx, req, d, cs, ask, resp); err != nil {
			return err
		}
	}
	n.recordDecision(c, req, ask.Class, resp, cs)
	return nil
}

// decide repeats the decision as candidates come in, or operators change the event, until there is one. It returns the
// candidates that it was made from, and for how long the request was held.
func (n *Node) decide(ctx context.Context, c *catalog, req Request, ask *Ask, buf []Candidate) (
	d Decision, cs []Candidate, held time.Duration, err error) {
	arrived, holding := n.Runtime.Now(), false
	for now := arrived; ; now = n.Runtime.Now() {
		st := c.state.Load()
		if d, refused := c.refuse(st, req, now); refused {
			return d, nil, 0, nil
		}
		n.lookedUp(ask)
		var kept bool
		if cs, kept = c.look(st, req.Rendition, req.Number, buf); !kept {
			return Decision{Reason: Expired, MaxAge: shortly}, nil, held, nil
		}
		d = c.choose(st, req, now, cs)
		if d.HoldUntil.IsZero() {
			if holding {
				held = now.Sub(arrived)
			}
			return d, cs, held, nil
		}
		switch {
		case holding:
		case n.NoHold:
			return Decision{Reason: Early, MaxAge: max(0, st.ExpectedPublish(req.Number).Sub(now)).Truncate(time.Millisecond)}, cs, 0, nil
		case !n.enterHold(c):
			return Decision{Reason: TooManyHolders, MaxAge: shortly}, cs, 0, nil
		default:
			defer n.leaveHold(c)
			holding = true
		}
		err := c.watch(n.Runtime, st, req.Rendition, req.Number, len(cs)).Wait(ctx, d.HoldUntil)
		if err != nil && !errors.Is(err, ErrTimeout) {
			return Decision{}, nil, 0, err // the client has left
		}
	}
}

// lookedUp counts a look at a segment, once for a request.
func (n *Node) lookedUp(ask *Ask) {
	if !ask.LookedUp {
		n.Observer.LookedUp(SegmentLevel, true)
	}
	ask.LookedUp = true
}

// choose decides from the candidates.
func (c *catalog) choose(st *known, req Request, now time.Time, cs []Candidate) Decision {
	if req.Number == Header {
		return decideHeader(cs)
	}
	return st.decide(req.Number, now, cs, len(c.order), st.Redirect)
}

// decideHeader answers for a CMAF header, which has no time of its own.
func decideHeader(cs []Candidate) Decision {
	if best, ok := Choose(cs); ok {
		return Decision{Reason: Published, Candidate: best, MaxAge: settled}
	}
	return Decision{Reason: NoHeader, MaxAge: CreatedSoon}
}

func (n *Node) enterHold(c *catalog) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.holders >= n.MaxHolders || c.holders >= n.EventHolders {
		return false
	}
	n.holders++
	c.holders++
	return true
}

func (n *Node) leaveHold(c *catalog) {
	n.mu.Lock()
	n.holders--
	c.holders--
	n.mu.Unlock()
}

// Holders is how many requests are being held open now.
func (n *Node) Holders() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.holders
}

func (n *Node) recordDecision(c *catalog, req Request, class Class, resp *Response, cs []Candidate) {
	if n.Recorder == Discard || req.Number == Header {
		return
	}
	r := Record{
		AtUs: n.Runtime.Now().Sub(c.event().AvailabilityStartTime).Microseconds(), Kind: KindDecision,
		Node: n.Name, Region: n.Region, Class: class, Rendition: req.Rendition, Number: req.Number, Reason: string(resp.Reason),
		Pipeline: resp.Pipeline, Defects: resp.Defects.Names(),
		HoldUs: resp.Hold.Microseconds(), StoreUs: resp.Store.Microseconds(),
	}
	for _, k := range cs {
		r.Candidates = append(r.Candidates, k.String())
	}
	r.Inputs = inputs(cs)
	n.Recorder.Record(r)
}

// inputs is a hash of what a choice is made from: the candidates in their order. Two nodes that know the same choose the
// same, unless one of them cannot read it.
func inputs(cs []Candidate) uint32 {
	var sum uint32
	var line [64 + 16]byte
	for _, c := range cs {
		b := append(line[:0], c.Pipeline...)
		b = binary.BigEndian.AppendUint32(b, c.Digest)
		b = binary.BigEndian.AppendUint16(b, uint16(c.Defects))
		if c.Masked {
			b = append(b, 1)
		}
		sum = crc32.Update(sum, castagnoli, b)
	}
	return sum
}

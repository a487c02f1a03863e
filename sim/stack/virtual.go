package stack

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/resources"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// Virtual is the wiring of virtual time: parts call each other, and what lies between them are modelled links, and the
// modelled machines that origins run on.
//
//	from --- up ---> door, maybe broken ---> network card, machine, node --- down, as fast as the link is free ---> from
type Virtual struct {
	loop     *loop.Loop
	seed     uint64
	event    origin.Event
	machine  resources.MachineProfile
	network  resources.NetworkProfile
	backbone resources.Rate // zero: the network's own

	together  *resources.Machine // nil where viewers share nothing
	links     map[leg]*way
	all       []*way // in the order of their making
	endpoints []*endpoint
	calls     int64
	fills     []Fill
}

// leg names a way that all who go it share.
type leg struct{ from, to string }

// way is a link in both directions: requests are small, so only answers have to share its bandwidth.
type way struct {
	leg
	up, down *resources.Link
}

// requestBytes is about what a GET takes with its headers.
const requestBytes = 400

// NewVirtual makes the wiring that a scenario asks for.
func NewVirtual(l *loop.Loop, sc *scenarios.Scenario, ev origin.Event) (*Virtual, error) {
	v := &Virtual{loop: l, seed: sc.Seed, event: ev, links: map[leg]*way{},
		backbone: resources.Rate(sc.Delivery.Backbone / 8)}
	var err error
	if v.machine, err = resources.MachineByName(sc.Machines.Profile); err != nil {
		return nil, err
	}
	v.network, err = resources.NetworkByName(sc.Network.Profile)
	if v.network.Together.PerRequest > 0 {
		v.together = v.network.Together.New(l, nil)
	}
	return v, err
}

// Front is an edge as viewers see it, who share its machine where everything is on one.
func (v *Virtual) Front(g origin.Getter) origin.Getter {
	if v.together == nil {
		return g
	}
	return &front{v, g}
}

// front is a Getter on a machine that all viewers share.
type front struct {
	virtual *Virtual
	getter  origin.Getter
}

// Get implements origin.Getter.
func (f *front) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	resp, err := f.getter.Get(ctx, req)
	if err == nil {
		err = f.virtual.together.Do(ctx, 0, f.virtual.network.Together.Work(int64(resp.Object.Size)))
	}
	return resp, err
}

// Network is what lies between the parts.
func (v *Virtual) Network() resources.NetworkProfile { return v.network }

// Serve implements Wiring.
func (v *Virtual) Serve(at Part, g origin.Getter, broken func(origin.Getter) origin.Getter, _ Catalog) (Door[origin.Getter], error) {
	e := v.endpoint(at, Delivery)
	e.holders, _ = g.(interface{ Holders() int })
	door := broken(&answering{e, g})
	return Door[origin.Getter]{Open: func(from Part) (origin.Getter, error) {
		return &asking{caller{e, v.ways(from, at), int64(from.Count())}, from, door}, nil
	}}, nil
}

// Accept implements Wiring.
func (v *Virtual) Accept(at Part, p origin.Publisher, broken func(origin.Publisher) origin.Publisher, _ Catalog) (Door[origin.Publisher], error) {
	e := v.endpoint(at, Publishing)
	door := broken(&accepting{e, p})
	return Door[origin.Publisher]{Open: func(from Part) (origin.Publisher, error) {
		return &publishing{caller{e, v.ways(from, at), 1}, door}, nil
	}}, nil
}

// Close implements Wiring.
func (v *Virtual) Close() {}

// ways finds what lies between two parts. Whatever an origin answers to a cache goes over its region's backbone, also to
// a cache that has lost its own region; then it has the way between the regions before it as well.
func (v *Virtual) ways(from, to Part) []*way {
	n := v.network
	between := func() *way { return v.way(leg{string(from.Tier) + " in " + from.Region, to.Region}, n.Region) }
	backbone := n.Top
	if v.backbone > 0 {
		backbone.Bandwidth = v.backbone
	}
	switch same := from.Region == to.Region; {
	case from.Tier == Packager && same:
		return []*way{v.way(leg{"packager " + from.Name, to.Region}, n.Packager)}
	case from.Tier == Packager:
		return []*way{between()}
	case to.Tier == TopTier && same:
		return []*way{v.way(leg{from.Name, to.Region}, n.Site)}
	case to.Tier == TopTier:
		return []*way{between()}
	case same:
		return []*way{v.way(leg{backboneLeg, to.Region}, backbone)}
	}
	return []*way{v.way(leg{backboneLeg, to.Region}, backbone), between()}
}

// backboneLeg is where a region's link to the caches comes from.
const backboneLeg = "backbone"

// way finds a link, or makes it.
func (v *Virtual) way(l leg, p resources.LinkProfile) *way {
	if w := v.links[l]; w != nil {
		return w
	}
	up := p
	up.Bandwidth = 0
	w := &way{leg: l, up: resources.NewLink(v.loop, up, streams.New(v.seed, "link to "+l.to+" from "+l.from)),
		down: resources.NewLink(v.loop, p, streams.New(v.seed, "link from "+l.to+" to "+l.from))}
	v.links[l] = w
	v.all = append(v.all, w)
	return w
}

// Side is one of an origin's two stacks, which have machines of their own.
type Side string

// The stacks.
const (
	Delivery   Side = "delivery"
	Publishing Side = "publishing"
)

// endpoint is a part that is asked: what it runs on, and what it has carried.
type endpoint struct {
	Part
	side    Side
	virtual *Virtual
	flow    *resources.Flow
	machine *resources.Machine // nil where CPU costs nothing
	card    *resources.Link    // nil where it has no limit
	holders interface{ Holders() int }

	carried Carried
}

func (v *Virtual) endpoint(at Part, side Side) *endpoint {
	e := &endpoint{Part: at, side: side, virtual: v, flow: resources.NewFlow(v.loop)}
	if at.Tier == Origin {
		name := at.Name + " " + string(side)
		if v.machine.PerRequest > 0 {
			e.machine = v.machine.New(v.loop, streams.New(v.seed, "machine "+name))
		}
		if v.machine.NIC > 0 {
			e.card = resources.NewLink(v.loop, resources.LinkProfile{Bandwidth: v.machine.NIC}, nil)
		}
	}
	v.endpoints = append(v.endpoints, e)
	return e
}

// work takes the processor time of a request.
func (e *endpoint) work(ctx context.Context, bytes int) error {
	if e.machine == nil {
		return nil
	}
	return e.machine.Do(ctx, 0, e.virtual.machine.Work(int64(bytes)))
}

// send puts an answer through the network card.
func (e *endpoint) send(ctx context.Context, bytes int) error {
	if e.card == nil || bytes == 0 {
		return nil
	}
	return e.card.Send(ctx, int64(bytes))
}

// caller is one part's connection to another, or that of a group of alike parts.
type caller struct {
	to     *endpoint
	ways   []*way // from the one called to the caller
	weight int64
}

// ask lets a request pass, and answer so many bytes the other way.
func (c *caller) ask(ctx context.Context, bytes int) error {
	for _, w := range c.ways {
		if err := w.up.Send(ctx, int64(bytes)); err != nil {
			return err
		}
	}
	return nil
}

func (c *caller) answer(ctx context.Context, bytes int) error {
	for _, w := range c.ways {
		if err := w.down.Send(ctx, int64(bytes)); err != nil {
			return err
		}
	}
	return nil
}

// asking is a Getter's connection.
type asking struct {
	caller
	from Part
	door origin.Getter
}

// Get implements origin.Getter.
func (c *asking) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	c.to.virtual.calls++
	c.to.carried.Requests += c.weight
	if c.from.Tier == Site {
		c.to.virtual.filled(c.from.Region, int64(c.from.Machines()))
	}
	if err := c.ask(ctx, requestBytes); err != nil {
		return origin.Response{}, c.lost(err)
	}
	resp, err := c.door.Get(ctx, req)
	if err != nil {
		return origin.Response{}, c.lost(err)
	}
	c.count(&resp)
	if !resp.OK() {
		return resp, nil // a few bytes
	}
	if err := c.answer(ctx, resp.Object.Size); err != nil {
		return origin.Response{}, c.lost(err)
	}
	return resp, nil
}

func (c *caller) lost(err error) error {
	c.to.carried.Failed += c.weight
	return err
}

// count takes down what an answer was.
func (c *asking) count(resp *origin.Response) {
	t := &c.to.carried
	switch {
	case resp.OK():
		t.Bytes += c.weight * int64(resp.Object.Size)
	case resp.Reason.Status() == http.StatusServiceUnavailable:
		t.Shed += c.weight
	case resp.Reason.Status() >= 500:
		t.Failed += c.weight
	}
	switch {
	case resp.Cache.Hit:
		t.Hits += c.weight
	case resp.Cache.Cache != "": // of those who are alike one comes first, and the others find what it fetched
		t.Misses++
		t.Hits += c.weight - 1
	}
}

// answering is a node, or a cache, on its machine.
type answering struct {
	*endpoint
	getter origin.Getter
}

// Get implements origin.Getter.
func (a *answering) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	entry := a.flow.Enter(1)
	resp, err := a.getter.Get(ctx, req)
	if resp.Hold > 0 && a.holders != nil {
		a.carried.Holders = max(a.carried.Holders, int64(a.holders.Holders())+1)
	}
	if err == nil {
		if err = a.work(ctx, resp.Object.Size); err == nil {
			err = a.send(ctx, resp.Object.Size)
		}
	}
	if err != nil {
		a.flow.Leave(entry, resources.Aborted, 0)
		return origin.Response{}, err
	}
	outcome := resources.Answered
	if resp.Reason.Status() == http.StatusServiceUnavailable {
		outcome = resources.Shed
	}
	a.flow.Leave(entry, outcome, int64(resp.Object.Size))
	return resp, nil
}

// publishing is a packager's connection.
type publishing struct {
	caller
	door origin.Publisher
}

// Publish implements origin.Publisher.
func (c *publishing) Publish(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
	c.to.virtual.calls++
	c.to.carried.Requests++
	if err := c.answer(ctx, p.Object.Size); err != nil { // the bytes go towards the origin here
		return origin.Receipt{}, c.lost(err)
	}
	r, err := c.door.Publish(ctx, p)
	if err != nil {
		return origin.Receipt{}, c.lost(err)
	}
	if r.Outcome.Accepted() {
		c.to.carried.Bytes += int64(p.Object.Size)
	} else {
		c.to.carried.Failed++
	}
	return r, c.ask(ctx, requestBytes)
}

// accepting is a node's publishing side on its machine.
type accepting struct {
	*endpoint
	publisher origin.Publisher
}

// Publish implements origin.Publisher.
func (a *accepting) Publish(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
	entry := a.flow.Enter(1)
	err := a.send(ctx, p.Object.Size)
	if err == nil {
		err = a.work(ctx, p.Object.Size)
	}
	var r origin.Receipt
	if err == nil {
		r, err = a.publisher.Publish(ctx, p)
	}
	if err != nil {
		a.flow.Leave(entry, resources.Aborted, 0)
		return r, err
	}
	a.flow.Leave(entry, resources.Answered, int64(p.Object.Size))
	return r, nil
}

// Calls is how many requests and publications have been simulated.
func (v *Virtual) Calls() int64 { return v.calls }

// Check holds every node, machine and link to conservation and to Little's law.
func (v *Virtual) Check() error {
	for _, e := range v.endpoints {
		if err := e.flow.Check(); err != nil {
			return fmt.Errorf("%s %s: %w", e.Name, e.side, err)
		}
		if e.machine != nil {
			if err := e.machine.Check(); err != nil {
				return fmt.Errorf("machine of %s %s: %w", e.Name, e.side, err)
			}
		}
		if e.card != nil {
			if err := e.card.Check(); err != nil {
				return fmt.Errorf("network card of %s %s: %w", e.Name, e.side, err)
			}
		}
	}
	for _, w := range v.all {
		for _, l := range []*resources.Link{w.up, w.down} {
			if err := l.Check(); err != nil {
				return fmt.Errorf("link between %s and %s: %w", w.from, w.to, err)
			}
		}
	}
	if v.together != nil {
		return v.together.Check()
	}
	return nil
}

// Carried is what the parts of one tier in one region have carried since the beginning. Holders is the sum of the most
// that each of them held open at a moment since Carried was last called: looked at whenever a held request is answered,
// and when it is called.
type Carried struct {
	Tier     Tier
	Side     Side
	Region   string
	Nodes    int64
	Requests int64
	Bytes    int64
	Hits     int64
	Misses   int64
	Shed     int64
	Failed   int64
	Holders  int64
	CPU      time.Duration
}

// Carried adds up what has been carried, by tier, stack and region, in the order of their making. It begins to look for
// the most holders anew.
func (v *Virtual) Carried() []Carried {
	var all []Carried
	place := map[Carried]int{}
	for _, e := range v.endpoints {
		key := Carried{Tier: e.Tier, Side: e.side, Region: e.Region}
		i, ok := place[key]
		if !ok {
			i = len(all)
			place[key] = i
			all = append(all, key)
		}
		if e.holders != nil {
			e.carried.Holders = max(e.carried.Holders, int64(e.holders.Holders()))
		}
		all[i].add(e)
		e.carried.Holders = 0
	}
	return all
}

func (c *Carried) add(e *endpoint) {
	c.Nodes += int64(e.Machines())
	c.Requests += e.carried.Requests
	c.Bytes += e.carried.Bytes
	c.Hits += e.carried.Hits
	c.Misses += e.carried.Misses
	c.Shed += e.carried.Shed
	c.Failed += e.carried.Failed
	c.Holders += e.carried.Holders
	if e.machine != nil {
		c.CPU += e.machine.Busy()
	}
}

// Fill is what the edge servers of one region had to ask for: each server its site's designated filler, and that one the
// tier behind.
type Fill struct {
	Region   string
	Requests int64
}

// Fills adds up what edge servers asked for, by their region.
func (v *Virtual) Fills() []Fill { return v.fills }

// filled counts requests of edge servers.
func (v *Virtual) filled(region string, requests int64) {
	for i := range v.fills {
		if v.fills[i].Region == region {
			v.fills[i].Requests += requests
			return
		}
	}
	v.fills = append(v.fills, Fill{region, requests})
}

// Backbone is what one region's link to the caches has carried.
type Backbone struct {
	Region string
	Bytes  int64
	Limit  int64 // bit/s; zero: none
}

// Backbones lists them in the order of their making.
func (v *Virtual) Backbones() []Backbone {
	var all []Backbone
	for _, w := range v.all {
		if w.from == backboneLeg {
			limit := v.network.Top.Bandwidth
			if v.backbone > 0 {
				limit = v.backbone
			}
			all = append(all, Backbone{w.to, w.down.Flow.Counts().Bytes, 8 * int64(limit)})
		}
	}
	return all
}

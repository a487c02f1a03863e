package stack

import (
	"context"

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
	machine  resources.MachineProfile
	network  resources.NetworkProfile
	backbone resources.Rate // zero: the network's own

	together  *resources.Machine // nil where viewers share nothing
	links     map[leg]*way
	all       []*way // in the order of their making
	endpoints []*endpoint
	shared    bool // publishing and delivery have one machine
	hosts     map[string]*host
	calls     int64
	fills     []Fill
	playlists map[playlist]int // the sizes of those made so far; nil where nobody asks for them
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
func NewVirtual(l *loop.Loop, sc *scenarios.Scenario) (*Virtual, error) {
	v := &Virtual{loop: l, seed: sc.Seed, links: map[leg]*way{}, shared: sc.Machines.Shared, hosts: map[string]*host{},
		backbone: resources.Rate(sc.Delivery.Backbone / 8)}
	if sc.Audience.Refresh {
		v.playlists = map[playlist]int{}
	}
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

// Network is what lies between the parts.
func (v *Virtual) Network() resources.NetworkProfile { return v.network }

// Serve implements Wiring.
func (v *Virtual) Serve(at Part, g origin.Getter, broken func(origin.Getter) origin.Getter, c Catalog) (Door[origin.Getter], error) {
	e := v.endpoint(at, Delivery)
	e.holders, _ = g.(interface{ Holders() int })
	configs, _ := g.(origin.Configs)
	if v.playlists != nil && at.Tier == Origin {
		g = &listing{g, c, v}
	}
	door := broken(&answering{e, g})
	return Door[origin.Getter]{Open: func(from Part) (origin.Getter, error) {
		a := &asking{caller{e, v.ways(from, at), int64(from.Count())}, from, door, configs, 0}
		if from.Region != at.Region {
			a.away = v.network.Region.Latency
		}
		return a, nil
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

// Between implements Wiring.
func (v *Virtual) Between(from, to string, s origin.Store) origin.Store {
	return far{s, v.way(leg{"origins in " + from, to}, v.network.Region)}
}

// far is a store in another region, which is only read.
type far struct {
	origin.Store
	way *way
}

// Get implements origin.Store.
func (f far) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	if err := f.way.up.Send(ctx, requestBytes); err != nil {
		return origin.Object{}, err
	}
	o, err := f.Store.Get(ctx, key, digest)
	if err != nil {
		return o, err
	}
	return o, f.way.down.Send(ctx, int64(o.Size))
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

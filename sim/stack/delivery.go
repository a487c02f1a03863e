package stack

import (
	"fmt"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/edge"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// upstream is a part that a cache can ask.
type upstream struct {
	Part
	door Door[origin.Getter]
}

// startDelivery starts what lies between the origins and the viewers: edges in every region, or a delivery network.
func (s *Stack) startDelivery() error {
	if s.Scenario.Delivery.Sites > 0 {
		return s.startNetwork()
	}
	for _, r := range s.Scenario.Regions {
		for i, name := range s.Scenario.EdgeNames(r.Name) {
			e, _, err := s.startEdge(Part{Tier: Site, Region: r.Name, Name: name}, s.origins(r.Name, i), 0)
			if err != nil {
				return err
			}
			s.edges = append(s.edges, e)
		}
	}
	return nil
}

// origins lists all nodes in the order in which a cache of the region asks them: its own region's first, the others in
// the scenario's order. Within a region each cache begins with another node, or one node would have all the work.
func (s *Stack) origins(home string, turn int) []upstream {
	var own, others []upstream
	for _, r := range s.Scenario.Regions {
		names := s.regions[r.Name].names
		for i := range names {
			i = (i + turn) % len(names)
			u := upstream{Part{Tier: Origin, Region: r.Name, Name: names[i]}, s.regions[r.Name].deliver[i]}
			if r.Name == home {
				own = append(own, u)
			} else {
				others = append(others, u)
			}
		}
	}
	return append(own, others...)
}

// startEdge starts a cache of so many bytes (zero: the edge's default) over its upstreams.
func (s *Stack) startEdge(at Part, ups []upstream, bytes int) (*Edge, Door[origin.Getter], error) {
	config := edge.Config{Name: at.Name, Region: at.Region, Runtime: s.Runtime, Context: s.ctx, Recorder: s.Recorder,
		CacheBytes: bytes}
	for _, u := range ups {
		g, err := u.door.Open(at)
		if err != nil {
			return nil, Door[origin.Getter]{}, err
		}
		config.Upstreams = append(config.Upstreams, edge.Upstream{Name: u.Name, Region: u.Region, Getter: g})
	}
	e := edge.New(config)
	e.Learn(origin.State{Event: s.announced()})
	s.Runtime.Go(func() { e.Follow(s.ctx, s.Event.ID, streams.New(s.Scenario.Seed, "following of "+at.Name)) })
	door, err := s.Wiring.Serve(at, e, func(g origin.Getter) origin.Getter { return s.witnessed(at, g) }, e)
	if err != nil {
		return nil, door, err
	}
	made := &Edge{Part: at, URL: door.URL, Getter: s.witnessed(at, e), Cache: e}
	s.caches = append(s.caches, made)
	return made, door, nil
}

// networkCache is what a cache of the delivery network keeps: more than a time-shift buffer has. Its servers are made for
// libraries of films, and keep what was live, so that catching up is cheap (facts.md EDG-1, EDG-13).
const networkCache = 1 << 40

// startNetwork starts the delivery network: caches of the top tier, which alone ask origins, and groups of sites that
// are alike, of which one is there for all. There is no shield between the top tier and the origins, on purpose
// (facts.md EDG-9, EDG-10): every cache of the top tier asks for itself.
func (s *Stack) startNetwork() error {
	d, regions := s.Scenario.Delivery, s.Scenario.RegionNames()
	tops := map[string][]upstream{}
	for i := range d.TopTier {
		region := regions[i%len(regions)]
		at := Part{Tier: TopTier, Region: region, Name: fmt.Sprintf("%s-top-%d", region, 1+i/len(regions))}
		_, door, err := s.startEdge(at, s.origins(region, i/len(regions)), networkCache)
		if err != nil {
			return err
		}
		tops[region] = append(tops[region], upstream{at, door})
	}
	for i := range d.Groups {
		region := regions[i%len(regions)]
		at := Part{Tier: Site, Region: region, Name: fmt.Sprintf("%s-sites-%d", region, 1+i/len(regions)),
			Alike: share(d.Sites, d.Groups, i), Servers: (d.Servers + d.Sites/2) / d.Sites}
		e, _, err := s.startEdge(at, s.fillFrom(tops, regions, i), networkCache)
		if err != nil {
			return err
		}
		s.edges = append(s.edges, e)
	}
	return nil
}

// share is what the i-th of n gets of a whole, as evenly as whole numbers allow.
func share(whole, n, i int) int {
	part := whole / n
	if i < whole%n {
		part++
	}
	return part
}

// fillFrom lists the caches of the top tier that a group of sites fills from: one that is its own, the next one of the
// region for when that is gone, and one of each other region.
func (s *Stack) fillFrom(tops map[string][]upstream, regions []string, group int) []upstream {
	home, turn := group%len(regions), group/len(regions)
	own := tops[regions[home]]
	ups := []upstream{own[turn%len(own)]}
	if len(own) > 1 {
		ups = append(ups, own[(turn+1)%len(own)])
	}
	for i := 1; i < len(regions); i++ {
		other := tops[regions[(home+i)%len(regions)]]
		ups = append(ups, other[turn%len(other)])
	}
	return ups
}

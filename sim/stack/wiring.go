package stack

import (
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// Tier is what kind of part something is.
type Tier string

// The tiers, from the feed to the viewers.
const (
	Packager Tier = "packager"
	Origin   Tier = "origin"
	TopTier  Tier = "top-tier"
	Site     Tier = "edge" // and every edge, where there is no top tier
)

// Part is one part of a stack, or a group of parts that are alike.
type Part struct {
	Tier         Tier
	Region, Name string
	// Alike is how many parts this one stands for; zero means one.
	Alike int
	// Servers is how many edge servers each of them has; zero means one. Of a site's servers one is the designated filler
	// of a rendition: the others fill from it, and it alone asks the tier behind (facts.md EDG-9).
	Servers int
}

// Count is how many parts this one stands for, as a number to multiply with.
func (p Part) Count() int { return max(1, p.Alike) }

// Machines is how many machines all those parts have.
func (p Part) Machines() int { return p.Count() * max(1, p.Servers) }

// Catalog knows the events that a part serves.
type Catalog = originhttp.Catalog

// Wiring lets one part reach another. What breaks a part stands at its door, whatever lies behind that.
type Wiring interface {
	// Serve lets others ask a part.
	Serve(at Part, g origin.Getter, broken func(origin.Getter) origin.Getter, c Catalog) (Door[origin.Getter], error)
	// Accept lets packagers publish to a part.
	Accept(at Part, p origin.Publisher, broken func(origin.Publisher) origin.Publisher, c Catalog) (Door[origin.Publisher], error)
	// Between lets the nodes of one region read another region's store.
	Between(from, to string, s origin.Store) origin.Store
	// Close ends all connections. Who listens ends with the stack's context.
	Close()
}

// Door is where a part can be reached.
type Door[Seam any] struct {
	URL string // empty where nothing listens
	// Open makes a connection for one caller.
	Open func(from Part) (Seam, error)
}

// Calls is the wiring of tests: parts call each other, and nothing lies in between.
type Calls struct{}

// Serve implements Wiring.
func (Calls) Serve(_ Part, g origin.Getter, broken func(origin.Getter) origin.Getter, c Catalog) (Door[origin.Getter], error) {
	g = broken(g)
	if configs, ok := c.(origin.Configs); ok {
		g = struct {
			origin.Getter
			origin.Configs
		}{g, configs}
	}
	return Door[origin.Getter]{Open: func(Part) (origin.Getter, error) { return g, nil }}, nil
}

// Accept implements Wiring.
func (Calls) Accept(_ Part, p origin.Publisher, broken func(origin.Publisher) origin.Publisher, _ Catalog) (Door[origin.Publisher], error) {
	p = broken(p)
	return Door[origin.Publisher]{Open: func(Part) (origin.Publisher, error) { return p, nil }}, nil
}

// Between implements Wiring.
func (Calls) Between(_, _ string, s origin.Store) origin.Store { return s }

// Close implements Wiring.
func (Calls) Close() {}

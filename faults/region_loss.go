package faults

import "github.com/liveorigin/liveorigin/origin"

// regionLoss takes a whole region away: its encoders hand over nothing, its origins cut every connection and its store
// takes no copies. Edges stay: they belong to the delivery network.
type regionLoss struct{ base }

func newRegionLoss(b base) Fault { return regionLoss{b} }

func (f regionLoss) WrapSource(at Place, s origin.Source) origin.Source {
	if at.Region != f.spec.Region {
		return s
	}
	return changedSource{s, f.base, f.lose}
}

func (f regionLoss) WrapPublisher(at Place, p origin.Publisher) origin.Publisher {
	if at.Region != f.spec.Region {
		return p
	}
	return doingPublisher{p, f.cut}
}

func (f regionLoss) WrapGetter(at Place, g origin.Getter) origin.Getter {
	if at.Region != f.spec.Region {
		return g
	}
	return doingGetter{g, f.cut}
}

func (f regionLoss) WrapStore(at Place, s origin.Store) origin.Store {
	if !at.wholeStore() || at.Region != f.spec.Region {
		return s
	}
	return doingStore{s, f.cut}
}

// Acts implements Actor: the region's origins are killed, its database and its cache. What is done first is undone last:
// origins come back to a store that is there.
func (f regionLoss) Acts() []Act {
	at := func(p Place) Place {
		p.Region = f.spec.Region
		return p
	}
	return []Act{{Verb: Kill, At: at(Place{Node: AllNodes})}, {Verb: Kill, At: at(Place{})}, {Verb: Kill, At: at(Place{Cache: AllNodes})}}
}

// Acted implements Actor.
func (f regionLoss) Acted() { f.touch() }

// Felt asks for an edge that could not reach the region, or a publication that failed there.
func (f regionLoss) Felt(r origin.Record) bool {
	switch r.Kind {
	case origin.KindFetch:
		return r.UpstreamRegion == f.spec.Region && r.Error != ""
	case origin.KindPublish:
		return r.Region == f.spec.Region && r.Error != ""
	}
	return false
}

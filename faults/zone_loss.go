package faults

import "github.com/liveorigin/liveorigin/origin"

// zoneLoss takes one zone's replica away; the quorum of the others must carry on.
type zoneLoss struct{ base }

func newZoneLoss(b base) Fault { return zoneLoss{b} }

func (f zoneLoss) WrapStore(at Place, s origin.Store) origin.Store {
	if at.Region != f.spec.Region || at.Zone != f.spec.Zone {
		return s
	}
	return doingStore{s, f.cut}
}

// Felt asks for a replica that did not answer.
func (f zoneLoss) Felt(r origin.Record) bool {
	return silent(r, f.spec.Region) && r.Name == f.spec.Zone
}

// Acts implements Actor: the zone's database node is killed, and its part of the cache. A stop would let them say goodbye,
// which takes seconds and is what nobody does who is lost.
func (f zoneLoss) Acts() []Act {
	at := Place{Region: f.spec.Region, Zone: f.spec.Zone}
	cache := at
	cache.Cache = AllNodes
	return []Act{{Verb: Kill, At: at}, {Verb: Kill, At: cache}}
}

// Acted implements Actor.
func (f zoneLoss) Acted() { f.touch() }

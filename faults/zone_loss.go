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
	return r.Kind == origin.KindReplica && r.Region == f.spec.Region && r.Name == f.spec.Zone
}

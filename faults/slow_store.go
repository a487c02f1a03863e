package faults

import "github.com/liveorigin/liveorigin/origin"

// slowStore makes every read and write of a region's store start late.
type slowStore struct{ base }

func newSlowStore(b base) Fault { return slowStore{b} }

func (f slowStore) WrapStore(at Place, s origin.Store) origin.Store {
	if !at.wholeStore() || !meant(f.spec.Region, at.Region) {
		return s
	}
	return doingStore{s, f.slow}
}

// Felt asks for a publication that took at least the delay, or had to be tried again.
func (f slowStore) Felt(r origin.Record) bool { return f.slowed(r) }

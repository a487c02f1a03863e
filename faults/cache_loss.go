package faults

import (
	"strings"

	"github.com/liveorigin/liveorigin/origin"
)

// cacheLoss takes the nodes of a region's cache away, with all that they held: a cache in memory comes back cold. Reads
// fall through to the store, which has to carry them alone.
type cacheLoss struct{ base }

func newCacheLoss(b base) Fault { return cacheLoss{b} }

func (f cacheLoss) WrapStore(at Place, s origin.Store) origin.Store {
	if at.Cache == "" || at.Region != f.spec.Region {
		return s
	}
	return doingStore{s, f.cut}
}

// Strike empties the cache. What was on its way to a node when it went may still come to be there.
func (f cacheLoss) Strike(at Place, cache Flusher) {
	if at.Cache != "" && at.Region == f.spec.Region && cache.Flush() > 0 {
		f.touch()
	}
}

// Acts implements Actor: the cache's nodes are killed, with what they hold.
func (f cacheLoss) Acts() []Act {
	return []Act{{Verb: Kill, At: Place{Region: f.spec.Region, Cache: AllNodes}}}
}

// Acted implements Actor.
func (f cacheLoss) Acted() { f.touch() }

// Felt asks for a node of the cache that could not be reached.
func (f cacheLoss) Felt(r origin.Record) bool {
	return silent(r, f.spec.Region) && strings.HasPrefix(r.Name, "cache ")
}

package stack

import (
	"fmt"
	"math"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/storage"
)

// storeLimit bounds one zone's memory. On the wall clock replicas share the bytes, so this is not times zones.
const storeLimit = 2 << 30

// stores is what one region's store is made of; nil where it has no such part.
type stores struct {
	region string
	table  *storage.Table
	nodes  int // of a zone
	bucket *storage.ObjectStore
	cache  *storage.Cached
}

// store makes a region's store: the scenario's profile, with what breaks a zone around the zone's replica, and what
// breaks the region's store around it all.
func (s *Stack) store(name string) (origin.Store, error) {
	want := s.Scenario.Storage
	profile, ok := storage.StoreByName(want.Profile)
	if !ok {
		return nil, fmt.Errorf("unknown store profile %q", want.Profile)
	}
	profile = profile.WithBody(storage.Latency(want.Write), storage.Latency(want.Read))
	made := stores{region: name}
	var store origin.Store
	if profile.Bucket != nil {
		made.bucket = storage.NewObjectStore(storage.ObjectStoreConfig{Region: name, Runtime: s.Runtime, Context: s.ctx,
			Start: s.Event.AvailabilityStartTime, Seed: s.Scenario.Seed, Bucket: *profile.Bucket, Limit: s.storeLimit()})
		store = made.bucket
	} else {
		made.table = storage.NewTable(storage.TableConfig{Region: name, Zones: s.Scenario.ZoneNames(name),
			Runtime: s.Runtime, Context: s.ctx, Recorder: s.Recorder, Start: s.Event.AvailabilityStartTime,
			Seed: s.Scenario.Seed, Replica: profile.Replica, Limit: s.storeLimit(),
			Gate: func(zone string, replica origin.Store) origin.Store {
				return s.brokenStore(faults.Place{Region: name, Zone: zone}, replica)
			}})
		made.nodes = profile.Replica.Nodes
		store = made.table
	}
	if want.Cache != "" {
		cache, ok := storage.CacheByName(want.Cache)
		if !ok {
			return nil, fmt.Errorf("unknown cache profile %q", want.Cache)
		}
		made.cache = storage.NewCached(storage.CachedConfig{Store: store, Region: name, Runtime: s.Runtime, Context: s.ctx,
			Seed: s.Scenario.Seed, Profile: cache, Recorder: s.Recorder, Start: s.Event.AvailabilityStartTime,
			Gate: func(node string, cache origin.Store) origin.Store {
				return s.brokenStore(faults.Place{Region: name, Cache: node}, cache)
			}})
		store = made.cache
	}
	s.stores = append(s.stores, made)
	return s.brokenStore(faults.Place{Region: name}, store), nil
}

// storeLimit is without a bound where objects have no bytes.
func (s *Stack) storeLimit() int {
	if s.Media.Inspect != nil {
		return math.MaxInt
	}
	return storeLimit
}

// Stored is what one region's store has done since the beginning, and holds: all its replicas together.
type Stored struct {
	Region string
	// Nodes are machines that hold replicas; zero for an object store, which does not tell.
	Nodes         int64
	Reads, Writes int64 // operations: a write that three replicas take is three
	Bytes         int64 // that were read and written
	Failed        int64 // of the calls
	Memory        int64
	// Cache is what the cache in front of it did; nil where there is none.
	Cache *CacheStored
}

// CacheStored is what a write-through cache has done since the beginning, and holds.
type CacheStored struct{ Nodes, Operations, Hits, Misses, Bytes, Memory int64 }

// Stored lists what the regions' stores have done, in the scenario's order.
func (s *Stack) Stored() []Stored {
	var all []Stored
	for _, m := range s.stores {
		one := Stored{Region: m.region}
		switch {
		case m.table != nil:
			t := m.table.Stats()
			one.Nodes, one.Failed = int64(len(t.Zones)*max(1, m.nodes)), t.Reads.Failed+t.Writes.Failed
			for _, z := range t.Zones {
				one.Reads += z.Reads
				one.Writes += z.Writes
				one.Bytes += z.BytesRead + z.BytesWritten
				one.Memory += int64(z.Bytes)
			}
		case m.bucket != nil:
			b := m.bucket.Stats()
			one.Reads, one.Writes, one.Failed = b.Reads.Begun, b.Writes.Begun, b.Reads.Failed+b.Writes.Failed
			one.Bytes = b.BytesRead + b.BytesWritten
		}
		if m.cache != nil {
			one.Cache = cacheStored(m.cache.Stats())
		}
		all = append(all, one)
	}
	return all
}

func cacheStored(k storage.CacheStats) *CacheStored {
	c := &CacheStored{Nodes: int64(len(k.Nodes)), Hits: k.Hits, Misses: k.Misses, Bytes: k.BytesRead + k.BytesWritten}
	for _, n := range k.Nodes {
		c.Operations += n.Operations
		c.Memory += int64(n.Bytes)
	}
	return c
}

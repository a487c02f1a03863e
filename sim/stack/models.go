package stack

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/storage"
)

// storeLimit bounds one zone's memory. On the wall clock replicas share the bytes, so this is not times zones.
const storeLimit = 2 << 30

// models is the Storage that is in this process, and the one of virtual time: what the scenario's profiles say.
type models struct {
	*Config
	ctx     context.Context
	regions []modelled
}

// modelled is what one region has; nil where it has no such part.
type modelled struct {
	name   string
	table  *storage.Table
	nodes  int // of a zone
	bucket *storage.ObjectStore
	cache  []*storage.CacheNode
}

// Rows implements Storage.
func (m *models) Rows(region string) (Rows, error) {
	want := m.Scenario.Storage
	profile, err := storage.StoreOf(want.Profile, m.Scenario.ProfileSource)
	if err != nil {
		return Rows{}, err
	}
	profile = profile.WithBody(storage.Latency(want.Write), storage.Latency(want.Read))
	made := modelled{name: region, nodes: profile.Replica.Nodes}
	var rows Rows
	if profile.Bucket != nil {
		made.bucket = m.bucket(region, *profile.Bucket)
		rows.Table, rows.Whole = made.bucket, true
	} else {
		made.table = m.table(region, profile.Replica)
		rows.Table = made.table
	}
	if want.Cache != "" {
		cache, ok := storage.CacheByName(want.Cache)
		if !ok {
			return Rows{}, fmt.Errorf("unknown cache profile %q", want.Cache)
		}
		for i := range cache.Nodes {
			node := storage.NewCacheNode(storage.CacheNodeConfig{Name: cacheName(i), Region: region, Runtime: m.Runtime,
				Seed: m.Scenario.Seed, Profile: cache})
			made.cache = append(made.cache, node)
			rows.Caches = append(rows.Caches, node)
		}
	}
	m.regions = append(m.regions, made)
	return rows, nil
}

// cacheName is what the i-th node of a region's cache is called, from zero on.
func cacheName(i int) string { return strconv.Itoa(i + 1) }

func (m *models) bucket(region string, p storage.BucketProfile) *storage.ObjectStore {
	return storage.NewObjectStore(storage.ObjectStoreConfig{Region: region, Runtime: m.Runtime, Context: m.ctx,
		Start: m.Event.AvailabilityStartTime, Seed: m.Scenario.Seed, Bucket: p, Limit: m.limit()})
}

// table is a replica in each of the region's zones, with what breaks a zone around it.
func (m *models) table(region string, p storage.ReplicaProfile) *storage.Table {
	return storage.NewTable(storage.TableConfig{Region: region, Zones: m.Scenario.ZoneNames(region), Runtime: m.Runtime,
		Context: m.ctx, Recorder: m.Recorder, Start: m.Event.AvailabilityStartTime, Seed: m.Scenario.Seed, Replica: p,
		Limit: m.limit(), Gate: func(zone string, replica origin.Store) origin.Store {
			return m.brokenStore(faults.Place{Region: region, Zone: zone}, replica)
		}})
}

// limit is without a bound where objects have no bytes.
func (m *models) limit() int {
	if m.Media.Inspect != nil {
		return math.MaxInt
	}
	return storeLimit
}

// Strike implements Storage.
func (m *models) Strike(f faults.Striker) {
	for _, r := range m.regions {
		if len(r.cache) > 0 {
			f.Strike(faults.Place{Region: r.name, Cache: faults.AllNodes}, wholeCache(r.cache))
		}
		if r.table == nil {
			continue
		}
		for _, zone := range m.Scenario.ZoneNames(r.name) {
			f.Strike(faults.Place{Region: r.name, Zone: zone}, r.table.Zone(zone))
		}
	}
}

// wholeCache is all nodes of a cache.
type wholeCache []*storage.CacheNode

// Flush implements faults.Flusher.
func (c wholeCache) Flush() (rows int) {
	for _, n := range c {
		rows += n.Flush()
	}
	return rows
}

// Stored implements Storage.
func (m *models) Stored() (all []Stored) {
	for _, r := range m.regions {
		one := Stored{Region: r.name, Cache: wholeCache(r.cache).stored()}
		switch {
		case r.table != nil:
			one.Nodes = int64(len(m.Scenario.ZoneNames(r.name)) * max(1, r.nodes))
			one.addTable(r.table.Stats())
		case r.bucket != nil:
			b := r.bucket.Stats()
			one.Reads, one.Writes, one.Failed = b.Reads.Begun, b.Writes.Begun, b.Reads.Failed+b.Writes.Failed
			one.Bytes = b.BytesRead + b.BytesWritten
		}
		all = append(all, one)
	}
	return all
}

func (s *Stored) addTable(t storage.Stats) {
	s.Failed = t.Reads.Failed - t.Reads.GivenUp + t.Writes.Failed - t.Writes.GivenUp
	for _, z := range t.Zones {
		s.Reads += z.Reads
		s.Writes += z.Writes
		s.Bytes += z.BytesRead + z.BytesWritten
		s.Memory += int64(z.Bytes)
	}
}

func (c wholeCache) stored() *CacheStored {
	if len(c) == 0 {
		return nil
	}
	sum := &CacheStored{Nodes: int64(len(c))}
	for _, n := range c {
		k := n.Stats()
		sum.Operations += k.Gets + k.Sets
		sum.Hits += k.Hits
		sum.Misses += k.Misses
		sum.Bytes += k.BytesRead + k.BytesWritten
		sum.Memory += int64(k.Bytes)
	}
	return sum
}

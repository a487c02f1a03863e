package stack

import (
	"context"
	"math"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/admission"
	"github.com/liveorigin/liveorigin/origin/admission/policies"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/sim/storage"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// Storage is what the origins of all regions keep rows in: models, or databases.
type Storage interface {
	// Rows starts, or finds, what a region has. It is called once for each.
	Rows(region string) (Rows, error)
	// Strike lets a fault that acts once act on every part.
	Strike(faults.Striker)
	// Stored lists what the regions' stores have done, in the order of Rows.
	Stored() []Stored
}

// Rows is where one region's origins keep rows.
type Rows struct {
	Table origin.Store
	// Caches are the nodes of the cache beside the table, called 1, 2 and so on; none without one.
	Caches []origin.Store
	// Whole says that the table is an object store's bucket, which keeps objects and not rows: nothing is cut, and
	// nothing is kept before it.
	Whole bool
}

// Stored is what one region's store has done since the beginning, and holds: all its replicas together.
type Stored struct {
	Region string
	// Nodes are machines that hold replicas; zero for an object store, which does not tell.
	Nodes         int64
	Reads, Writes int64 // operations on rows: a write that three replicas take is three
	Bytes         int64 // that were read and written
	Failed        int64 // of the calls, but for those that their callers gave up
	Memory        int64
	// Cache is what the cache beside it did; nil where there is none.
	Cache *CacheStored
}

// CacheStored is what a cache's nodes have done since the beginning, and hold. Hits and misses are of rows; what a node
// that is away was not asked is neither.
type CacheStored struct{ Nodes, Operations, Hits, Misses, Bytes, Memory int64 }

// Broken puts what breaks a region's table, and the nodes of its cache, around them. That a node of the cache cannot be
// reached goes into the history: nobody else would notice.
func (c *Config) Broken(region string, rows Rows) Rows {
	broken := Rows{Table: c.brokenStore(faults.Place{Region: region}, rows.Table), Whole: rows.Whole}
	for i, cache := range rows.Caches {
		name := cacheName(i)
		broken.Caches = append(broken.Caches, &storage.Witness{
			Store: c.brokenStore(faults.Place{Region: region, Cache: name}, cache), Name: "cache " + name, Region: region,
			Runtime: c.Runtime, Recorder: c.Recorder, Start: c.Event.AvailabilityStartTime,
			Patience: keyvalue.DefaultCacheTimeout})
	}
	return broken
}

// Origin makes one of a region's origin nodes, which serves the event. It has a store of its own over the region's rows,
// with the newest segments in its memory. The context ends what the node does after its callers have their answers.
func (c *Config) Origin(ctx context.Context, region, name string, rows Rows) (*origin.Node, error) {
	admitting, err := c.admission()
	if err != nil {
		return nil, err
	}
	store := c.objects(ctx, name, rows, c.Scenario.Storage.Recent)
	node := origin.NewNode(origin.NodeConfig{
		Name: name, Region: region, Runtime: c.Runtime, Store: store,
		Admission: admitting, Recorder: c.Recorder, Inspect: c.Media.Origin, InspectHeader: c.Media.OriginHeader,
		NoHold: !c.Scenario.Origin.Hold, MaxHolders: c.Scenario.Origin.Holders,
	})
	events := c.watch(node, store, c.metadata.store(c.Runtime, region))
	c.watchLookups(node)
	if !c.Scenario.Origin.Memory {
		node.Ask = events
	} else {
		seed := streams.New(c.Scenario.Seed, "refreshing of "+name).Uint64()
		c.Runtime.Go(func() { node.Follow(ctx, events, seed, nil) })
	}
	return node, node.AddEvent(c.announced())
}

// admission is the policy of one node.
func (c *Config) admission() (origin.Admission, error) {
	a := c.Scenario.Admission
	return policies.New(a.Policy, c.Runtime, admission.Config{Slow: a.Slow, SlowPercent: int(math.Round(100 * a.SlowShare)), Reads: a.Reads,
		Egress: a.Egress / 8})
}

// objects is a store of whole objects over a region's rows, for one user of it.
func (c *Config) objects(ctx context.Context, user string, rows Rows, recent int) origin.Store {
	if rows.Whole {
		return rows.Table
	}
	return keyvalue.New(keyvalue.Config{Table: rows.Table, Caches: rows.Caches, Runtime: c.Runtime, Context: ctx,
		Seed:       streams.New(c.Scenario.Seed, "tokens of "+user).Uint64(),
		ChunkBytes: c.Scenario.Storage.Chunk, Recent: recent})
}

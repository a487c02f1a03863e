package storage

import (
	"container/heap"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// CacheProfile is what a cache of some nodes is like.
type CacheProfile struct {
	Name     string
	Get, Set Latency // of one item
	Nodes    int
	Bytes    int // that one node keeps
	// ItemLimit is the size of the largest item; larger objects are cut into several.
	ItemLimit int
	Capacity  Capacity // of one node
	// TTL is for how long an item is kept.
	TTL time.Duration
	// Timeout is for how long a node is waited for.
	Timeout time.Duration
}

// CachedConfig says what a Cached is made of. Store, Region, Runtime, Context and Profile are required.
type CachedConfig struct {
	Store   origin.Store
	Region  string
	Runtime origin.Runtime
	// Context ends what goes on after callers have their answers.
	Context context.Context
	Seed    uint64
	Profile CacheProfile
	// Recorder is told which nodes could not be reached; with nil nobody is. Start is the history's zero.
	Recorder origin.Recorder
	Start    time.Time
	// Gate puts what can cut off a node in front of it; nodes are called 1, 2 and so on. Nil means that none is.
	Gate func(node string, cache origin.Store) origin.Store
}

// Cached is a Store behind a write-through cache: memcached's items and least-recently-used eviction on nodes among
// which items are spread by their keys (facts.md STO-18, STO-22). An object is found there if all its items are.
// Whatever becomes of the cache, the answers are those of the store; only their times change.
type Cached struct {
	config CachedConfig
	made   time.Time

	mu       sync.Mutex
	nodes    []*cacheNode
	objects  map[origin.Key]*cached
	expiring byExpiry // all of objects
	stats    CacheStats
}

// CacheStats are a Cached's counters since the beginning, and what it holds now.
type CacheStats struct {
	Gets   int64 // Hits + Misses + those under way
	Hits   int64
	Misses int64
	Torn   int64 // of the misses: some of the object's items were there
	Failed int64 // of the misses: a node could not be reached, or not in time
	Sets   int64 // of objects
	Unset  int64 // of the sets: not all items could be given to their nodes

	BytesRead, BytesWritten int64 // of objects found, and given
	Evicted                 int64 // items
	Nodes                   []CacheNodeStats
}

// CacheNodeStats are one node's part.
type CacheNodeStats struct {
	Name       string
	Operations int64
	Busy       time.Duration // that it worked
	Bytes      int           // held now
}

// NewCached puts an empty cache in front of a store.
func NewCached(c CachedConfig) *Cached {
	k := &Cached{config: c, made: c.Runtime.Now(), objects: make(map[origin.Key]*cached)}
	for i := range c.Profile.Nodes {
		name := strconv.Itoa(i + 1)
		n := &cacheNode{name: name, cache: k, rand: streams.New(c.Seed, "cache "+c.Region+" "+name),
			get: c.Profile.Get.distribution(), set: c.Profile.Set.distribution(),
			server: newServer(c.Profile.Capacity, episodes{}, episodes{}, 1)}
		if c.Gate != nil {
			if gate := c.Gate(name, reachable{}); gate != origin.Store(reachable{}) {
				n.gate = gate
			}
		}
		k.nodes = append(k.nodes, n)
	}
	return k
}

// Put implements origin.Store. What the cache does with the object changes nothing about the outcome.
func (k *Cached) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	err := k.config.Store.Put(ctx, key, o)
	if err == nil {
		k.set(ctx, key, o)
	}
	return err
}

// Get implements origin.Store.
func (k *Cached) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	o, hit, err := k.look(ctx, key, digest)
	if hit || err != nil {
		return o, err
	}
	o, err = k.config.Store.Get(ctx, key, digest)
	if err == nil {
		k.config.Runtime.Go(func() { k.set(k.config.Context, key, o) })
	}
	return o, err
}

// look asks the nodes for an object's items, all at once. The error is ctx's.
func (k *Cached) look(ctx context.Context, key origin.Key, digest uint32) (o origin.Object, hit bool, err error) {
	now := k.now()
	k.mu.Lock()
	k.stats.Gets++
	c := k.objects[key]
	if c != nil && (c.object.Digest != digest || now >= c.expires) {
		c = nil
	}
	var takes time.Duration
	reached := true
	for i := range c.count() {
		t, ok := k.node(key, c, i).serve(now, c.size(i), false)
		takes, reached = max(takes, t), reached && ok
	}
	k.mu.Unlock()
	for i := range c.count() {
		reached = k.reach(ctx, k.node(key, c, i), key) && reached
	}
	err = k.config.Runtime.Sleep(ctx, takes)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err != nil, !reached:
		k.stats.Failed++
	case c == nil:
	case c.held == len(c.items):
		k.stats.Hits++
		k.stats.BytesRead += int64(c.object.Size)
		c.use()
		return c.object, true, nil
	case c.held > 0:
		k.stats.Torn++
	}
	k.stats.Misses++
	return o, false, err
}

// set gives an object's items to their nodes, all at once.
func (k *Cached) set(ctx context.Context, key origin.Key, o origin.Object) {
	now := k.now()
	c := k.cut(key, o, now)
	taken := make([]bool, len(c.items))
	var takes time.Duration
	k.mu.Lock()
	k.stats.Sets++
	for i, item := range c.items {
		var t time.Duration
		t, taken[i] = item.node.serve(now, item.size, true)
		takes = max(takes, t)
	}
	k.mu.Unlock()
	for i, item := range c.items {
		taken[i] = k.reach(ctx, item.node, key) && taken[i]
	}
	all := k.config.Runtime.Sleep(ctx, takes) == nil
	k.mu.Lock()
	defer k.mu.Unlock()
	if all {
		k.expire(k.now())
		all = k.keep(c, taken)
	}
	if !all {
		k.stats.Unset++
	}
}

func (k *Cached) now() time.Duration { return k.config.Runtime.Now().Sub(k.made) }

// Stats returns the counters.
func (k *Cached) Stats() CacheStats {
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire(now)
	s := k.stats
	s.Nodes = make([]CacheNodeStats, len(k.nodes))
	for i, n := range k.nodes {
		s.Nodes[i] = CacheNodeStats{n.name, n.operations, n.busy, n.bytes}
	}
	return s
}

// Flush empties all nodes, as after a cold start, and returns how many items there were.
func (k *Cached) Flush() (items int) {
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire(now)
	for len(k.expiring) > 0 {
		items += k.expiring[0].held
		k.expiring[0].drop()
	}
	return items
}

// expire drops what has expired, as memcached's crawler of its lists does.
func (k *Cached) expire(now time.Duration) {
	for len(k.expiring) > 0 && now >= k.expiring[0].expires {
		k.expiring[0].drop()
	}
}

// remember makes an object known that has items in nodes, and forget one that has none any more.
func (k *Cached) remember(c *cached) {
	k.objects[c.key] = c
	heap.Push(&k.expiring, c)
}

func (k *Cached) forget(c *cached) {
	delete(k.objects, c.key)
	heap.Remove(&k.expiring, c.place)
}

package storage

import (
	"container/list"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// ErrTooLarge is a cache's answer to a row that is larger than an item may be.
var ErrTooLarge = errors.New("larger than the cache's items may be")

// CacheProfile is what a cache of some nodes is like.
type CacheProfile struct {
	Name     string
	Get, Set Latency // of one item
	Nodes    int
	Bytes    int // that one node keeps
	// ItemLimit is the size of the largest item, in bytes.
	ItemLimit int
	Capacity  Capacity // of one node
	// TTL is for how long an item is kept.
	TTL time.Duration
	// Timeout is for how long a node is waited for.
	Timeout time.Duration
}

// CacheNodeConfig says what a CacheNode is made of.
type CacheNodeConfig struct {
	Name    string // among the nodes of its region
	Region  string
	Runtime origin.Runtime
	Seed    uint64
	Profile CacheProfile
}

// CacheNode is one node of a cache, as a Store of rows that may forget any of them and takes the newest of two: memcached's
// items and least-recently-used eviction (facts.md STO-18, STO-22). Which rows it is given is for its users to say
// (package keyvalue).
type CacheNode struct {
	config CacheNodeConfig
	made   time.Time

	mu sync.Mutex
	server
	rand     *rand.Rand
	get, set distribution
	items    map[origin.Key]*item
	recent   list.List // of *item, the most recently used first
	expiring byExpiry  // all of items
	stats    CacheNodeStats
}

// CacheNodeStats are a CacheNode's counters since the beginning, and what it holds now.
type CacheNodeStats struct {
	Gets   int64 // Hits + Misses + those under way
	Hits   int64
	Misses int64
	Sets   int64
	Failed int64 // of the misses and the sets: the node had too much to do, or its caller went away

	BytesRead, BytesWritten int64 // of items found, and kept
	Evicted                 int64
	Busy                    time.Duration // that it worked
	Items, Bytes            int           // held now
}

// NewCacheNode makes an empty one.
func NewCacheNode(c CacheNodeConfig) *CacheNode {
	return &CacheNode{config: c, made: c.Runtime.Now(), items: make(map[origin.Key]*item),
		rand: streams.New(c.Seed, "cache "+c.Region+" "+c.Name),
		get:  c.Profile.Get.distribution(), set: c.Profile.Set.distribution(),
		server: newServer(c.Profile.Capacity, episodes{}, episodes{}, 1)}
}

// Put implements origin.Store. The node keeps what it was given last.
func (n *CacheNode) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	if o.Size > n.config.Profile.ItemLimit {
		return ErrTooLarge
	}
	now := n.now()
	n.mu.Lock()
	n.stats.Sets++
	takes, ok := n.serve(now, o.Size, n.set)
	n.mu.Unlock()
	err := n.wait(ctx, takes, ok)
	now = n.now()
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		n.stats.Failed++
		return err
	}
	n.expire(now)
	n.keep(key, o, now)
	return nil
}

// Get implements origin.Store.
func (n *CacheNode) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	now := n.now()
	n.mu.Lock()
	n.stats.Gets++
	size := 0
	if it := n.find(key, digest, now); it != nil {
		size = it.object.Size
	}
	takes, ok := n.serve(now, size, n.get)
	n.mu.Unlock()
	err := n.wait(ctx, takes, ok)
	now = n.now()
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		n.stats.Failed++
		n.stats.Misses++
		return origin.Object{}, err
	}
	it := n.find(key, digest, now)
	if it == nil {
		n.stats.Misses++
		return origin.Object{}, origin.ErrNotFound
	}
	n.stats.Hits++
	n.stats.BytesRead += int64(it.object.Size)
	n.recent.MoveToFront(it.element)
	return it.object, nil
}

func (n *CacheNode) now() time.Duration { return n.config.Runtime.Now().Sub(n.made) }

// serve draws how long an operation takes; it fails after the time-out.
func (n *CacheNode) serve(now time.Duration, bytes int, latency distribution) (takes time.Duration, ok bool) {
	patience := n.config.Profile.Timeout
	through, ok := n.operate(now, bytes, patience)
	if !ok {
		return patience, false
	}
	takes = n.respond(now, through, latency, n.rand) - now
	return min(takes, patience), takes <= patience
}

// wait lets an operation take its time.
func (n *CacheNode) wait(ctx context.Context, takes time.Duration, ok bool) error {
	if err := n.config.Runtime.Sleep(ctx, takes); err != nil {
		return err
	}
	if !ok {
		return origin.ErrTimeout
	}
	return nil
}

// Stats returns the counters.
func (n *CacheNode) Stats() CacheNodeStats {
	now := n.now()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.expire(now)
	s := n.stats
	s.Busy, s.Items = n.busy, len(n.items)
	return s
}

// Flush empties the node, as after a cold start, and returns how many items there were.
func (n *CacheNode) Flush() (items int) {
	now := n.now()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.expire(now)
	items = len(n.items)
	for len(n.expiring) > 0 {
		n.drop(n.expiring[0])
	}
	return items
}

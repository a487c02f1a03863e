package storage

import (
	"container/list"
	"context"
	"math/rand/v2"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// cacheNode is one node of a Cached.
type cacheNode struct {
	name  string
	cache *Cached
	server
	rand     *rand.Rand
	get, set distribution
	gate     origin.Store // nil where nothing can cut it off
	recent   list.List    // of *item, the most recently used first
	bytes    int

	notes      notes
	operations int64
}

// cached is an object in the cache.
type cached struct {
	key     origin.Key
	object  origin.Object
	expires time.Duration
	items   []item
	held    int // items that are in their nodes
	place   int // in Cached.expiring
}

// item is a part of an object that fits a node.
type item struct {
	object  *cached
	node    *cacheNode
	size    int
	element *list.Element // in the node's list; nil once it is not there
}

// reachable is what a gate stands in front of: it is there.
type reachable struct{}

func (reachable) Put(context.Context, origin.Key, origin.Object) error { return nil }
func (reachable) Get(context.Context, origin.Key, uint32) (origin.Object, error) {
	return origin.Object{}, nil
}

// reach says whether a node is there; that it is not goes into the history, sampled as what zones fail to do is.
func (k *Cached) reach(ctx context.Context, n *cacheNode, key origin.Key) bool {
	if n.gate == nil {
		return true
	}
	_, err := n.gate.Get(ctx, key, 0)
	if err == nil {
		return true
	}
	if k.config.Recorder != nil && ctx.Err() == nil && n.sample(k.now()) {
		k.config.Recorder.Record(origin.Record{AtUs: k.config.Runtime.Now().Sub(k.config.Start).Microseconds(),
			Kind: origin.KindReplica, Region: k.config.Region, Name: "cache " + n.name, Rendition: key.Rendition,
			Number: key.Number, Pipeline: key.Pipeline, Error: err.Error()})
	}
	return false
}

func (n *cacheNode) sample(now time.Duration) bool {
	n.cache.mu.Lock()
	defer n.cache.mu.Unlock()
	return n.notes.sample(now)
}

// serve draws how long an operation takes; it fails after the time-out.
func (n *cacheNode) serve(now time.Duration, bytes int, write bool) (takes time.Duration, ok bool) {
	patience, latency := n.cache.config.Profile.Timeout, n.get
	if write {
		latency = n.set
	}
	n.operations++
	through, ok := n.operate(now, bytes, patience)
	if !ok {
		return patience, false
	}
	takes = n.respond(now, through, latency, n.rand) - now
	return min(takes, patience), takes <= patience
}

// count is how many items a node is asked for; of an object that is not known, one.
func (c *cached) count() int {
	if c == nil {
		return 1
	}
	return len(c.items)
}

// size is how many bytes a node sends for an item.
func (c *cached) size(i int) int {
	if c == nil || c.items[i].element == nil {
		return 0
	}
	return c.items[i].size
}

// use makes an object's items the most recently used.
func (c *cached) use() {
	for i := range c.items {
		c.items[i].node.recent.MoveToFront(c.items[i].element)
	}
}

// node is where an object's item is, or would be.
func (k *Cached) node(key origin.Key, c *cached, i int) *cacheNode {
	if c != nil {
		return c.items[i].node
	}
	return k.nodeOf(key, i)
}

// nodeOf is where an item belongs, by FNV-1a of its key.
func (k *Cached) nodeOf(key origin.Key, item int) *cacheNode {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, part := range [...]string{key.Event, key.Rendition, key.Pipeline} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * prime
		}
		h *= prime // a zero byte between the parts
	}
	h = (h ^ uint64(key.Number)) * prime
	h = (h ^ uint64(item)) * prime
	return k.nodes[(h^h>>32)%uint64(len(k.nodes))]
}

// cut divides an object into items.
func (k *Cached) cut(key origin.Key, o origin.Object, now time.Duration) *cached {
	p := k.config.Profile
	c := &cached{key: key, object: o, expires: now + p.TTL}
	if !o.ExpiresAt.IsZero() {
		c.expires = min(c.expires, o.ExpiresAt.Sub(k.made))
	}
	c.items = make([]item, max(1, (o.Size+p.ItemLimit-1)/p.ItemLimit))
	for i := range c.items {
		c.items[i] = item{object: c, node: k.nodeOf(key, i), size: min(p.ItemLimit, o.Size-i*p.ItemLimit)}
	}
	return c
}

// keep puts the items that were taken into their nodes, in place of what was there under the key, and says whether the
// whole object is there then.
func (k *Cached) keep(c *cached, taken []bool) bool {
	if old := k.objects[c.key]; old != nil {
		if old.held == len(old.items) && old.object.Digest == c.object.Digest && old.expires >= c.expires {
			old.use()
			return true
		}
		old.drop()
	}
	for i := range c.items {
		it := &c.items[i]
		if !taken[i] || it.size > it.node.limit() {
			continue
		}
		it.element = it.node.recent.PushFront(it)
		it.node.bytes += it.size
		c.held++
		it.node.evict()
	}
	if c.held > 0 {
		k.remember(c)
	}
	return c.held == len(c.items)
}

func (n *cacheNode) limit() int { return n.cache.config.Profile.Bytes }

// evict drops the least recently used items while the node is too full.
func (n *cacheNode) evict() {
	for n.bytes > n.limit() {
		n.recent.Back().Value.(*item).drop()
		n.cache.stats.Evicted++
	}
}

// drop takes an item out of its node, if it is there.
func (it *item) drop() {
	if it.element == nil {
		return
	}
	it.node.recent.Remove(it.element)
	it.node.bytes -= it.size
	it.element = nil
	c := it.object
	if c.held--; c.held == 0 && it.node.cache.objects[c.key] == c {
		it.node.cache.forget(c)
	}
}

func (c *cached) drop() {
	for i := range c.items {
		c.items[i].drop()
	}
}

// byExpiry is a heap of objects, the first to expire first.
type byExpiry []*cached

func (b byExpiry) Len() int           { return len(b) }
func (b byExpiry) Less(i, j int) bool { return b[i].expires < b[j].expires }
func (b byExpiry) Swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].place, b[j].place = i, j
}

// Push implements heap.Interface.
func (b *byExpiry) Push(x any) {
	c := x.(*cached)
	c.place = len(*b)
	*b = append(*b, c)
}

// Pop implements heap.Interface.
func (b *byExpiry) Pop() any {
	last := len(*b) - 1
	c := (*b)[last]
	(*b)[last] = nil
	*b = (*b)[:last]
	return c
}

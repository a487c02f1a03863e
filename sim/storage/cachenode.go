package storage

import (
	"container/list"
	"context"
	"math/rand/v2"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// CacheNode is one node of a Cached.
type CacheNode struct {
	Name  string
	cache *Cached
	server
	rand     *rand.Rand
	get, set distribution
	gate     origin.Store // nil where nothing can cut it off
	recent   list.List    // of *item, the most recently used first
	bytes    int

	operations int64
}

// cached is an object in the cache.
type cached struct {
	key     origin.Key
	object  origin.Object
	expires time.Duration
	items   []item
	held    int // items that are in their nodes
}

// item is a part of an object that fits a node.
type item struct {
	object  *cached
	node    *CacheNode
	size    int
	element *list.Element // in the node's list; nil once it is not there
}

// reachable is what a gate stands in front of: it is there.
type reachable struct{}

func (reachable) Put(context.Context, origin.Key, origin.Object) error { return nil }
func (reachable) Get(context.Context, origin.Key, uint32) (origin.Object, error) {
	return origin.Object{}, nil
}

// reach says whether the node is there.
func (n *CacheNode) reach(ctx context.Context, key origin.Key) bool {
	if n.gate == nil {
		return true
	}
	_, err := n.gate.Get(ctx, key, 0)
	return err == nil
}

// serve draws how long an operation takes; it fails after the time-out.
func (n *CacheNode) serve(now time.Duration, bytes int, write bool) (takes time.Duration, ok bool) {
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
func (k *Cached) node(key origin.Key, c *cached, i int) *CacheNode {
	if c != nil {
		return c.items[i].node
	}
	return k.nodeOf(key, i)
}

// nodeOf is where an item belongs, by FNV-1a of its key.
func (k *Cached) nodeOf(key origin.Key, item int) *CacheNode {
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
		k.objects[c.key] = c
	}
	return c.held == len(c.items)
}

func (n *CacheNode) limit() int { return n.cache.config.Profile.Bytes }

// evict drops the least recently used items while the node is too full.
func (n *CacheNode) evict() {
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
		delete(it.node.cache.objects, c.key)
	}
}

func (c *cached) drop() {
	for i := range c.items {
		c.items[i].drop()
	}
}

// Flush empties the node, as when it is lost and another takes its place, and returns how many items there were.
func (n *CacheNode) Flush() (items int) {
	n.cache.mu.Lock()
	defer n.cache.mu.Unlock()
	for ; n.recent.Len() > 0; items++ {
		n.recent.Back().Value.(*item).drop()
	}
	return items
}

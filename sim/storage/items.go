package storage

import (
	"container/heap"
	"container/list"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// item is a row in a cache.
type item struct {
	key     origin.Key
	object  origin.Object
	expires time.Duration
	element *list.Element // in CacheNode.recent
	place   int           // in CacheNode.expiring
}

// find is the row that the node has under a key, if it has these bytes and they have not expired.
func (n *CacheNode) find(key origin.Key, digest uint32, now time.Duration) *item {
	if it := n.items[key]; it != nil && it.object.Digest == digest && now < it.expires {
		return it
	}
	return nil
}

// keep takes a row in, in place of what was there under its key, and makes room for it.
func (n *CacheNode) keep(key origin.Key, o origin.Object, now time.Duration) {
	if old := n.items[key]; old != nil {
		n.drop(old)
	}
	n.stats.BytesWritten += int64(o.Size)
	it := &item{key: key, object: o, expires: n.expiry(o, now)}
	if now >= it.expires || o.Size > n.config.Profile.Bytes {
		return // nobody can tell
	}
	it.element = n.recent.PushFront(it)
	n.items[key] = it
	heap.Push(&n.expiring, it)
	n.stats.Bytes += o.Size
	for n.stats.Bytes > n.config.Profile.Bytes {
		n.drop(n.recent.Back().Value.(*item))
		n.stats.Evicted++
	}
}

func (n *CacheNode) expiry(o origin.Object, now time.Duration) time.Duration {
	expires := now + n.config.Profile.TTL
	if !o.ExpiresAt.IsZero() {
		expires = min(expires, o.ExpiresAt.Sub(n.made))
	}
	return expires
}

// expire drops what has expired, as memcached's crawler of its lists does.
func (n *CacheNode) expire(now time.Duration) {
	for len(n.expiring) > 0 && now >= n.expiring[0].expires {
		n.drop(n.expiring[0])
	}
}

func (n *CacheNode) drop(it *item) {
	n.recent.Remove(it.element)
	delete(n.items, it.key)
	heap.Remove(&n.expiring, it.place)
	n.stats.Bytes -= it.object.Size
}

// byExpiry is a heap of items, the first to expire first.
type byExpiry []*item

func (b byExpiry) Len() int           { return len(b) }
func (b byExpiry) Less(i, j int) bool { return b[i].expires < b[j].expires }
func (b byExpiry) Swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].place, b[j].place = i, j
}

// Push implements heap.Interface.
func (b *byExpiry) Push(x any) {
	it := x.(*item)
	it.place = len(*b)
	*b = append(*b, it)
}

// Pop implements heap.Interface.
func (b *byExpiry) Pop() any {
	last := len(*b) - 1
	it := (*b)[last]
	(*b)[last] = nil
	*b = (*b)[:last]
	return it
}

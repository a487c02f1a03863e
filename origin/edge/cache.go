package edge

import (
	"container/heap"
	"container/list"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// cache keeps answers until they expire, to the nanosecond, and within a number of bytes; the least recently used go
// first. What has expired goes with the next that comes: nobody asks again for a segment that nobody watches any more.
// Callers hold the edge's lock.
type cache struct {
	limit, size int
	entries     map[key]*list.Element
	recent      *list.List // of *entry, most recently used first
	expiring    byExpiry
}

// key is what an answer is kept under. A new cache version of the event makes all that is there unreachable at once.
type key struct {
	req          origin.Request
	cacheVersion int64
}

type entry struct {
	key     key
	resp    origin.Response
	expires time.Time
	// asked is the version of the event in which the edge asked for the answer; made is that in which it was made, or an
	// older one.
	asked, made int64
	place       int // in expiring
	recent      *list.Element
}

// byExpiry is a heap of entries, the first to expire first.
type byExpiry []*entry

func (b byExpiry) Len() int           { return len(b) }
func (b byExpiry) Less(i, j int) bool { return b[i].expires.Before(b[j].expires) }
func (b byExpiry) Swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].place, b[j].place = i, j
}

// Push implements heap.Interface.
func (b *byExpiry) Push(x any) {
	e := x.(*entry)
	e.place = len(*b)
	*b = append(*b, e)
}

// Pop implements heap.Interface.
func (b *byExpiry) Pop() any {
	last := len(*b) - 1
	e := (*b)[last]
	(*b)[last] = nil
	*b = (*b)[:last]
	return e
}

// overhead is what an answer without a body costs, roughly, so that refusals are bounded too.
const overhead = 512

func newCache(limit int) cache {
	return cache{limit: limit, entries: make(map[key]*list.Element), recent: list.New()}
}

// get returns a fresh answer, with what is left of its lifetime. What counts as expired by the event's state stays until
// it is replaced: the state says no more than that somebody should look again.
func (c *cache) get(k key, st *origin.State, now time.Time) (origin.Response, bool) {
	at, ok := c.entries[k]
	if !ok {
		return origin.Response{}, false
	}
	e := at.Value.(*entry)
	if !now.Before(e.expires) {
		c.remove(at)
		return origin.Response{}, false
	}
	if e.outdated(st) {
		return origin.Response{}, false
	}
	c.recent.MoveToFront(at)
	resp := e.resp
	resp.MaxAge = e.expires.Sub(now)
	return resp, true
}

// outdated says whether an answer counts as expired, whatever is left of its lifetime: an object that operators have
// invalidated since it was served, and a refusal of an event that is not what it was when the edge asked.
func (e *entry) outdated(st *origin.State) bool {
	if !e.resp.OK() {
		return e.asked < st.Version
	}
	for i := range st.Invalidations {
		v := &st.Invalidations[i]
		if e.made < v.Version && v.Covers(e.resp.ServedBy, e.resp.Pipeline, e.key.req.Number) {
			return true
		}
	}
	return false
}

// touched says whether any pipeline's segment n was invalidated since a version.
func touched(st *origin.State, n origin.SegmentNumber, since int64) bool {
	for i := range st.Invalidations {
		if v := &st.Invalidations[i]; since < v.Version && v.From <= n && n <= v.To {
			return true
		}
	}
	return false
}

// put keeps an answer for its lifetime from now on.
func (c *cache) put(e *entry, now time.Time) {
	if at, ok := c.entries[e.key]; ok {
		c.remove(at)
	}
	e.resp.Hold, e.resp.Store = 0, 0 // that is where the first request's time went, not the next ones'
	for len(c.expiring) > 0 && !now.Before(c.expiring[0].expires) {
		c.remove(c.expiring[0].recent)
	}
	e.expires = now.Add(e.resp.MaxAge)
	e.recent = c.recent.PushFront(e)
	heap.Push(&c.expiring, e)
	c.entries[e.key] = e.recent
	c.size += e.resp.Object.Size + overhead
	for c.size > c.limit && c.recent.Len() > 1 {
		c.remove(c.recent.Back())
	}
}

func (c *cache) remove(at *list.Element) {
	e := c.recent.Remove(at).(*entry)
	heap.Remove(&c.expiring, e.place)
	delete(c.entries, e.key)
	c.size -= e.resp.Object.Size + overhead
}

// flush removes everything and says how many entries that were.
func (c *cache) flush() int {
	n := c.recent.Len()
	c.recent.Init()
	clear(c.entries)
	c.expiring = nil
	c.size = 0
	return n
}

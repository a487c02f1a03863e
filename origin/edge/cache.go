package edge

import (
	"container/list"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// cache keeps answers until they expire, to the nanosecond, and within a number of bytes; the least recently used go
// first. Callers hold the edge's lock.
type cache struct {
	limit, size int
	entries     map[origin.Request]*list.Element
	recent      *list.List // of *entry, most recently used first
}

type entry struct {
	req     origin.Request
	resp    origin.Response
	expires time.Time
}

// overhead is what an answer without a body costs, roughly, so that refusals are bounded too.
const overhead = 512

func newCache(limit int) cache {
	return cache{limit: limit, entries: make(map[origin.Request]*list.Element), recent: list.New()}
}

// get returns a fresh answer, with what is left of its lifetime.
func (c *cache) get(req origin.Request, now time.Time) (origin.Response, bool) {
	at, ok := c.entries[req]
	if !ok {
		return origin.Response{}, false
	}
	e := at.Value.(*entry)
	if !now.Before(e.expires) {
		c.remove(at)
		return origin.Response{}, false
	}
	c.recent.MoveToFront(at)
	resp := e.resp
	resp.MaxAge = e.expires.Sub(now)
	return resp, true
}

// put keeps an answer for its lifetime from now on.
func (c *cache) put(req origin.Request, resp origin.Response, now time.Time) {
	if at, ok := c.entries[req]; ok {
		c.remove(at)
	}
	resp.Hold, resp.Store = 0, 0 // that is where the first request's time went, not the next ones'
	e := &entry{req, resp, now.Add(resp.MaxAge)}
	c.entries[req] = c.recent.PushFront(e)
	c.size += e.resp.Object.Size + overhead
	for c.size > c.limit && c.recent.Len() > 1 {
		c.remove(c.recent.Back())
	}
}

func (c *cache) remove(at *list.Element) {
	e := c.recent.Remove(at).(*entry)
	delete(c.entries, e.req)
	c.size -= e.resp.Object.Size + overhead
}

// flush removes everything and says how many entries that were.
func (c *cache) flush() int {
	n := c.recent.Len()
	c.recent.Init()
	clear(c.entries)
	c.size = 0
	return n
}

// Package edge makes an edge cache's decisions: which requests to refuse from the event's configuration alone, what to
// keep and for how many milliseconds, which concurrent misses are one, and which origin to ask when one is gone.
//
//	request -> refuse ------> cache -----------> flight -> upstreams, in order
//	           by the state   by cache version,  one for     |       |
//	             ^            invalidations      all who     |       |
//	             |                               wait        |       |
//	             Learn <------------ Follow: the event's state <-----'
//	                                                         |
//	response <- the newest bulletin <------------------------' of any answer, never an older one
package edge

import (
	"context"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Upstream is an origin node that the edge may ask.
type Upstream struct {
	Name   string
	Region string
	Getter origin.Getter
}

// Config is what an Edge needs to know.
type Config struct {
	Name    string
	Region  string
	Runtime origin.Runtime
	// Upstreams in order of preference: those of the edge's own region first.
	Upstreams []Upstream
	// CacheBytes bounds the cache; zero means 256 MiB.
	CacheBytes int
	// Context ends the fetches that go on without their clients.
	Context  context.Context
	Recorder origin.Recorder
	// Answered, if not nil, is told of every answer that Get gave, and after how long. It must not block, nor keep it.
	Answered func(r *origin.Response, took time.Duration)
}

// Edge is one edge cache, a Getter in front of Getters. All its methods may be called at once.
type Edge struct {
	Config
	mu      sync.Mutex
	events  map[string]*event
	cache   cache
	flights map[key]*flight
	// downUntil is when an upstream that could not be reached is asked again.
	downUntil []time.Time
}

const (
	// retryUpstream is for how long an upstream that could not be reached is passed over.
	retryUpstream = 500 * time.Millisecond
	// noOriginFor is how long the edge goes without asking again for what no origin could answer. Players ask again at
	// once; without this an outage multiplies its own load.
	noOriginFor = 200 * time.Millisecond
	// removedFor is for how long an event that was removed is: it will not come again.
	removedFor = time.Hour
	// maxFlight bounds the wait for somebody else's fetch; every fetch ends sooner by its adapter's time-outs.
	maxFlight = 30 * time.Second
)

// New makes an edge that knows no event yet.
func New(c Config) *Edge {
	if c.CacheBytes == 0 {
		c.CacheBytes = 256 << 20
	}
	if c.Recorder == nil {
		c.Recorder = origin.Discard
	}
	return &Edge{Config: c, events: make(map[string]*event), cache: newCache(c.CacheBytes),
		flights: make(map[key]*flight), downUntil: make([]time.Time, len(c.Upstreams))}
}

// Flush forgets everything cached, and says how many objects that were.
func (e *Edge) Flush() int {
	e.mu.Lock()
	n := e.cache.flush()
	e.mu.Unlock()
	return n
}

// flight is one fetch from upstream that any number of requests wait for.
type flight struct {
	key    key
	asked  int64 // the version of the event in which the edge asked
	landed origin.Signal
	resp   origin.Response
	kept   bool // in the cache
	err    error
}

// Get implements origin.Getter.
func (e *Edge) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	arrived := e.Runtime.Now()
	resp, err := e.get(ctx, req, arrived)
	resp.Bulletin = e.Bulletin(req.Event)
	if e.Answered != nil && err == nil {
		shown := resp // what is shown may be kept, and so is on the heap: resp is not, where nobody looks
		e.Answered(&shown, e.Runtime.Now().Sub(arrived))
	}
	return resp, err
}

// get is Get without what every answer carries.
func (e *Edge) get(ctx context.Context, req origin.Request, arrived time.Time) (origin.Response, error) {
	st, cacheVersion := e.known(req.Event)
	if resp, refused := e.refuse(st, req, arrived); refused {
		return resp, nil
	}
	k := key{req, cacheVersion}
	e.mu.Lock()
	if resp, ok := e.cached(k, st, arrived); ok {
		e.mu.Unlock()
		resp.Cache = origin.CacheStatus{Cache: e.Name, Hit: true, TTL: resp.MaxAge}
		return resp, nil
	}
	f, joined := e.flights[k]
	if joined && touched(st, req.Number, f.asked) {
		joined = false // it may bring what has been invalidated since
	}
	if !joined {
		f = &flight{key: k, asked: st.Version, landed: e.Runtime.NewSignal()}
		e.flights[k] = f
	}
	e.mu.Unlock()
	if !joined {
		// The fetch has a life of its own: its first client may leave without taking the others' answer along.
		e.Runtime.Go(func() { e.fly(f) })
	}
	if err := f.landed.Wait(ctx, arrived.Add(maxFlight)); err != nil {
		return origin.Response{}, err
	}
	return e.landed(f, joined, arrived)
}

// cached looks an answer up. One that was found for those who wait is good for those who do not; of the others' refusals
// for overload they have nothing to say. The caller holds the lock.
func (e *Edge) cached(k key, st *origin.State, now time.Time) (origin.Response, bool) {
	if k.req.Background {
		if resp, ok := e.cache.get(k, st, now); ok {
			return resp, true
		}
		k.req.Background = false
	}
	return e.cache.get(k, st, now)
}

// refuse answers from the event's state alone what can be answered so, as a node does.
func (e *Edge) refuse(st *origin.State, req origin.Request, now time.Time) (origin.Response, bool) {
	if st == nil {
		return e.own(origin.UnknownEvent, origin.CreatedSoon), true
	}
	if st.Removed {
		return e.own(origin.EventRemoved, removedFor), true
	}
	if _, ok := st.Rendition(req.Rendition); !ok {
		return e.own(origin.UnknownRendition, origin.CreatedSoon), true
	}
	if req.Number == origin.Header || req.Number == origin.Playlist {
		return origin.Response{}, false
	}
	if d, refused := st.Refuse(req.Number, now); refused {
		return e.own(d.Reason, d.MaxAge), true
	}
	return origin.Response{}, false
}

// Cached is the Cache-Status of what the edge makes itself from the event's configuration, and lets others keep for ttl.
func (e *Edge) Cached(ttl time.Duration) origin.CacheStatus {
	return origin.CacheStatus{Cache: e.Name, Hit: true, TTL: ttl, Detail: "config"}
}

// own is an answer that the edge gives itself.
func (e *Edge) own(r origin.Reason, maxAge time.Duration) origin.Response {
	return origin.Response{Reason: r, MaxAge: maxAge, Cache: e.Cached(maxAge)}
}

// landed is what one of a flight's requests gets.
func (e *Edge) landed(f *flight, joined bool, arrived time.Time) (origin.Response, error) {
	if f.err != nil {
		return origin.Response{}, f.err
	}
	resp := f.resp
	if waited := e.Runtime.Now().Sub(arrived); resp.Hold > waited {
		resp.Hold = waited // who joined late was held for less
	}
	resp.Cache = origin.CacheStatus{Cache: e.Name, Forward: "uri-miss", Stored: f.kept, Collapsed: joined, TTL: resp.MaxAge}
	return resp, nil
}

// fly fetches from upstream, keeps the answer for as long as it may be kept, and tells everyone who waits.
func (e *Edge) fly(f *flight) {
	f.resp, f.err = e.fetch(f.key.req)
	now := e.Runtime.Now()
	e.mu.Lock()
	if f.err == nil {
		f.kept = e.keep(f, now)
	}
	if e.flights[f.key] == f {
		delete(e.flights, f.key)
	}
	e.mu.Unlock()
	f.landed.Fire()
}

// keep caches what a flight has brought, if it may be kept. The caller holds the lock.
func (e *Edge) keep(f *flight, now time.Time) bool {
	told, made := f.resp.Bulletin, f.asked
	if told.Version > 0 {
		made = min(made, told.Version)
	}
	switch {
	case f.resp.MaxAge <= 0:
		return false
	case told.Version > 0 && told.CacheVersion < f.key.cacheVersion:
		return false // from a cache that may have had it since before the version rose
	}
	k := f.key
	if f.resp.Reason != origin.Overloaded {
		k.req.Background = false // what was found is good for everyone; who is refused depends on who asks
	}
	if old, ok := e.cache.entries[k]; ok && old.Value.(*entry).asked > f.asked {
		return false // a later flight was faster
	}
	e.cache.put(&entry{key: k, resp: f.resp, asked: f.asked, made: made}, now)
	return true
}

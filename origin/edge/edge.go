// Package edge makes an edge cache's decisions: which requests to refuse from the event's configuration alone, what to
// keep and for how many milliseconds, which concurrent misses are one, and which origin to ask when one is gone.
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
}

// Edge is one edge cache, a Getter in front of Getters. All its methods may be called at once.
type Edge struct {
	Config
	mu      sync.Mutex
	events  map[string]*origin.Event
	cache   cache
	flights map[origin.Request]*flight
	// downUntil is when an upstream that could not be reached is asked again.
	downUntil []time.Time
}

const (
	// retryUpstream is for how long an upstream that could not be reached is passed over.
	retryUpstream = 500 * time.Millisecond
	// noOriginFor is how long the edge goes without asking again for what no origin could answer. Players ask again at
	// once; without this an outage multiplies its own load.
	noOriginFor = 200 * time.Millisecond
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
	return &Edge{Config: c, events: make(map[string]*origin.Event), cache: newCache(c.CacheBytes),
		flights: make(map[origin.Request]*flight), downUntil: make([]time.Time, len(c.Upstreams))}
}

// Learn takes in an event's configuration, from which the edge knows the legitimate range at any instant.
func (e *Edge) Learn(ev origin.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events[ev.ID] = &ev
}

// Event is the configuration that the edge has learnt.
func (e *Edge) Event(id string) (origin.Event, bool) {
	if ev := e.event(id); ev != nil {
		return *ev, true
	}
	return origin.Event{}, false
}

func (e *Edge) event(id string) *origin.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.events[id]
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
	landed origin.Signal
	resp   origin.Response
	err    error
}

// Get implements origin.Getter.
func (e *Edge) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	arrived := e.Runtime.Now()
	if resp, refused := e.refuse(req, arrived); refused {
		return resp, nil
	}
	e.mu.Lock()
	if resp, ok := e.cache.get(req, arrived); ok {
		e.mu.Unlock()
		resp.Cache = origin.CacheStatus{Cache: e.Name, Hit: true, TTL: resp.MaxAge}
		return resp, nil
	}
	f, joined := e.flights[req]
	if !joined {
		f = &flight{landed: e.Runtime.NewSignal()}
		e.flights[req] = f
	}
	e.mu.Unlock()
	if !joined {
		// The fetch has a life of its own: its first client may leave without taking the others' answer along.
		e.Runtime.Go(func() { e.fly(req, f) })
	}
	if err := f.landed.Wait(ctx, arrived.Add(maxFlight)); err != nil {
		return origin.Response{}, err
	}
	return e.landed(f, joined, arrived)
}

// refuse answers from the event's configuration alone what can be answered so.
func (e *Edge) refuse(req origin.Request, now time.Time) (origin.Response, bool) {
	ev := e.event(req.Event)
	if ev == nil {
		return e.own(origin.UnknownEvent, origin.CreatedSoon), true
	}
	if _, ok := ev.Rendition(req.Rendition); !ok {
		return e.own(origin.UnknownRendition, origin.CreatedSoon), true
	}
	if req.Number == origin.Header {
		return origin.Response{}, false
	}
	if d, ok := ev.Refuse(req.Number, now); !ok {
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
	resp.Cache = origin.CacheStatus{Cache: e.Name, Forward: "uri-miss", Stored: resp.MaxAge > 0, Collapsed: joined,
		TTL: resp.MaxAge}
	return resp, nil
}

// fly fetches from upstream, keeps the answer for as long as it may be kept, and tells everyone who waits.
func (e *Edge) fly(req origin.Request, f *flight) {
	f.resp, f.err = e.fetch(req)
	now := e.Runtime.Now()
	e.mu.Lock()
	if f.err == nil && f.resp.MaxAge > 0 {
		e.cache.put(req, f.resp, now)
	}
	delete(e.flights, req)
	e.mu.Unlock()
	f.landed.Fire()
}

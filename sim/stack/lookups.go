package stack

import (
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// lookups counts what one node is asked about and has to look up, and records it second by second, when a later one has begun
// or all is over: of events each question, of segments those that ended in a refusal, for which none should be looked at.
type lookups struct {
	origin.Observer // for what is not counted
	node            *origin.Node
	recorder        origin.Recorder
	start           time.Time // the history's zero

	mu     sync.Mutex
	second int64
	events counted
	refuse counted
	given  map[origin.Reason]bool
}

// counted is how many questions there were, and how many of them memory answered without a look-up.
type counted struct{ all, hits int64 }

// watchLookups makes a node count.
func (c *Config) watchLookups(node *origin.Node) {
	l := &lookups{given: map[origin.Reason]bool{}, Observer: node.Observer, node: node, recorder: c.Recorder, start: c.Event.AvailabilityStartTime}
	node.Observer = l
	c.lookups = append(c.lookups, l)
}

// LookedUp implements origin.Observer.
func (l *lookups) LookedUp(of origin.Level, hit bool) {
	if of == origin.EventLevel {
		l.count(func() { l.events.add(hit) })
	}
	l.Observer.LookedUp(of, hit)
}

// Answered implements origin.Observer.
func (l *lookups) Answered(a origin.Ask, r origin.Response, took time.Duration) {
	if r.Reason.FromTemplate() {
		l.count(func() { l.refuse.add(!a.LookedUp) })
	}
	l.first(r.Reason)
	l.Observer.Answered(a, r, took)
}

// first records the first answer that the node gives for a reason.
func (l *lookups) first(r origin.Reason) {
	l.mu.Lock()
	known := l.given[r]
	l.given[r] = true
	l.mu.Unlock()
	if !known {
		now := l.node.Runtime.Now().Sub(l.start)
		l.recorder.Record(origin.Record{AtUs: now.Microseconds(), Kind: origin.KindReason, Node: l.node.Name, Region: l.node.Region, Reason: string(r)})
	}
}

func (c *counted) add(hit bool) {
	c.all++
	if hit {
		c.hits++
	}
}

// count adds to the present second's counts, and records those of the one before.
func (l *lookups) count(add func()) {
	second := secondOf(l.node.Runtime.Now().Sub(l.start))
	l.mu.Lock()
	var over []origin.Record
	if second != l.second {
		over = l.take()
		l.second = second
	}
	add()
	l.mu.Unlock()
	for _, r := range over {
		l.recorder.Record(r)
	}
}

// secondOf is the second of the event, counted down from zero before its start.
func secondOf(at time.Duration) int64 {
	second := int64(at / time.Second)
	if at%time.Second < 0 {
		second--
	}
	return second
}

// flush records what has not been: the last second's counts.
func (l *lookups) flush() {
	l.mu.Lock()
	over := l.take()
	l.mu.Unlock()
	for _, r := range over {
		l.recorder.Record(r)
	}
}

// take empties the counts. The caller holds the lock.
func (l *lookups) take() (records []origin.Record) {
	for _, c := range []struct {
		of origin.Level
		n  *counted
	}{{origin.EventLevel, &l.events}, {origin.SegmentLevel, &l.refuse}} {
		if c.n.all == 0 {
			continue
		}
		records = append(records, origin.Record{AtUs: l.second * 1e6, Kind: origin.KindLookup, Name: string(c.of), Node: l.node.Name,
			Region: l.node.Region, Count: c.n.all, Hits: c.n.hits})
		*c.n = counted{}
	}
	return records
}

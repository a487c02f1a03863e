package faults

import (
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// real is a fault that only real parts can have: it acts, and wraps nothing.
type real struct {
	base
	acts []Act
	// shows says whether a record shows the fault at work.
	shows func(r origin.Record) bool
}

// Acts implements Actor.
func (f real) Acts() []Act { return f.acts }

// Acted implements Actor.
func (f real) Acted() { f.touch() }

// Felt implements Fault.
func (f real) Felt(r origin.Record) bool { return f.shows(r) }

// silent says whether a record shows a replica of a region's store, or a node of its cache, that did not answer. Those that do
// leave records too: real parts are asked for a sign of life while a fault is at work on them.
func silent(r origin.Record, region string) bool {
	return r.Kind == origin.KindReplica && r.Region == region && r.Error != ""
}

// onStore makes the faults of a region's database nodes, or of one zone's. They show as a replica that does not answer in
// time, a starved one too: how long an answer takes says little, since on a busy machine a healthy node takes as long.
func onStore(verb Verb) func(base) Fault {
	return func(b base) Fault {
		act := Act{Verb: verb, At: Place{Region: b.spec.Region, Zone: b.spec.Zone}}
		return real{b, []Act{act}, func(r origin.Record) bool {
			return silent(r, b.spec.Region) && meant(b.spec.Zone, r.Name)
		}}
	}
}

// onProcess makes the faults of an origin's or edge's process. They show as one that does not answer.
func onProcess(verb Verb) func(base) Fault {
	return func(b base) Fault {
		act := Act{Verb: verb, At: Place{Node: b.spec.Node}}
		return real{b, []Act{act}, func(r origin.Record) bool {
			return r.Kind == origin.KindPart && r.Node == b.spec.Node && r.Error != ""
		}}
	}
}

// newClockOffset moves the clock of one process. It shows as a process that says another time than the harness.
func newClockOffset(b base) Fault {
	act := Act{Verb: SetClock, At: Place{Node: b.spec.Node}, Offset: b.spec.Offset}
	return real{b, []Act{act}, func(r origin.Record) bool {
		seen := time.Duration(r.LateUs) * time.Microsecond
		return r.Kind == origin.KindPart && r.Node == b.spec.Node && r.Error == "" && (seen-b.spec.Offset).Abs() < b.spec.Offset.Abs()/2
	}}
}

// newCacheFlush empties a region's cache while it runs. It shows as a flush of that region's cache.
func newCacheFlush(b base) Fault {
	act := Act{Verb: Flush, At: Place{Region: b.spec.Region, Cache: AllNodes}}
	return real{b, []Act{act}, func(r origin.Record) bool {
		return r.Kind == origin.KindFlush && r.Region == b.spec.Region && r.Name == "cache"
	}}
}

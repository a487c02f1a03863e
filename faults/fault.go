// Package faults holds ways to break the pipeline: one file per fault, each a wrap around a seam.
//
// A fault is a window, a target, and the seams that it wraps; outside its window, or away from its target, a wrap hands
// every call through. To add one, write a file like slow_store.go, add its line to Kinds, and ship a scenario that uses
// it.
package faults

import (
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Spec is a fault as a scenario writes it. Fields that a kind does not list stay zero.
type Spec struct {
	ID        string // unique in its scenario: the kind, and a number where the kind comes twice
	Kind      string
	At        time.Duration // from the event's start
	For       time.Duration
	Region    string
	Pipeline  string
	Rendition string // empty means all
	Edge      string // empty means all
	Zone      string
	Defect    string        // a defect's name, for kind media-defect
	PPM       int           // clock drift; positive runs slow
	Delay     time.Duration // how much slower
	Node      string        // an origin node or an edge
	Offset    time.Duration // of a clock; positive is ahead
	Rate      int           // requests a second
}

// Window is the half-open time during which a fault is active.
type Window struct{ From, Until time.Time }

// Contains says whether t is inside.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.Until) }

// Place says where a seam is, so that a fault can tell whether it is meant. Empty fields are not known there.
type Place struct {
	Region, Pipeline, Node, Zone string
	// Cache is a node of the cache in front of the region's store; AllNodes where they are struck together.
	Cache string
}

// AllNodes is the Cache of a Place that is all of a cache, and the Node of one that is all origins of a region.
const AllNodes = "all"

// wholeStore says whether a place is a region's store, and no part of it.
func (p Place) wholeStore() bool { return p.Zone == "" && p.Cache == "" }

// Fault breaks something. What it can break it says by having more of the small interfaces below.
type Fault interface {
	Spec() Spec
	// Affected counts the calls that came out different because of the fault.
	Affected() int64
	// Felt says whether a record of the history, taken while the fault was active, shows it at work.
	Felt(r origin.Record) bool
}

// A fault wraps a seam by having the method for it.
type (
	// SourceBreaker stands between an encoder and its packager.
	SourceBreaker interface {
		WrapSource(at Place, s origin.Source) origin.Source
	}
	// HeaderBreaker says from when on an encoder has its CMAF headers; not ok where it is not meant.
	HeaderBreaker interface {
		HeaderFrom(at Place) (from time.Time, ok bool)
	}
	// PublisherBreaker stands in front of an origin node that takes candidates in.
	PublisherBreaker interface {
		WrapPublisher(at Place, p origin.Publisher) origin.Publisher
	}
	// GetterBreaker stands in front of an origin node that answers.
	GetterBreaker interface {
		WrapGetter(at Place, g origin.Getter) origin.Getter
	}
	// StoreBreaker stands in front of a region's store, of one zone's replica, or of a node of its cache.
	StoreBreaker interface {
		WrapStore(at Place, s origin.Store) origin.Store
	}
	// Striker does something once, when its window opens: to every edge, which has a Node at its Place, to every zone's
	// replica of a store, which has a Zone, and to every store's cache, which has AllNodes as its Cache.
	Striker interface {
		Strike(at Place, f Flusher)
	}
)

// Flusher forgets what it can lose, and says how many objects that were: an edge or a store's cache all, a replica what
// it has not synced to its disk yet.
type Flusher interface{ Flush() int }

// Kind is one line of the table of faults.
type Kind struct {
	Name  string
	About string
	// Needs and Allows are the Spec fields, by their scenario keys, that must and may be given besides kind, at and for.
	Needs, Allows []string
	// Instant faults have no length: `for` must not be given.
	Instant bool
	// NeedsCache faults break the cache in front of a store, which there must be.
	NeedsCache bool
	// Real faults need parts that are processes and containers of their own.
	Real bool
	New  func(base) Fault
}

// base is what all faults have in common.
type base struct {
	spec     Spec
	window   Window
	runtime  origin.Runtime
	affected *atomic.Int64
}

func (b base) Spec() Spec      { return b.spec }
func (b base) Affected() int64 { return b.affected.Load() }
func (b base) active() bool    { return b.window.Contains(b.runtime.Now()) }
func (b base) touch()          { b.affected.Add(1) }

// meant compares one part of the target with a place; a target that names nothing means everything.
func meant(target, place string) bool { return target == "" || target == place }

// KindByName finds a line of the table.
func KindByName(name string) (Kind, bool) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// New makes the fault that a valid spec describes, for an event that starts at start.
func New(spec Spec, start time.Time, rt origin.Runtime) Fault {
	k, ok := KindByName(spec.Kind)
	if !ok {
		panic("faults: no kind " + spec.Kind + "; specs are validated by the scenario that holds them")
	}
	from := start.Add(spec.At)
	return k.New(base{spec: spec, window: Window{from, from.Add(spec.For)}, runtime: rt, affected: new(atomic.Int64)})
}

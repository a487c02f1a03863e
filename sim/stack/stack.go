// Package stack assembles what a run stands on: regions of origins over a store, edges in front of them and pipelines
// behind, with the faults wrapped around their seams. The same assembly stands on either clock; a Wiring says how one
// part reaches another: over HTTP on loopback, or by calls through modelled links and machines.
//
//	encoder -> packager -> | origin nodes, a store | <- edges <- viewers                  without a delivery network
//	                       |                       | <- top tier <- sites <- viewers      with one
//	                        '------- a region -----'
//
// Parts are in this process (New), or origins and edges are processes of their own over real databases (StartProcesses,
// NewOver), which then do to themselves, and have done to them, what faults ask for.
package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/origin/edge"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/scenarios"
)

// Config is what a stack is made of.
type Config struct {
	Scenario *scenarios.Scenario
	// Event is as it comes about: from its start all times count. Parts know it as it was announced, until operators tell.
	Event    origin.Event
	Faults   []faults.Fault
	Runtime  origin.Runtime
	Recorder origin.Recorder
	Wiring   Wiring
	Media    Media
	// Storage is what origins keep rows in; nil means models of what the scenario asks for.
	Storage Storage
	// Databases says that the storage is real: faults that can break it do so there, and not around it.
	Databases bool
	// Metrics are a node's, by its name; nil where nobody watches.
	Metrics func(node string) *metrics.Metrics

	metadata *metadata
	lookups  []*lookups
}

// Media is what encoders encode: real CMAF, or sizes only.
type Media struct {
	// Encoder makes an encoder; two of one event give the same segments.
	Encoder func(origin.Event, origin.Clock) (Encoder, error)
	// Inspect is what packagers inspect segments with, and Origin and OriginHeader what origins do. Nil where there are
	// no bytes to look at, or where the part has its own way.
	Inspect      func(*origin.Event, origin.Rendition, origin.SegmentNumber, origin.Object) (origin.Defects, error)
	Origin       func(*origin.Event, origin.Rendition, origin.SegmentNumber, []byte) (origin.Defects, error)
	OriginHeader func(origin.Rendition, []byte) error
}

// Encoder hands over segments and headers.
type Encoder interface {
	origin.Source
	Header(origin.Rendition) (origin.Object, error)
}

// CMAF is real media, with bytes that every part looks at.
var CMAF = Media{
	Encoder: func(ev origin.Event, c origin.Clock) (Encoder, error) { return encoders.NewEncoder(ev, c) },
	Origin:  encoders.Inspect, OriginHeader: encoders.InspectHeader,
}

// Sizes is media of virtual time: no bytes, and what an inspection would find is known.
var Sizes = Media{
	Encoder: func(ev origin.Event, c origin.Clock) (Encoder, error) { return encoders.NewSizes(ev, c), nil },
	Inspect: encoders.Known,
}

// Stack is everything between the feeds and the viewers.
type Stack struct {
	Config
	ctx    context.Context // of everything that goes on until the stack is closed
	cancel context.CancelFunc

	regions   map[string]*region
	pipelines []*pipeline
	processes *Processes       // nil where all parts are in this process
	edges     []*Edge          // that viewers ask
	caches    []*Edge          // all, also those that only other caches ask
	operators *control.Service // nil where operators do nothing
}

// Edge is a cache, or a group of caches that are alike.
type Edge struct {
	Part
	URL    string // empty where nothing listens
	Getter origin.Getter
	Cache  *edge.Edge
}

// region is one region's store and origin nodes, with the ways to reach them.
type region struct {
	rows    Rows
	store   origin.Store   // over the rows that the region's nodes have, without anybody's memory
	names   []string       // of its nodes
	nodes   []*origin.Node // none where they are processes of their own
	deliver []Door[origin.Getter]
	publish []Door[origin.Publisher]
}

// announced is the event as all parts know it at first.
func (c *Config) announced() origin.Event { return c.Scenario.Announced(c.Event) }

// New starts every part of the scenario; nothing is published before Publish. The context is the parent of all that the
// stack does; Close ends it.
func New(ctx context.Context, c Config) (*Stack, error) {
	s := newStack(ctx, c)
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// newStack makes a stack without parts.
func newStack(ctx context.Context, c Config) *Stack {
	s := &Stack{Config: c, regions: make(map[string]*region)}
	s.ctx, s.cancel = c.Runtime.WithCancel(ctx)
	s.metadata = newMetadata(s.announced())
	if s.Storage == nil {
		s.Storage = &models{Config: &s.Config, ctx: s.ctx}
	}
	return s
}

func (s *Stack) start() error {
	for _, r := range s.Scenario.Regions {
		if err := s.startRegion(r); err != nil {
			return fmt.Errorf("start region %s: %w", r.Name, err)
		}
	}
	s.connectRegions()
	if err := s.startDelivery(); err != nil {
		return fmt.Errorf("start edges: %w", err)
	}
	if err := s.startControl(); err != nil {
		return fmt.Errorf("start the control plane: %w", err)
	}
	return s.startPipelines()
}

// startRegion starts a region's origin nodes over its rows.
func (s *Stack) startRegion(r scenarios.Region) error {
	rows, err := s.Storage.Rows(r.Name)
	if err != nil {
		return err
	}
	rows = s.Broken(r.Name, rows)
	reg := &region{rows: rows, store: s.objects(s.ctx, "replication of "+r.Name, rows, 0)}
	s.regions[r.Name] = reg
	for _, name := range s.Scenario.OriginNames(r.Name) {
		node, err := s.Origin(s.ctx, r.Name, name, rows)
		if err != nil {
			return err
		}
		deliver, publish, err := s.open(node)
		if err != nil {
			return err
		}
		reg.names, reg.nodes = append(reg.names, name), append(reg.nodes, node)
		reg.deliver, reg.publish = append(reg.deliver, deliver), append(reg.publish, publish)
	}
	return nil
}

// open opens a node's two doors, with what breaks the node before them.
func (s *Stack) open(node *origin.Node) (deliver Door[origin.Getter], publish Door[origin.Publisher], err error) {
	part, at := Part{Tier: Origin, Region: node.Region, Name: node.Name}, faults.Place{Region: node.Region, Node: node.Name}
	deliver, err = s.Wiring.Serve(part, node, func(g origin.Getter) origin.Getter { return s.brokenGetter(at, s.witnessed(part, g)) }, node)
	if err == nil {
		publish, err = s.Wiring.Accept(part, node, func(p origin.Publisher) origin.Publisher { return s.brokenPublisher(at, p) }, node)
	}
	return deliver, publish, err
}

// connectRegions tells every node of its region's other nodes, and copies what they acknowledge to every other region;
// unless packagers publish everywhere, which is what was done before there was a store that copies.
func (s *Stack) connectRegions() {
	names := s.Scenario.RegionNames()
	for _, name := range names {
		from := s.regions[name]
		var peers []origin.Peer
		for _, other := range names {
			if other != name && !s.Event.CrossPublish {
				peers = append(peers, s.replication(from, other))
			}
		}
		for i, node := range from.nodes {
			node.AddPeers(peers...)
			for _, other := range names {
				if other != name && !s.Event.CrossPublish {
					s.lookElsewhere(s.ctx, node, other, s.regions[other].rows)
				}
			}
			for j, other := range from.nodes {
				if i != j {
					node.AddPeers(other)
				}
			}
		}
	}
}

// lookElsewhere lets a node read another region's rows, past that region's cache.
func (s *Stack) lookElsewhere(ctx context.Context, node *origin.Node, region string, rows Rows) {
	rows.Table, rows.Caches = s.Wiring.Between(node.Region, region, rows.Table), nil
	node.AddElsewhere(region, s.objects(ctx, node.Name+" in "+region, rows, s.Scenario.Storage.Recent))
}

func (s *Stack) replication(from *region, region string) *origin.Replication {
	to := s.regions[region]
	r := s.copying(region)
	r.From, r.To, r.Lag = from.store, to.store, s.Scenario.Storage.ReplicationLag
	for _, node := range to.nodes {
		r.Peers = append(r.Peers, node)
	}
	return r
}

// copying is what all replication to a region has in common, models or databases.
func (s *Stack) copying(region string) *origin.Replication {
	return &origin.Replication{Runtime: s.Runtime, Keep: s.Event.TimeShiftBufferDepth, Context: s.ctx, Region: region,
		Wait: origin.RegionPatience, Start: s.Event.AvailabilityStartTime, Recorder: s.Recorder}
}

// Affected counts the calls that a fault has changed, in all processes.
func (s *Stack) Affected(f faults.Fault) int64 {
	n := f.Affected()
	if s.processes != nil {
		n += s.processes.affected(f.Spec().ID)
	}
	return n
}

// Stored lists what the regions' stores have done, in the scenario's order.
func (s *Stack) Stored() []Stored { return s.Storage.Stored() }

// Edges lists the edges that viewers ask, in the scenario's order.
func (s *Stack) Edges() []*Edge { return s.edges }

// Addresses lists the base URLs of everything that listens, by name: us-east-origin-1/publish and /deliver for the two
// listeners of a node, and the edges by their names.
func (s *Stack) Addresses() map[string]string {
	all := map[string]string{}
	for _, r := range s.regions { // any order: into a map
		for i, name := range r.names {
			all[name+"/publish"], all[name+"/deliver"] = r.publish[i].URL, r.deliver[i].URL
		}
	}
	for _, e := range s.edges {
		all[e.Name] = e.URL
	}
	return all
}

// Publish starts all pipelines; they end with the event, or with the stack.
func (s *Stack) Publish() {
	for _, p := range s.pipelines {
		s.Runtime.Go(func() { p.Run(s.ctx) })
	}
}

// now is the history's time.
func (s *Stack) now() time.Duration { return s.Runtime.Now().Sub(s.Event.AvailabilityStartTime) }

// Close stops everything that the stack started; on the wall clock it waits for it. An error says which processes did not
// stop in order.
func (s *Stack) Close() (err error) {
	s.cancel()
	s.Wiring.Close()
	if s.processes != nil {
		err = s.processes.Close()
	}
	if rt, ok := s.Runtime.(interface{ Join() }); ok {
		rt.Join()
	}
	for _, l := range s.lookups {
		l.flush()
	}
	return err
}

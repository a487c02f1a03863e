// Package stack assembles what a wall-clock run stands on: regions of origins over a store, edges in front of them and
// pipelines behind, each part a server of its own on loopback, with the faults wrapped around their seams.
package stack

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/edge"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/storage"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// Runtime is a runtime whose end can be waited for.
type Runtime interface {
	origin.Runtime
	// Join waits until everything started with Go has returned.
	Join()
}

// Embedded is the stack that needs nothing but this process: stores in memory, everything else over real HTTP.
type Embedded struct {
	scenario *scenarios.Scenario
	event    origin.Event
	runtime  Runtime
	recorder origin.Recorder
	faults   []faults.Fault
	seed     uint64

	ctx    context.Context // of everything that goes on until the stack is closed
	cancel context.CancelFunc

	regions   map[string]*region
	packagers []*encoders.Packager
	edges     []*Edge
	clients   []*originhttp.Client
}

// Edge is an edge that viewers can ask.
type Edge struct {
	Name, Region, URL string
	edge              *edge.Edge
}

// region is one region's store and origin nodes, with where they listen.
type region struct {
	store            origin.Store // as the region's own nodes see it
	nodes            []*origin.Node
	publish, deliver []string // base URLs, a node each
}

// replicaLimit bounds one zone's memory. Replicas share the bytes, so this is not times zones.
const replicaLimit = 2 << 30

// storeTimeout bounds one call of a region's store; a publication has its retry budget for several.
const storeTimeout = time.Second

// NewEmbedded starts every server of the scenario; nothing is published before Publish.
func NewEmbedded(ctx context.Context, sc *scenarios.Scenario, ev origin.Event, fs []faults.Fault, rt Runtime,
	rec origin.Recorder) (*Embedded, error) {
	s := &Embedded{scenario: sc, event: ev, runtime: rt, recorder: rec, faults: fs, seed: sc.Seed,
		regions: make(map[string]*region)}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if err := s.start(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Embedded) start() error {
	for _, r := range s.scenario.Regions {
		if err := s.startRegion(r); err != nil {
			return fmt.Errorf("start region %s: %w", r.Name, err)
		}
	}
	s.connectRegions()
	for _, r := range s.scenario.Regions {
		for _, name := range s.scenario.EdgeNames(r.Name) {
			if err := s.startEdge(r.Name, name); err != nil {
				return fmt.Errorf("start edge %s: %w", name, err)
			}
		}
		for _, p := range r.Pipelines {
			if err := s.addPipeline(r.Name, p); err != nil {
				return fmt.Errorf("start pipeline %s: %w", p, err)
			}
		}
	}
	return nil
}

// startRegion makes a region's store and starts its origin nodes.
func (s *Embedded) startRegion(r scenarios.Region) error {
	reg := &region{store: s.store(r.Name)}
	s.regions[r.Name] = reg
	for _, name := range s.scenario.OriginNames(r.Name) {
		node := origin.NewNode(origin.NodeConfig{
			Name: name, Region: r.Name, Runtime: s.runtime, Store: reg.store, Recorder: s.recorder,
			Inspect: encoders.Inspect, InspectHeader: encoders.InspectHeader,
		})
		if err := node.AddEvent(s.event); err != nil {
			return err
		}
		at := faults.Place{Region: r.Name, Node: name}
		deliver, err := s.listen(originhttp.Delivery(s.brokenGetter(at, node), node, s.runtime), originhttp.ForDelivery)
		if err != nil {
			return err
		}
		publish, err := s.listen(originhttp.Publishing(s.brokenPublisher(at, node), node, originhttp.Limits{}), originhttp.ForPublishing)
		if err != nil {
			return err
		}
		reg.nodes = append(reg.nodes, node)
		reg.deliver = append(reg.deliver, deliver)
		reg.publish = append(reg.publish, publish)
	}
	return nil
}

// store makes a region's store: a replica in every zone, behind the faults of the zone, a quorum behind those of the
// region.
func (s *Embedded) store(name string) origin.Store {
	z := &storage.Zoned{Region: name, Runtime: s.runtime, Timeout: storeTimeout, Context: s.ctx,
		Start: s.event.AvailabilityStartTime, Recorder: s.recorder}
	latency := s.scenario.Storage
	for _, zone := range s.scenario.ZoneNames(name) {
		replica := storage.NewLatent(origin.NewMemory(s.runtime, replicaLimit), s.runtime,
			storage.Latency(latency.Write), storage.Latency(latency.Read), streams.New(s.seed, "zone "+name+" "+zone))
		z.Replicas = append(z.Replicas, storage.Replica{Zone: zone,
			Store: s.brokenStore(faults.Place{Region: name, Zone: zone}, replica)})
	}
	return s.brokenStore(faults.Place{Region: name}, z)
}

// connectRegions tells every node of its region's other nodes, and copies what they acknowledge to every other region.
func (s *Embedded) connectRegions() {
	names := s.scenario.RegionNames()
	for _, name := range names {
		from := s.regions[name]
		var peers []origin.Peer
		for _, other := range names {
			if other != name {
				peers = append(peers, s.replication(from, other))
			}
		}
		for i, node := range from.nodes {
			node.AddPeers(peers...)
			for j, other := range from.nodes {
				if i != j {
					node.AddPeers(other)
				}
			}
		}
	}
}

func (s *Embedded) replication(from *region, region string) *origin.Replication {
	to := s.regions[region]
	r := &origin.Replication{Runtime: s.runtime, From: from.store, To: to.store,
		Lag: s.scenario.Storage.ReplicationLag, Keep: s.event.TimeShiftBufferDepth, Context: s.ctx, Region: region,
		Start: s.event.AvailabilityStartTime, Recorder: s.recorder}
	for _, node := range to.nodes {
		r.Peers = append(r.Peers, node)
	}
	return r
}

// startEdge starts an edge that asks its own region's nodes first, then the other regions' in the scenario's order.
func (s *Embedded) startEdge(home, name string) error {
	var own, others []edge.Upstream
	for _, r := range s.scenario.Regions {
		for i, node := range s.regions[r.Name].nodes {
			client, err := s.client(s.regions[r.Name].deliver[i])
			if err != nil {
				return err
			}
			up := edge.Upstream{Name: node.Name, Region: r.Name, Getter: client}
			if r.Name == home {
				own = append(own, up)
			} else {
				others = append(others, up)
			}
		}
	}
	e := edge.New(edge.Config{Name: name, Region: home, Runtime: s.runtime, Upstreams: append(own, others...),
		Context: s.ctx, Recorder: s.recorder})
	e.Learn(s.event)
	url, err := s.listen(originhttp.Delivery(e, e, s.runtime), originhttp.ForDelivery)
	if err != nil {
		return err
	}
	s.edges = append(s.edges, &Edge{Name: name, Region: home, URL: url, edge: e})
	return nil
}

// addPipeline makes an encoder and its packager, which publishes to the nodes of its region.
func (s *Embedded) addPipeline(region, pipeline string) error {
	enc, err := encoders.NewEncoder(s.event, s.runtime)
	if err != nil {
		return err
	}
	var nodes []origin.Publisher
	for _, url := range s.regions[region].publish {
		client, err := s.client(url)
		if err != nil {
			return err
		}
		nodes = append(nodes, client)
	}
	s.packagers = append(s.packagers, encoders.NewPackager(encoders.PackagerConfig{
		Runtime: s.runtime, Event: s.event, Pipeline: pipeline, Region: region,
		Source: s.brokenSource(faults.Place{Region: region, Pipeline: pipeline}, enc), Header: enc.Header,
		Publishers: nodes, Recorder: s.recorder, Rand: streams.New(s.seed, "packager "+pipeline),
	}))
	return nil
}

// Edges lists the edges by their addresses, in the scenario's order.
func (s *Embedded) Edges() []*Edge { return s.edges }

// Addresses lists the base URLs of everything that listens, by name: us-east-origin-1/publish and /deliver for the two
// listeners of a node, and the edges by their names.
func (s *Embedded) Addresses() map[string]string {
	all := map[string]string{}
	for _, r := range s.regions {
		for i, node := range r.nodes {
			all[node.Name+"/publish"], all[node.Name+"/deliver"] = r.publish[i], r.deliver[i]
		}
	}
	for _, e := range s.edges {
		all[e.Name] = e.URL
	}
	return all
}

// Publish starts all pipelines; they end with the event, or with the stack.
func (s *Embedded) Publish() {
	for _, p := range s.packagers {
		s.runtime.Go(func() { p.Run(s.ctx) })
	}
}

// Strike lets a fault act on every edge, as its window opens.
func (s *Embedded) Strike(f faults.Striker) {
	for _, e := range s.edges {
		f.Strike(faults.Place{Region: e.Region, Node: e.Name}, flushed{e, s})
	}
}

// flushed is an edge whose flushes go into the history.
type flushed struct {
	*Edge
	stack *Embedded
}

func (f flushed) Flush() int {
	n := f.edge.Flush()
	f.stack.recorder.Record(origin.Record{
		AtUs: f.stack.runtime.Now().Sub(f.stack.event.AvailabilityStartTime).Microseconds(),
		Kind: origin.KindFlush, Node: f.Name, Region: f.Region, Count: int64(n)})
	return n
}

// Close stops everything that the stack started, and waits for it.
func (s *Embedded) Close() {
	s.cancel()
	for _, c := range s.clients {
		c.Close()
	}
	s.runtime.Join()
}

// listen serves a handler on a free port of loopback until the stack is closed, and returns its base URL.
func (s *Embedded) listen(h http.Handler, role originhttp.Role) (url string, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	srv := originhttp.NewServer(h, role, slog.Default())
	s.runtime.Go(func() {
		if err := originhttp.Serve(s.ctx, ln, srv, 0); err != nil {
			slog.Error("a server ended", "error", err)
		}
	})
	return "http://" + ln.Addr().String(), nil
}

// client makes a client of one of the stack's servers.
func (s *Embedded) client(url string) (*originhttp.Client, error) {
	c, err := originhttp.NewClient(url, originhttp.ClientOptions{})
	if err == nil {
		s.clients = append(s.clients, c)
	}
	return c, err
}

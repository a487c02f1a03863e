package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/scenarios/databases"
	"github.com/liveorigin/liveorigin/sim/parts"
)

// PartConfig is what a process is told that is one origin node or one edge.
type PartConfig struct {
	Scenario  string               `json:"scenario"` // as it was called
	Source    []byte               `json:"source"`
	Overrides []scenarios.Override `json:"overrides,omitempty"`
	Tier      Tier                 `json:"tier"`
	Region    string               `json:"region"`
	Name      string               `json:"name"`
	Databases databases.Config     `json:"databases"`
}

// What the harness can tell such a process to do, and what it puts into the table of addresses besides them.
const (
	doStrike = "strike" // with a fault's id
	doClock  = "clock"  // with how far the clock is to be ahead, as a string
	theStart = "start"  // of the event, in RFC 3339
	// doOperate comes with what operators have made of the event; a part that starts again finds it in the table.
	doOperate = "operate"
	theState  = "state"
)

// part is such a process from within.
type part struct {
	PartConfig
	child    *parts.Child
	stack    *Stack
	node     *origin.Node  // nil for an edge
	clock    *parts.Offset // by which the part lives
	wall     origin.Runtime
	faults   []faults.Fault
	peers    []*originhttp.PeerClient
	urls     map[string]string // everybody's, by part/listener
	built    chan struct{}     // closed when all of the above is there
	listener map[string]net.Listener
}

// RunPart is the life of a process that is one part of a stack. It ends with ctx.
func RunPart(ctx context.Context, child *parts.Child) error {
	wall := new(origin.Wall)
	p := &part{child: child, wall: wall, clock: parts.NewOffset(wall), built: make(chan struct{}),
		listener: map[string]net.Listener{}}
	if err := child.Config(&p.PartConfig); err != nil {
		return err
	}
	sc, err := scenarios.Parse(p.Scenario, p.Source, p.Overrides...)
	if err != nil {
		return err
	}
	for _, name := range p.listeners() {
		if p.listener[name], err = child.Listen(name); err != nil {
			return err
		}
		if child.Again() {
			_ = p.listener[name].Close() // until open
		}
	}
	connections := NewReal(ctx, p.Databases, sc.Storage.Cache != "")
	defer connections.Close()
	var build func() error
	if p.Tier == Origin {
		build, err = p.origin(ctx, connections, sc)
	} else {
		build = p.edge
	}
	if err != nil {
		return err
	}
	child.Handle(doStrike, p.strike)
	child.Handle(doClock, p.setClock)
	child.Handle(doOperate, p.operate)
	child.Counters(p.affected)
	table, err := child.Ready()
	if ctx.Err() != nil {
		return nil // nobody wants the stack any more, before it began
	}
	if err != nil {
		return err
	}
	if err := p.assemble(ctx, sc, connections, table); err != nil {
		return err
	}
	defer p.close()
	if err := build(); err != nil {
		return err
	}
	close(p.built)
	child.Connected()
	<-ctx.Done()
	return nil
}

func (p *part) listeners() []string {
	if p.Tier == Origin {
		return []string{forDelivery, forPublishing, forPeers}
	}
	return []string{forDelivery}
}

// assemble makes a stack that has no parts yet, but knows where the origins are.
func (p *part) assemble(ctx context.Context, sc *scenarios.Scenario, connections *Real, table map[string]string) error {
	start, err := time.Parse(time.RFC3339Nano, table[theStart])
	if err != nil {
		return fmt.Errorf("the event's start: %w", err)
	}
	start = parts.Local(start)
	ev := sc.Event(start)
	for _, spec := range sc.FaultSpecs() {
		p.faults = append(p.faults, faults.New(spec, start, p.wall)) // which know what time it is, whatever the part thinks
	}
	wiring := newLoopback(ctx, p.clock)
	wiring.listen = p.open
	p.urls = table
	p.stack = newStack(ctx, Config{Scenario: sc, Event: ev, Faults: p.faults, Runtime: p.clock,
		Recorder: p.clock.Recorder(start, p.child), Wiring: wiring, Media: CMAF, Storage: connections, Databases: true})
	p.stack.know(wiring, table)
	return nil
}

// open gives a part what it listens on. Of one that starts again, nobody shall wait in its queue while it connects to its
// databases and asks what it has missed: its ports are closed until now, and who asks goes to another at once.
func (p *part) open(name string) (net.Listener, error) {
	if !p.child.Again() {
		return p.listener[name], nil
	}
	return net.Listen("tcp", p.listener[name].Addr().String())
}

func (p *part) close() {
	_ = p.stack.Close() // has no processes of its own
	for _, c := range p.peers {
		c.Close()
	}
}

// origin connects to the databases, and returns what makes the node once everybody's addresses are known.
func (p *part) origin(ctx context.Context, connections *Real, sc *scenarios.Scenario) (build func() error, err error) {
	rows, err := connections.Rows(p.Region)
	if err != nil {
		return nil, err
	}
	tables := map[string]*cassandra.Table{}
	for _, region := range sc.RegionNames() {
		if region == p.Region {
			continue
		}
		if tables[region], err = connections.Table(region); err != nil {
			return nil, err
		}
	}
	return func() error { return p.startOrigin(ctx, rows, tables) }, nil
}

// startOrigin makes the node, over its region's rows and with the tables of the other regions.
func (p *part) startOrigin(ctx context.Context, rows Rows, tables map[string]*cassandra.Table) error {
	s := p.stack
	node, err := s.Origin(s.ctx, p.Region, p.Name, s.Broken(p.Region, rows))
	if err != nil {
		return err
	}
	p.node = node
	if err := p.remember(); err != nil {
		return err
	}
	neighbours, err := p.neighbours(p.Region)
	if err != nil {
		return err
	}
	for _, n := range neighbours {
		node.AddPeers(n)
	}
	for _, region := range s.Scenario.RegionNames() {
		if region == p.Region {
			continue
		}
		r := s.copying(region)
		r.From, r.To = databases.Announced{}, cassandra.NewArrivals(tables[region])
		there, err := p.neighbours(region)
		if err != nil {
			return err
		}
		for _, n := range there {
			r.Peers = append(r.Peers, n)
		}
		node.AddPeers(r)
		s.lookElsewhere(s.ctx, node, region, s.Broken(region, Rows{Table: tables[region]}))
	}
	if p.child.Again() {
		if err := p.catchUp(ctx, node, neighbours, rows.Table.(*cassandra.Table)); err != nil {
			return err
		}
	}
	wiring := s.Wiring.(*loopback)
	_, err = wiring.serve(forPeers, originhttp.Peering(node, node.Known, originhttp.Limits{}), originhttp.ForPublishing)
	if err == nil {
		_, _, err = s.open(node)
	}
	return err
}

// neighbours are clients of a region's other nodes.
func (p *part) neighbours(region string) (all []*originhttp.PeerClient, err error) {
	for _, name := range p.stack.Scenario.OriginNames(region) {
		if name == p.Name {
			continue
		}
		c, err := originhttp.NewPeerClient(p.urlOf(name, forPeers), originhttp.PeerOptions{Node: p.Name, Region: p.Region,
			Peer: name, Recorder: p.child, Start: p.stack.Event.AvailabilityStartTime,
			Keep: p.stack.Event.TimeShiftBufferDepth})
		if err != nil {
			return nil, err
		}
		p.peers, all = append(p.peers, c), append(all, c)
	}
	return all, nil
}

func (p *part) urlOf(name, listener string) string { return "http://" + p.urls[name+"/"+listener] }

// catchUp enters what others know: a node that was killed has forgotten everything. All neighbours are asked, since one that
// was away itself may not have heard of everything; and the other regions' nodes, since all of this one's may have been
// away. What those know is entered when it can be read here. There is always somebody in a run; an origin that may be
// alone asks the databases (cmd/originserver).
func (p *part) catchUp(ctx context.Context, node *origin.Node, neighbours []*originhttp.PeerClient, table *cassandra.Table) error {
	for _, a := range p.known(ctx, neighbours) {
		node.Announce(a)
	}
	arrivals := p.stack.copying(p.Region)
	arrivals.From, arrivals.To, arrivals.Peers = databases.Announced{}, cassandra.NewArrivals(table), []origin.Peer{node}
	for _, region := range p.stack.Scenario.RegionNames() {
		if region == p.Region {
			continue
		}
		there, err := p.neighbours(region)
		if err != nil {
			return err
		}
		for _, a := range p.known(ctx, there) {
			arrivals.Announce(a)
		}
	}
	return nil
}

// known asks nodes what they know; those that do not answer know nothing.
func (p *part) known(ctx context.Context, nodes []*originhttp.PeerClient) (all []origin.Announcement) {
	for _, c := range nodes {
		limited, cancel := context.WithTimeout(ctx, catchUpTimeout)
		known, err := c.Known(limited, p.stack.Event.ID)
		cancel()
		if err == nil {
			all = append(all, known...)
		}
	}
	return all
}

// catchUpTimeout is how long a node that starts again waits for what another one knows.
const catchUpTimeout = time.Second

func (p *part) edge() error {
	turn := slices.Index(p.stack.Scenario.EdgeNames(p.Region), p.Name)
	_, _, err := p.stack.startEdge(Part{Tier: Site, Region: p.Region, Name: p.Name}, p.stack.origins(p.Region, turn), 0)
	return err
}

// strike lets a fault that acts once act on this part.
func (p *part) strike(_ context.Context, with json.RawMessage) error {
	<-p.built
	var id string
	if err := json.Unmarshal(with, &id); err != nil {
		return err
	}
	var errs []error
	for _, f := range p.faults {
		if f.Spec().ID == id {
			errs = append(errs, p.stack.Strike(f))
		}
	}
	return errors.Join(errs...)
}

// setClock makes the part's clock wrong, and says what it says now compared with the right one.
func (p *part) setClock(_ context.Context, with json.RawMessage) error {
	<-p.built
	var text string
	if err := json.Unmarshal(with, &text); err != nil {
		return err
	}
	by, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	p.clock.Set(by)
	now := p.wall.Now()
	p.child.Record(origin.Record{AtUs: now.Sub(p.stack.Event.AvailabilityStartTime).Microseconds(), Kind: origin.KindPart,
		Node: p.Name, Region: p.Region, LateUs: p.clock.Now().Sub(now).Microseconds()})
	return nil
}

// affected counts the calls that each fault has changed here.
func (p *part) affected() map[string]int64 {
	select {
	case <-p.built:
	default:
		return nil
	}
	counts := map[string]int64{}
	for _, f := range p.faults {
		if n := f.Affected(); n > 0 {
			counts[f.Spec().ID] = n
		}
	}
	return counts
}

// know says where everybody's doors are, by the addresses of their listeners.
func (s *Stack) know(w *loopback, table map[string]string) {
	for _, name := range s.Scenario.RegionNames() {
		reg := &region{names: s.Scenario.OriginNames(name)}
		for _, node := range reg.names {
			reg.deliver = append(reg.deliver, w.deliveryAt("http://"+table[node+"/"+forDelivery]))
			reg.publish = append(reg.publish, w.publishingAt("http://"+table[node+"/"+forPublishing]))
		}
		s.regions[name] = reg
	}
}

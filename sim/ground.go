package sim

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/scenarios/databases"
	"github.com/liveorigin/liveorigin/sim/containers"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// The stacks that a run on the wall clock can stand on.
const (
	Embedded   = "embedded"   // models of storage, and every part in this process
	Containers = "containers" // Cassandra and memcached in containers, origins and edges as processes
	External   = "external"   // the same processes over databases that are there
)

// ground is what the processes of a run stand on: databases, and a keyspace of its own in them.
type ground struct {
	databases  databases.Config
	regions    []string
	containers *containers.Stack // nil where the databases are somebody else's
	made       bool              // the keyspace, or that was tried
}

// fillable is how much room a disk has that a scenario is going to fill: for what a short event writes, and the commit
// log (cassandra.yaml) beside it.
const fillable = 512 << 20

// demand is what a ground is wanted for.
type demand struct {
	plan      containers.Plan // also where nothing is started: its regions are those that are needed
	retention time.Duration   // of what is stored
	owner     string
}

// retentionSlack is for how long Cassandra keeps rows beyond the last that anybody can ask for.
const retentionSlack = time.Hour

// startGround starts databases, or finds those that are there, and makes the run's keyspace.
func startGround(ctx context.Context, d demand, on, file string, show Progress) (g *ground, err error) {
	g = &ground{}
	for _, r := range d.plan.Regions {
		g.regions = append(g.regions, r.Name)
	}
	if on == External {
		g.databases, err = databases.Read(file)
		if err == nil {
			err = g.databases.For(g.regions)
		}
	} else {
		err = g.startContainers(ctx, d.plan, show)
	}
	if err != nil {
		return nil, err
	}
	show.Say("make a keyspace for the run")
	g.databases.Keyspace, g.databases.Retention = keyspaceName(), d.retention+retentionSlack
	g.made = true // or some of it: there are several statements, and the name is nobody else's
	if err := g.databases.CreateKeyspace(ctx, g.regions, d.owner); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// keyspaceName is one that no other run has.
func keyspaceName() string {
	return "liveorigin_" + strconv.FormatInt(time.Now().Unix(), 36) + "_" + strings.ToLower(rand.Text()[:6])
}

// startContainers takes the stack that was kept, if it is what the scenario needs and nobody else uses it, and starts one
// of its own otherwise.
func (g *ground) startContainers(ctx context.Context, plan containers.Plan, show Progress) error {
	kept, err := containers.Attach(ctx, containers.Warm)
	switch {
	case err == nil && suits(kept.Plan, plan):
		show.Say(fmt.Sprintf("the kept stack %s: %d containers", kept.Plan.Name, len(kept.Parts)))
		g.containers = kept
	case err == nil:
		show.Say("the kept stack has other regions or zones, or no disks to fill; a stack of its own is started")
		err = kept.Close(ctx)
	case errors.Is(err, containers.ErrNoStack):
		err = nil
	case errors.Is(err, containers.ErrInUse):
		show.Say("the kept stack is in use; a stack of its own is started")
		err = nil
	}
	if err != nil {
		return err
	}
	if g.containers == nil {
		plan.Progress = func(part containers.Part, done, of int) {
			show.Say(fmt.Sprintf("%2d of %d: %s %s in %.1f s", done, of, part.Name, part.Version, part.Took.Seconds()))
		}
		if g.containers, err = containers.Up(ctx, plan); err != nil {
			return err
		}
		show.Say(fmt.Sprintf("the stack is up after %.1f s", g.containers.Took.Seconds()))
	}
	g.databases = databasesOf(g.containers)
	return nil
}

// demandOf is a full stack for a scenario: a data centre for each region, and in each of its zones a node and a cache.
func demandOf(sc *scenarios.Scenario) demand {
	d := demand{retention: min(sc.TimeShiftBuffer, sc.Duration) + sc.Duration, owner: sc.Name}
	for _, r := range sc.RegionNames() {
		d.plan.Regions = append(d.plan.Regions, containers.Region{Name: r, Zones: sc.ZoneNames(r)})
	}
	for _, f := range sc.FaultSpecs() {
		if f.Kind == "disk-full" {
			d.plan.Disk = fillable
		}
	}
	return d
}

// suits says whether a stack has everything that a plan asks for.
func suits(have, want containers.Plan) bool {
	if have.Profile != containers.Full || (have.Disk > 0) != (want.Disk > 0) {
		return false
	}
	for _, r := range want.Regions {
		if !slices.ContainsFunc(have.Regions, func(h containers.Region) bool {
			return h.Name == r.Name && slices.Equal(h.Zones, r.Zones)
		}) {
			return false
		}
	}
	return true
}

// databasesOf says where a stack's databases are.
func databasesOf(s *containers.Stack) databases.Config {
	d := databases.Config{Regions: map[string]databases.Region{}}
	for _, r := range s.Plan.Regions {
		one := databases.Region{Datacenter: r.Name, Published: map[string]string{}, Replicas: len(s.Of(containers.Cassandra, r.Name))}
		for _, p := range s.Of(containers.Cassandra, "") {
			one.Published[p.Inside.String()] = p.Address.String()
			if p.Region == r.Name {
				one.Hosts = append(one.Hosts, net.JoinHostPort(p.Inside.String(), "9042"))
			}
		}
		for _, p := range s.Of(containers.Memcached, r.Name) {
			one.Memcached = append(one.Memcached, p.Address.String())
		}
		d.Regions[r.Name] = one
	}
	return d
}

// parts lists the containers that there are.
func (g *ground) parts() []containers.Part {
	if g.containers == nil {
		return nil
	}
	return g.containers.Parts
}

// describe says what the ground is, for the report.
func (g *ground) describe(name string) *reports.Stack {
	s := &reports.Stack{Name: name, Parts: []reports.StackPart{}}
	if g.containers == nil {
		return s
	}
	s.StartMs = g.containers.Took.Milliseconds()
	for _, p := range g.containers.Parts {
		s.Parts = append(s.Parts, reports.StackPart{Name: p.Name, Image: p.Image, Digest: p.ImageID, Version: p.Version,
			StartMs: p.Took.Milliseconds()})
	}
	return s
}

// hands are what faults are done with: to processes always, to databases where they are ours.
func (g *ground) hands(ps *stack.Processes) stack.Hands {
	h := hands{ps}
	if g.containers != nil {
		h = append(h, &containerHands{g.containers})
	}
	return h
}

// closeWithin is how long it may take to clean up.
const closeWithin = time.Minute

// Close drops the run's keyspace, removes containers or gives them back, and leaves nothing behind.
func (g *ground) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	var errs []error
	if g.made {
		if err := g.databases.DropKeyspace(ctx, g.regions); err != nil && !errors.Is(err, cassandra.ErrNoKeyspace) {
			errs = append(errs, fmt.Errorf("drop keyspace %s: %w", g.databases.Keyspace, err))
		}
	}
	if g.containers != nil {
		errs = append(errs, g.containers.Close(ctx))
	}
	return errors.Join(errs...)
}

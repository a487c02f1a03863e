package stack

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/scenarios/databases"
	"github.com/liveorigin/liveorigin/sim/parts"
)

// Processes are a scenario's origins and edges, each a process of its own over real databases.
//
//	harness: encoders, packagers --HTTP--> origin processes <--HTTP-- edge processes <--HTTP-- k6
//	                                          |  peers: HTTP            |
//	                                          '--> Cassandra, memcached '--> records, to the harness
type Processes struct {
	scenario *scenarios.Scenario
	origins  []*process
	edges    []*process
	sink     atomic.Pointer[origin.Recorder]
}

// process is one of them.
type process struct {
	*parts.Process
	Part

	mu      sync.Mutex
	version int64 // of the event, of which word was left
}

// ProcessesConfig says how processes are started.
type ProcessesConfig struct {
	Scenario  *scenarios.Scenario
	Databases databases.Config
	// Exe is the program, whose verb Args makes it a part: it calls parts.Main with RunPart. Empty means this program.
	Exe  string
	Args []string
	// Dir gets a log of each.
	Dir string
	// Progress is told how many of how many are ready.
	Progress func(ready, of int)
}

// StartProcesses starts all processes and returns when they are connected to their databases. They serve nobody before
// NewOver.
func StartProcesses(ctx context.Context, c ProcessesConfig) (*Processes, error) {
	p := &Processes{scenario: c.Scenario}
	var starting sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	all, ready := p.plan(), 0
	for _, one := range all {
		starting.Go(func() {
			started, err := parts.Start(ctx, parts.Spec{Name: one.Name, Exe: c.Exe, Args: c.Args,
				Log: filepath.Join(c.Dir, one.Name+".log"),
				Config: PartConfig{Scenario: c.Scenario.File, Source: c.Scenario.Source, Overrides: c.Scenario.AppliedOverrides,
					Tier: one.Tier, Region: one.Region, Name: one.Name, Databases: c.Databases},
			}, parts.Sink{Record: p.record})
			mu.Lock()
			defer mu.Unlock()
			if one.Process = started; err != nil {
				errs = append(errs, err)
				return
			}
			if ready++; c.Progress != nil {
				c.Progress(ready, len(all))
			}
		})
	}
	starting.Wait()
	if len(errs) > 0 {
		return nil, errors.Join(append(errs, p.Close())...)
	}
	return p, nil
}

// plan lists the processes that there are to be.
func (p *Processes) plan() []*process {
	for _, r := range p.scenario.Regions {
		for _, name := range p.scenario.OriginNames(r.Name) {
			p.origins = append(p.origins, &process{Part: Part{Tier: Origin, Region: r.Name, Name: name}})
		}
		for _, name := range p.scenario.EdgeNames(r.Name) {
			p.edges = append(p.edges, &process{Part: Part{Tier: Site, Region: r.Name, Name: name}})
		}
	}
	return p.all()
}

func (p *Processes) all() []*process { return append(append([]*process{}, p.origins...), p.edges...) }

func (p *Processes) record(r origin.Record) {
	if to := p.sink.Load(); to != nil {
		(*to).Record(r)
	}
}

// connectWithin is how long processes may take to find each other.
const connectWithin = 10 * time.Second

// connect tells all processes when the event starts, and where the others are. From then on they serve.
func (p *Processes) connect(ctx context.Context, start time.Time) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	var started []*parts.Process
	for _, one := range p.all() {
		started = append(started, one.Process)
	}
	table := parts.Table(started...)
	table[theStart] = start.Format(time.RFC3339Nano)
	errs := make([]error, len(started))
	var connecting sync.WaitGroup
	for i, one := range started {
		connecting.Go(func() { errs[i] = one.Connect(ctx, table) })
	}
	connecting.Wait()
	return table, errors.Join(errs...)
}

// NewOver makes the stack of a scenario over processes: what is in this process are encoders and packagers. The stack takes the
// processes over, and its Close stops them; after an error there is no stack, and they are still the caller's.
func NewOver(ctx context.Context, p *Processes, sc *scenarios.Scenario, ev origin.Event, fs []faults.Fault,
	rt origin.Runtime, rec origin.Recorder) (*Stack, error) {
	p.sink.Store(&rec)
	table, err := p.connect(ctx, ev.AvailabilityStartTime)
	if err != nil {
		return nil, err
	}
	wiring := newLoopback(ctx, rt)
	s := newStack(ctx, Config{Scenario: sc, Event: ev, Faults: fs, Runtime: rt, Recorder: rec, Wiring: wiring, Media: CMAF,
		Storage: NewReal(ctx, databases.Config{}, false), Databases: true})
	s.processes = p
	s.know(wiring, table)
	for _, e := range p.edges {
		s.edges = append(s.edges, &Edge{Part: e.Part, URL: "http://" + table[e.Name+"/"+forDelivery]})
	}
	if err := errors.Join(s.startControl(), s.startPipelines()); err != nil {
		s.processes = nil
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// stopWithin is how long all processes may take to stop in order.
const stopWithin = 15 * time.Second

// Close stops all processes, and returns when they are dead and what they recorded is in the history.
func (p *Processes) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	var stopping sync.WaitGroup
	all := p.all()
	errs := make([]error, len(all))
	for i, one := range all {
		if one.Process != nil {
			stopping.Go(func() { errs[i] = one.Stop(ctx) })
		}
	}
	stopping.Wait()
	return errors.Join(errs...)
}

// affected adds up what a fault has changed in all processes.
func (p *Processes) affected(id string) (n int64) {
	for _, one := range p.all() {
		n += one.Process.Count(id)
	}
	return n
}

// strike lets a fault that acts once act in every edge.
func (p *Processes) strike(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), connectWithin)
	defer cancel()
	var errs []error
	for _, e := range p.edges {
		errs = append(errs, e.Command(ctx, doStrike, id))
	}
	return errors.Join(errs...)
}

// named finds a process.
func (p *Processes) named(name string) (*process, error) {
	for _, one := range p.all() {
		if one.Name == name {
			return one, nil
		}
	}
	return nil, fmt.Errorf("no process is called %s", name)
}

// Deaths lists the processes that are not there any more, with why.
func (p *Processes) Deaths() (dead []string) {
	for _, one := range p.all() {
		if !one.Alive() {
			dead = append(dead, fmt.Sprintf("%s: %v", one.Name, one.Err()))
		}
	}
	return dead
}

// Losses are what the processes recorded, or may have, that is not in the history.
func (p *Processes) Losses() (sum parts.Losses) {
	for _, one := range p.all() {
		l := one.Process.Losses()
		sum.Cut, sum.Dropped, sum.Missing, sum.Deaths = sum.Cut+l.Cut, sum.Dropped+l.Dropped, sum.Missing+l.Missing, sum.Deaths+l.Deaths
	}
	return sum
}

// Usage is what the processes of each tier used in all: their processor time together, and the memory of the largest.
func (p *Processes) Usage() map[Tier]parts.Usage {
	used := map[Tier]parts.Usage{}
	for _, one := range p.all() {
		u, sum := one.Process.Usage(), used[one.Tier]
		used[one.Tier] = parts.Usage{CPU: sum.CPU + u.CPU, Memory: max(sum.Memory, u.Memory)}
	}
	return used
}

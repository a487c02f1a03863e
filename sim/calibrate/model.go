package calibrate

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/storage"
)

// Model is a Target of modelled tables: on the wall clock the embedded stack, and in virtual time what a fit is compared
// by.
type Model struct {
	about  About
	region string
	table  *storage.Table
	gate   *gate
}

// ModelRegion is the region of a Model, and ModelZone the zone of it that can be stopped.
const (
	ModelRegion = "us-east"
	ModelZone   = "3"
)

// NewModel makes the table of a profile. What goes on in it ends with ctx.
func NewModel(ctx context.Context, rt origin.Runtime, p storage.StoreProfile, seed uint64) (*Model, error) {
	if p.Bucket != nil {
		return nil, fmt.Errorf("profile %s has no table to measure", p.Name)
	}
	m := &Model{region: ModelRegion, about: About{Stack: "embedded", Machine: Machine(), OneMachine: p.Replica.OneMachine,
		Nodes: max(1, p.Replica.Nodes)}}
	m.table = storage.NewTable(storage.TableConfig{Region: m.region, Zones: []string{"1", "2", ModelZone}, Runtime: rt, Context: ctx,
		Recorder: origin.Discard, Start: rt.Now(), Seed: seed, Replica: p.Replica, Timeout: DefaultTimeout, Limit: modelLimit,
		Gate: m.shut})
	return m, nil
}

// modelLimit bounds what a zone of a model keeps; the bytes are those of three rows, so it costs next to nothing.
const modelLimit = 1 << 40

// Table implements Target.
func (m *Model) Table(region string) origin.Store {
	if region != m.region {
		return nil
	}
	return m.table
}

// About implements Target.
func (m *Model) About() About { return m.about }

// shut puts a gate before the last zone, the one that can be stopped.
func (m *Model) shut(zone string, replica origin.Store) origin.Store {
	if zone != ModelZone {
		return replica
	}
	m.gate = &gate{Store: replica}
	return m.gate
}

// StopZone implements Zoned.
func (m *Model) StopZone(_ context.Context, region, zone string) error {
	return m.set(region, zone, true)
}

// StartZone implements Zoned.
func (m *Model) StartZone(_ context.Context, region, zone string) error {
	return m.set(region, zone, false)
}

func (m *Model) set(region, zone string, stopped bool) error {
	if region != m.region || zone != ModelZone {
		return fmt.Errorf("zone %s of %s is not one that can be stopped; there is zone %s of %s", zone, region,
			ModelZone, m.region)
	}
	m.gate.mu.Lock()
	defer m.gate.mu.Unlock()
	m.gate.stopped = stopped
	return nil
}

// gate is the way to a zone that can be stopped.
type gate struct {
	origin.Store
	mu      sync.Mutex
	stopped bool
}

func (g *gate) open() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return origin.ErrUnreachable
	}
	return nil
}

func (g *gate) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	if err := g.open(); err != nil {
		return err
	}
	return g.Store.Put(ctx, key, o)
}

func (g *gate) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	if err := g.open(); err != nil {
		return origin.Object{}, err
	}
	return g.Store.Get(ctx, key, digest)
}

// Virtually measures the model of a profile in virtual time, which takes next to none.
func Virtually(p storage.StoreProfile, plan Plan) (s *Samples, err error) {
	l := loop.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	defer l.Close()
	over := false
	l.Go(func() {
		ctx, cancel := l.WithCancel(context.Background())
		defer cancel()
		plan.Runtime, plan.Region, plan.Zone, plan.Beside = l, ModelRegion, ModelZone, nil
		var m *Model
		if m, err = NewModel(ctx, l, p, plan.Seed); err == nil {
			s, err = Measure(ctx, m, plan, nil)
		}
		over = true
	})
	if settle := l.Settle(wakeupsMost); settle != nil {
		return nil, fmt.Errorf("measure the model of profile %s: %w", p.Name, settle)
	}
	if !over {
		return nil, fmt.Errorf("measure the model of profile %s: it waits for what never comes", p.Name)
	}
	return s, err
}

// wakeupsMost bounds the work of a model: some hundred for each call.
const wakeupsMost = 200_000_000

package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios/databases"
	"github.com/liveorigin/liveorigin/sim/calibrate"
	"github.com/liveorigin/liveorigin/sim/containers"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// Measured is the table of a region on real databases, for calibrate.
type Measured struct {
	Region string
	Zone   string   // that can be stopped; empty where none can
	Beside []string // the other regions, where they are on the same machine
	on     string
	ground *ground
	real   *stack.Real
	tables map[string]origin.Store // by region
}

// StartMeasured starts databases, or finds those that are there: the regions that a run has, of which one is measured
// while the other gets its copies.
func StartMeasured(ctx context.Context, on, file string, show Progress) (*Measured, error) {
	m := &Measured{on: on, tables: map[string]origin.Store{}}
	d := demand{plan: containers.Plan{Regions: containers.Regions([]string{"us-east", "us-west"}, 3)}, retention: time.Hour, owner: "calibrate"}
	if on == External {
		there, err := databases.Read(file)
		if err != nil {
			return nil, err
		}
		d.plan.Regions = containers.Regions(slices.Sorted(maps.Keys(there.Regions)), 1)
	}
	var err error
	if m.ground, err = startGround(ctx, d, on, file, show); err != nil {
		return nil, err
	}
	m.Region = m.ground.regions[0]
	if m.ground.containers != nil {
		zones := m.ground.containers.Of(containers.Cassandra, m.Region)
		m.Zone = zones[len(zones)-1].Zone
		m.Beside = m.ground.regions[1:]
	}
	m.real = stack.NewReal(ctx, m.ground.databases, false)
	for _, region := range append([]string{m.Region}, m.Beside...) {
		if m.tables[region], err = m.real.Table(region); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	return m, nil
}

// Close ends what was started, and leaves nothing behind.
func (m *Measured) Close() error {
	m.real.Close()
	return m.ground.Close()
}

// Table implements calibrate.Target.
func (m *Measured) Table(region string) origin.Store {
	if table, ok := m.tables[region]; ok {
		return table
	}
	return nil
}

// About implements calibrate.Target.
func (m *Measured) About() calibrate.About {
	a := calibrate.About{Stack: m.on, Machine: calibrate.Machine(), OneMachine: m.ground.containers != nil, Nodes: 1}
	for _, p := range m.ground.parts() {
		image := fmt.Sprintf("%s (%.19s)", p.Image, p.ImageID)
		if !slices.Contains(a.Images, image) {
			a.Images = append(a.Images, image)
		}
	}
	return a
}

// StopZone implements calibrate.Zoned.
func (m *Measured) StopZone(ctx context.Context, region, zone string) error {
	return m.ground.containers.Break(ctx, m.node(region, zone), containers.Kill)
}

// StartZone implements calibrate.Zoned.
func (m *Measured) StartZone(ctx context.Context, region, zone string) error {
	return m.ground.containers.Mend(ctx, m.node(region, zone), containers.Kill)
}

func (m *Measured) node(region, zone string) string {
	for _, p := range m.ground.containers.Of(containers.Cassandra, region) {
		if p.Zone == zone {
			return p.Name
		}
	}
	return ""
}

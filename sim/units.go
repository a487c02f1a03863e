package sim

import (
	"errors"
	"io/fs"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/reports/capacity"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/resources"
	"github.com/liveorigin/liveorigin/sim/storage"
)

// utilisation is the share of a machine that may be used at the peak: with one zone of three lost, two thirds of the machines
// carry it, and queues grow without bound towards 1 (M/M/c). 60 % of CPU is where a limiter that sheds by priority begins
// to (Netflix, "Enhancing Netflix reliability with service-level prioritized load shedding", 2024).
const utilisation = 0.6

// units are what capacity is bought in: edge servers, origin instances, memcached nodes and Cassandra nodes, as far as the
// scenario simulates them. Their figures are those of the profiles that it simulates them with.
func units(sc *scenarios.Scenario) ([]capacity.Unit, error) {
	var all []capacity.Unit
	if sc.Delivery.Sites > 0 {
		// 100 Gb/s and 20,000 sessions of 5 Mb/s a server (Netflix, "Smarter live streaming at scale", 2026).
		all = append(all, capacity.Unit{Name: "edge server", Tier: reports.TierEdge, NICBps: 100e9, Target: utilisation,
			Source: "100 Gb/s, 20,000 sessions of 5 Mb/s"})
	}
	machine, err := resources.MachineByName(sc.Machines.Profile)
	if err != nil {
		return nil, err
	}
	if machine.PerRequest > 0 {
		instance := capacity.Unit{Name: "origin instance", Tier: reports.TierOrigin, Cores: float64(machine.Capacity.Cores),
			NICBps: 8 * float64(machine.NIC), HoldersMax: origin.DefaultHolders, Target: utilisation,
			Source: "machine profile " + machine.Name}
		publish := instance
		publish.Name, publish.Tier, publish.HoldersMax = "publish instance", reports.TierPublish, 0
		all = append(all, instance, publish)
	}
	if cache, ok := storage.CacheByName(sc.Storage.Cache); ok {
		all = append(all, capacity.Unit{Name: "memcached node", Tier: reports.TierCache, NICBps: 8 * float64(cache.Capacity.Bytes),
			MemoryBytes: float64(cache.Bytes), OpsPerSecond: float64(cache.Capacity.Operations), Target: utilisation,
			Source: "cache profile " + cache.Name})
	}
	table, err := storage.StoreOf(sc.Storage.Profile, sc.ProfileSource)
	if err != nil {
		return nil, err
	}
	if table.Replica.Nodes > 0 && table.Replica.Capacity != (storage.Capacity{}) {
		nodes := float64(table.Replica.Nodes)
		all = append(all, capacity.Unit{Name: "Cassandra node", Tier: reports.TierStore,
			NICBps:       8 * float64(table.Replica.Capacity.Bytes) / nodes,
			OpsPerSecond: float64(table.Replica.Capacity.Operations) / nodes, Target: utilisation,
			Source: "store profile " + table.Name})
	}
	return all, nil
}

// surges are the times in which the load does not follow the number of viewers, besides those of faults: when viewers jump
// about, and when those who were interrupted by a fault start again.
func surges(sc *scenarios.Scenario) (times []reports.Phase) {
	if s := sc.Audience.Scrub; s.For > 0 {
		times = append(times, reports.Phase{Name: "scrub", From: s.At, Until: s.At + s.For})
	}
	if r := sc.Audience.Restarts; r.Surge > 0 {
		for _, f := range sc.FaultSpecs() {
			end := f.At + f.For
			times = append(times, reports.Phase{Name: "restarts", From: f.At, Until: end + r.After + r.Within})
		}
	}
	return times
}

// needs says what each tier of the replay in a directory needs, and writes capacity.json and capacity.csv there. It is
// nil after a run on the wall clock, and for regions of a single zone: there is none to lose.
func needs(sc *scenarios.Scenario, p reports.Plan, dir string) (*capacity.Plan, error) {
	zones := sc.Regions[0].Zones
	for _, region := range sc.Regions {
		zones = min(zones, region.Zones)
	}
	all, err := units(sc)
	if err != nil || zones < 2 {
		return nil, err
	}
	plan, err := capacity.Read(dir, capacity.Inputs{Plan: p, Units: all, Surges: surges(sc), Zones: zones})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return plan, plan.WriteFiles(dir)
}

package sim

import (
	"errors"
	"io/fs"

	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/reports/capacity"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/resources"
	"github.com/liveorigin/liveorigin/sim/storage"
)

// utilisation is the share of a machine that may be used at the peak: with one zone of three lost, two thirds of the machines
// carry it, and queues grow without bound towards 1 (M/M/c). Two cloud services are known to shed from 60 % of CPU on
// (facts.md N36).
const utilisation = 0.6

// units are what capacity is bought in: edge servers, origin instances, memcached nodes and Cassandra nodes. Their figures are those of
// the profiles that the replay was simulated with, or would have been.
func units(machine resources.MachineProfile) []capacity.Unit {
	if machine.PerRequest == 0 {
		machine, _ = resources.MachineByName("cloud")
	}
	table, _ := storage.StoreByName("cassandra")
	cache, _ := storage.CacheByName("memcached")
	nodes := float64(table.Replica.Nodes)
	instance := capacity.Unit{Name: "origin instance", Tier: reports.TierOrigin, Cores: float64(machine.Capacity.Cores),
		NICBps: 8 * float64(machine.NIC), HoldersMax: holdersMax, Target: utilisation,
		Source: "profile " + machine.Name + " of sim/resources"}
	publish := instance
	publish.Name, publish.Tier, publish.HoldersMax = "publish instance", reports.TierPublish, 0
	// facts.md N40: 20,000 sessions of 5 Mb/s for a server of 100 Gb/s.
	edge := capacity.Unit{Name: "edge server", Tier: reports.TierEdge, NICBps: 100e9, Target: utilisation,
		Source: "facts.md N40: 100 Gb/s, 20,000 sessions of 5 Mb/s"}
	return []capacity.Unit{edge, instance, publish,
		{Name: "memcached node", Tier: reports.TierCache, NICBps: 8 * float64(cache.Capacity.Bytes),
			MemoryBytes: float64(cache.Bytes), OpsPerSecond: float64(cache.Capacity.Operations), Target: utilisation,
			Source: "profile memcached of sim/storage"},
		{Name: "Cassandra node", Tier: reports.TierStore, NICBps: 8 * float64(table.Replica.Capacity.Bytes) / nodes,
			OpsPerSecond: float64(table.Replica.Capacity.Operations) / nodes, Target: utilisation,
			Source: "profile cassandra of sim/storage, four nodes a zone"},
	}
}

// holdersMax is origin.NodeConfig's MaxHolders when nothing is said.
const holdersMax = 10_000

// needs says what each tier of the replay in a directory needs, and writes capacity.json and capacity.csv there. It is
// nil after a run on the wall clock, and for regions of a single zone: there is none to lose.
func needs(sc *scenarios.Scenario, p reports.Plan, dir string) (*capacity.Plan, error) {
	zones := sc.Regions[0].Zones
	for _, region := range sc.Regions {
		zones = min(zones, region.Zones)
	}
	machine, err := resources.MachineByName(sc.Machines.Profile)
	if err != nil || zones < 2 {
		return nil, err
	}
	plan, err := capacity.Read(dir, capacity.Inputs{Plan: p, Units: units(machine), Zones: zones})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return plan, plan.WriteFiles(dir)
}

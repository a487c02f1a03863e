package capacity

import (
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/reports"
)

// Inputs are what a plan must know besides load.jsonl.
type Inputs struct {
	Plan  reports.Plan
	Units []Unit
	// Surges are times, besides those of faults, in which the load did not follow the number of viewers: a restart
	// surge, a synchronised start. Trends leave them out.
	Surges []reports.Phase
	// Zones are how many each region has, of which one may be lost; at least two.
	Zones int
}

// Unit is one node of a tier: what it can carry, and how much of that we want it to. A capacity of zero means that this
// resource does not limit it.
type Unit struct {
	Name         string       `json:"name"` // "origin instance"
	Tier         reports.Tier `json:"tier"`
	Cores        float64      `json:"cores,omitempty"`
	NICBps       float64      `json:"nic_bps,omitempty"` // bits a second
	MemoryBytes  float64      `json:"memory_bytes,omitempty"`
	OpsPerSecond float64      `json:"ops_per_s,omitempty"`
	HoldersMax   float64      `json:"holders_max,omitempty"`
	// Target is the share of each capacity that may be used at the peak; above 0, at most 1.
	Target float64 `json:"target_utilisation"`
	Source string  `json:"source"` // where the figures come from
}

func (in *Inputs) check() error {
	if in.Zones < 2 {
		return fmt.Errorf("%d zones; a region must have at least two to lose one", in.Zones)
	}
	for _, u := range in.Units {
		if u.Name == "" || u.Tier == "" || !(u.Target > 0 && u.Target <= 1) {
			return fmt.Errorf("unit %q of tier %q with target utilisation %v", u.Name, u.Tier, u.Target)
		}
		for _, r := range resources {
			if !(r.capacity(&u) >= 0) {
				return fmt.Errorf("unit %q has a capacity of %v %s", u.Name, r.capacity(&u), r.name)
			}
		}
	}
	return nil
}

// resource is one of the things of which a node has only so much.
type resource struct {
	name, unit string
	load       func(*reports.Load) float64
	capacity   func(*Unit) float64
	// level is for what is held rather than spent: a moment above it is refused, so that its most counts and not its
	// mean.
	level bool
}

var resources = []resource{
	{"CPU", "cores", cores, func(u *Unit) float64 { return u.Cores }, false},
	{"NIC", "bit/s", bps, func(u *Unit) float64 { return u.NICBps }, false},
	{"memory", "bytes", memory, func(u *Unit) float64 { return u.MemoryBytes }, true},
	{"operations", "1/s", operations, func(u *Unit) float64 { return u.OpsPerSecond }, false},
	{"holders", "requests", holders, func(u *Unit) float64 { return u.HoldersMax }, true},
}

func cores(l *reports.Load) float64    { return float64(l.CPUUs) / 1e6 }
func bps(l *reports.Load) float64      { return float64(l.Bytes) * 8 }
func gbps(l *reports.Load) float64     { return bps(l) / 1e9 }
func memory(l *reports.Load) float64   { return float64(l.MemoryBytes) }
func holders(l *reports.Load) float64  { return float64(l.Holders) }
func requests(l *reports.Load) float64 { return float64(l.Requests) }
func storeOps(l *reports.Load) float64 { return float64(l.StoreReads) + float64(l.StoreWrites) }

// operations are what a node is asked for: requests, or what reaches a store.
func operations(l *reports.Load) float64 {
	if l.Tier == reports.TierStore || l.Tier == reports.TierCache {
		return max(requests(l), storeOps(l))
	}
	return requests(l)
}

// settling is how long the load may still differ from what the viewers explain, after a fault or surge is over: the
// restart surge comes 30 s after what caused it (facts.md, SRG-1), and buffers need as long again to fill.
const settling = time.Minute

// disturbed lists the half-open times that trends leave out.
func (in *Inputs) disturbed() []reports.Phase {
	var out []reports.Phase
	for _, f := range in.Plan.Faults {
		out = append(out, reports.Phase{Name: f.ID, From: f.From, Until: f.Until + settling})
	}
	for _, s := range in.Surges {
		out = append(out, reports.Phase{Name: s.Name, From: s.From, Until: s.Until + settling})
	}
	return out
}

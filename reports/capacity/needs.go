package capacity

import (
	"math"

	"github.com/liveorigin/liveorigin/reports"
)

// Need is how many nodes of a kind one region needs to carry its busiest second with one zone lost.
//
//	N = ceil(peak / (capacity x target utilisation))   on the zones that are left
//	nodes = ceil(N / (zones - 1)) x zones              all of them alike
//
// What a lost replica did is not subtracted, though nobody has to do it in its place: with a replica in each zone this
// is up to zones/(zones-1) times too many for writes, and safe.
type Need struct {
	Unit      string         `json:"unit"`
	Tier      reports.Tier   `json:"tier"`
	Region    string         `json:"region,omitempty"`
	Simulated *int64         `json:"simulated_nodes"` // null where the load does not tell
	Nodes     int64          `json:"nodes"`
	Binding   string         `json:"binding"` // the resource that asks for most
	Resources []ResourceNeed `json:"resources"`
}

// ResourceNeed is what one resource alone would need.
type ResourceNeed struct {
	Resource string  `json:"resource"`
	Unit     string  `json:"unit"`
	Peak     float64 `json:"peak"`
	PeakAtMs int64   `json:"peak_at_ms"`
	Capacity float64 `json:"capacity"` // of one node
	Nodes    int64   `json:"nodes"`
}

// demand is one resource of one unit in one region, in nodes that work at their target.
type demand struct {
	resource resource
	peak     float64
	second   *reports.Load // of the peak
	need     need
}

// demands are those of a unit in a region: of the resources that limit it and that were used.
func demands(u *Unit, s *series) []demand {
	var ds []demand
	for _, r := range resources {
		capacity := r.capacity(u)
		if capacity == 0 {
			continue
		}
		inNodes := func(l *reports.Load) float64 { return r.load(l) / (capacity * u.Target) }
		busiest := s.busiest(inNodes)
		if peak := inNodes(busiest); peak > 0 {
			ds = append(ds, demand{r, peak, busiest, need{inNodes, r.level}})
		}
	}
	return ds
}

// binding is the demand for most; of equals the first.
func binding(ds []demand) (most demand) {
	for _, d := range ds {
		if d.peak > most.peak {
			most = d
		}
	}
	return most
}

// nodesFor spreads nodes over zones so that those which are left carry all.
func nodesFor(atTarget float64, zones int) int64 {
	// A need that is a whole number is not one more for how binary fractions round.
	left := math.Ceil(atTarget * (1 - 1e-12))
	return int64(math.Ceil(left/float64(zones-1))) * int64(zones)
}

func needOf(u *Unit, s *series, zones int) (Need, bool) {
	n := Need{Unit: u.Name, Tier: s.tier, Region: s.region, Simulated: known(s.nodes())}
	ds := demands(u, s)
	if len(ds) == 0 {
		return n, false
	}
	for _, d := range ds {
		n.Resources = append(n.Resources, ResourceNeed{
			Resource: d.resource.name, Unit: d.resource.unit, Peak: d.resource.load(d.second), PeakAtMs: d.second.AtUs / 1000,
			Capacity: d.resource.capacity(u), Nodes: nodesFor(d.peak, zones),
		})
	}
	most := binding(ds)
	n.Binding, n.Nodes = most.resource.name, nodesFor(most.peak, zones)
	return n, true
}

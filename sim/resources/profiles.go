package resources

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/liveorigin/liveorigin/sim/loop"
)

// MachineProfile is a kind of machine, with what an origin's requests cost it.
type MachineProfile struct {
	Name     string
	Capacity Capacity
	// PerRequest and PerGigabyte are the core time of a request and of 10^9 bytes of its body.
	PerRequest, PerGigabyte time.Duration
	// NIC is the bandwidth of its network card, each way; zero means unlimited.
	NIC    Rate
	Pauses Pauses
}

// Work is the core time of a request with a body of so many bytes, which are less than 50 GB.
func (p MachineProfile) Work(bytes int64) time.Duration {
	return p.PerRequest + p.PerGigabyte*time.Duration(bytes)/1e9
}

// New makes a Machine of this kind. Its pauses are drawn from r, which is its own from then on.
func (p MachineProfile) New(l *loop.Loop, r *rand.Rand) *Machine {
	m := NewMachine(l, p.Capacity)
	m.PauseAtRandom(p.Pauses, r)
	return m
}

// NetworkProfile is how far the parts of an event are from each other, each leg one way.
type NetworkProfile struct {
	Name string
	// ViewerLatency is from a viewer to its edge; what a viewer's line carries is the audience's business.
	ViewerLatency time.Duration
	// The legs that are shared by all that passes: Site from an edge site to the top tier, Top from there to a region,
	// Region from region to region, and Packager from a packager to the origin in its region.
	Site, Top, Region, Packager LinkProfile
	// Together is the machine on which all viewers are served, where they are on one with the edges; zero where each has
	// its own.
	Together MachineProfile
}

// machines are the kinds there are, the default first.
var machines = []MachineProfile{
	// No model of CPU: requests cost nothing, and never queue.
	{Name: "unlimited"},
	// An origin instance.
	{
		Name: "cloud",
		// 32 vCPUs with 10 Gb/s are an m5.8xlarge (Amazon EC2 User Guide, "Amazon EC2 instance network bandwidth").
		// From 32 vCPUs on the bandwidth is not a burst. Goroutines share the cores in turns of 10 ms and less:
		// processor sharing. The bound on jobs is ours: 20 KiB each (performance.md section 3) are 2 GiB.
		Capacity: Capacity{Cores: 32, Discipline: Sharing, Jobs: 100_000},
		NIC:      10 * Gbps,
		// A line through net/http's "Write([]byte)" in performance.md section 2: 63,000 requests a second of 2 KiB
		// and 9,920 of 512 KiB on one core are 15.9 and 100.8 us. It gives 26.2 us for 64 KiB, where 25.7 us were
		// measured. TLS is not in it, which was not measured.
		PerRequest:  15_550 * time.Nanosecond,
		PerGigabyte: 162_650 * time.Microsecond,
		// Go stops the world twice in each cycle of its garbage collector, for less than 500 us (Hudson, "Getting to
		// Go: The Journey of Go's Garbage Collector", 2018: the objective). How often, and the median, are ours.
		Pauses: Pauses{Every: time.Second, P50: 100 * time.Microsecond, P99: 500 * time.Microsecond},
	},
}

// networks are the kinds there are, the default first.
var networks = []NetworkProfile{loopback(), world()}

// world is an audience of one continent, and two regions at its coasts.
func world() NetworkProfile {
	const us, ms = time.Microsecond, time.Millisecond
	return NetworkProfile{
		Name: "world",
		// To a cache in or next to the viewer's own network, as Open Connect is: half of 20 ms, between fibre and cable
		// in the FCC's Measuring Broadband America reports, as we recall them.
		ViewerLatency: 10 * ms,
		// 2,000 km of fibre at 5 us/km (the speed of light in glass), and 40 Gb/s for a site: ours.
		Site: LinkProfile{Latency: 10 * ms, Jitter: ms, Bandwidth: 40 * Gbps, Loss: 1e-4},
		// 1,000 km, ours. The backbone between cloud and caches does not scale (facts.md EDG-12); its 200 Gb/s are
		// what the cache in front of the store gives at worst (performance.md section 8, Netflix Live Origin).
		Top: LinkProfile{Latency: 5 * ms, Jitter: 500 * us, Bandwidth: 200 * Gbps, Loss: 1e-5},
		// Half of some 65 ms between us-east-1 and us-west-2, as published by cloudping.co, as we recall it; 3,700 km
		// of fibre would be 18.5 ms. Jitter, bandwidth and loss are ours.
		Region: LinkProfile{Latency: 32 * ms, Jitter: ms, Bandwidth: 100 * Gbps, Loss: 1e-5},
		// Between zones of a region: 0.25 to 3.4 ms there and back (xkyle.com, "Measuring AWS Region and AZ
		// Latency"). The bandwidth is the network card of the machine above; jitter and loss are ours.
		Packager: LinkProfile{Latency: 500 * us, Jitter: 100 * us, Bandwidth: 10 * Gbps, Loss: 1e-6},
	}
}

// loopback is what a run on one machine sees, measured on the kind of machine that performance.md describes: of an edge's
// fetch over HTTP, p50 0.5, p90 0.9 and p99 1.7 ms were neither waiting for the segment nor for the store, and a PUT took
// 1.2 ms more than the store did. Viewers who are let go at once queue for the two cores that k6 and the edges share: for
// each answer 15.6 us and 163 ms/GB of net/http (performance.md section 2, as above), and of k6 70 us for a small one and
// 237 us for 512 KiB (section 6).
func loopback() NetworkProfile {
	leg := LinkProfile{Latency: 150 * time.Microsecond, Jitter: 200 * time.Microsecond}
	put := LinkProfile{Latency: 500 * time.Microsecond, Jitter: 100 * time.Microsecond}
	return NetworkProfile{Name: "loopback", ViewerLatency: leg.Latency, Site: leg, Top: leg, Region: leg, Packager: put,
		Together: MachineProfile{Name: "two cores", Capacity: Capacity{Cores: 2, Discipline: Sharing},
			PerRequest: 85_550 * time.Nanosecond, PerGigabyte: 481 * time.Millisecond}}
}

// MachineProfiles names the machines there are, the default first.
func MachineProfiles() []string {
	return names(machines, func(p MachineProfile) string { return p.Name })
}

// NetworkProfiles names the networks there are, the default first.
func NetworkProfiles() []string {
	return names(networks, func(p NetworkProfile) string { return p.Name })
}

// MachineByName finds a profile; no name is the default.
func MachineByName(name string) (MachineProfile, error) {
	return byName("machine", name, machines, MachineProfiles())
}

// NetworkByName finds a profile; no name is the default.
func NetworkByName(name string) (NetworkProfile, error) {
	return byName("network", name, networks, NetworkProfiles())
}

func names[P any](profiles []P, name func(P) string) (out []string) {
	for _, p := range profiles {
		out = append(out, name(p))
	}
	return out
}

func byName[P any](kind, name string, profiles []P, names []string) (P, error) {
	if name == "" {
		return profiles[0], nil
	}
	for i, n := range names {
		if n == name {
			return profiles[i], nil
		}
	}
	var none P
	return none, fmt.Errorf("unknown %s profile %q; there are %v", kind, name, names)
}

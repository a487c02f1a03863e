package scenarios

import (
	"time"

	"github.com/liveorigin/liveorigin/faults"
)

// The profiles that a scenario can name. What is behind each stands in sim/storage and sim/resources; what the names
// promise stands here. The first of each is the default.
var (
	storageProfiles = []string{Embedded, Cassandra, ObjectStore}
	cacheProfiles   = []string{"none", "memcached"}
	machineProfiles = []string{Unlimited, "cloud"}
	networkProfiles = []string{Loopback, "world"}
)

// The profiles of stores.
const (
	Embedded    = "embedded"     // replicas in memory, in zones, with the body of latency that the scenario gives
	Cassandra   = "cassandra"    // the same, with pauses, a commit log, hints: writes of 25 ms and 129 ms (facts.md N6)
	ObjectStore = "object-store" // what was before: 113 ms and 267 ms (facts.md N5), throttled, nothing is copied
)

// The profiles of machines and networks that both clocks have.
const (
	Unlimited = "unlimited" // machines on which nothing queues
	Loopback  = "loopback"  // the links inside of one machine
)

// The latencies of profile embedded, where the scenario gives none.
var (
	embeddedWrite = Latency{P50: 5 * time.Millisecond, P99: 30 * time.Millisecond}
	embeddedRead  = Latency{P50: 2 * time.Millisecond, P99: 10 * time.Millisecond}
)

func (f *form) storageKeys() keys {
	return keys{
		{name: "profile", otherwise: Embedded,
			about: "what the store is made of: replicas in memory, Cassandra's, or the object store of before",
			is:    choice(&f.Storage.Profile, "profile of storage", storageProfiles)},
		{name: "write", about: "one replica's latency of a write; the profile's own by default",
			is: section{latencyKeys(&f.Storage.Write, embeddedWrite)}},
		{name: "read", about: "one replica's latency of a read; the profile's own by default",
			is: section{latencyKeys(&f.Storage.Read, embeddedRead)}},
		{name: "replication_lag", otherwise: "100ms", about: "how long a write takes to the other regions",
			is: duration(&f.Storage.ReplicationLag, 0, time.Minute)},
		{name: "cache", otherwise: "none", about: "a write-through cache in front of the store",
			is: choice(&f.Storage.Cache, "cache", cacheProfiles)},
	}
}

func latencyKeys(into *Latency, embedded Latency) keys {
	return keys{
		{name: "p50", about: "half are faster; " + short(embedded.P50) + " by default with profile " + Embedded,
			is: duration(&into.P50, time.Microsecond, time.Minute)},
		{name: "p99", about: "one in a hundred is slower; " + short(embedded.P99) + " by default with profile " + Embedded,
			is: duration(&into.P99, time.Microsecond, time.Minute)},
	}
}

func (f *form) checkStorage(r *reader) {
	f.checkLatency(r, "storage.write", &f.Storage.Write, embeddedWrite)
	f.checkLatency(r, "storage.read", &f.Storage.Read, embeddedRead)
	if f.Storage.Cache == cacheProfiles[0] {
		f.Storage.Cache = ""
	}
	f.checkCache(r)
	if f.Storage.Profile != ObjectStore {
		return
	}
	if r.given("storage.replication_lag") {
		r.problemOfKey("storage.replication_lag", "nothing is copied with profile %s: every pipeline publishes in every "+
			"region; take replication_lag out", ObjectStore)
	}
	for _, b := range f.broken {
		if b.Zone != "" && r.sound(join(b.path, "zone")) {
			r.problem(join(b.path, "zone"), "profile %s has no zones to lose; slow-store and region-loss hit it", ObjectStore)
		}
	}
}

// checkCache wants faults that break a cache to have one.
func (f *form) checkCache(r *reader) {
	if f.Storage.Cache != "" || !r.sound("storage.cache") {
		return
	}
	for _, b := range f.broken {
		if kind, ok := faults.KindByName(b.Kind); ok && kind.NeedsCache {
			r.problem(join(b.path, "kind"), "%s needs a cache in front of the store; give storage: {cache: %s}", kind.Name,
				cacheProfiles[1])
		}
	}
}

// checkLatency settles a latency: given as a whole, or left to the profile. Only profile embedded, of which no figures
// were measured that belong together, takes one percentile without the other.
func (f *form) checkLatency(r *reader, path string, l *Latency, embedded Latency) {
	p50, p99 := join(path, "p50"), join(path, "p99")
	if !r.sound("storage.profile", p50, p99) {
		return
	}
	if f.Storage.Profile == Embedded {
		if !r.given(p50) {
			l.P50 = embedded.P50
		}
		if !r.given(p99) {
			l.P99 = embedded.P99
		}
	} else if r.given(p50) != r.given(p99) {
		r.problem(path, "profile %s has its own latency: give p50 and p99, or neither", f.Storage.Profile)
		return
	}
	if l.P50 <= l.P99 {
		return
	}
	wrong := p99
	if !r.given(p99) {
		wrong = p50
	}
	r.problem(wrong, "half take more than p50 %s, so 99 of 100 are not done within p99 %s", short(l.P50), short(l.P99))
}

// profile is the one key of a section that names a profile.
func profile(into *string, what string, valid []string) value {
	return section{keys{{name: "profile", otherwise: valid[0],
		about: "one of those that this release has figures for", is: choice(into, "profile of "+what, valid)}}}
}

package scenarios

import (
	"strconv"
	"time"

	"github.com/liveorigin/liveorigin/faults"
)

// The profiles that a scenario can name. What is behind each stands in sim/storage and sim/resources; what the names
// promise stands here. The first of each is the default.
var (
	storageProfiles = []string{Embedded, Cassandra, ObjectStore, Laptop}
	cacheProfiles   = []string{"none", "memcached"}
	machineProfiles = []string{Unlimited, "cloud"}
	networkProfiles = []string{Loopback, "world"}
)

// The profiles of stores.
const (
	Embedded    = "embedded"     // replicas in memory, in zones, with the body of latency that the scenario gives
	Cassandra   = "cassandra"    // the same, with pauses, a commit log, hints: writes of 25 ms and 129 ms (facts.md N6)
	Laptop      = "laptop"       // as measured: two regions of three nodes of Cassandra in containers on two cores
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

// What segments are cut into, in bytes.
const (
	leastChunk = 16 << 10
	// mostChunk is half of what Cassandra takes as one write: max_mutation_size, half of a commit log segment of 32 MiB.
	mostChunk = 8 << 20
	// mostCached fits an item of memcached, which holds 1 MiB with its key and what tells whose it is.
	mostCached   = 1<<20 - 4<<10
	defaultChunk = 512 << 10
)

// defaultRecent is what live viewers ask for: the live edge, which is three segments, and one for who is a little late.
const defaultRecent = 4

func (f *form) storageKeys() keys {
	return keys{
		{name: "profile", otherwise: Embedded,
			about: "what the store is made of: replicas in memory, Cassandra's, the object store of before, Cassandra as it was measured on one small machine; or the .yaml file that " +
				"liveorigin calibrate wrote",
			is: storeProfile{f}},
		{name: "write", about: "one replica's latency of a write; the profile's own by default",
			is: section{latencyKeys(&f.Storage.Write, embeddedWrite)}},
		{name: "read", about: "one replica's latency of a read; the profile's own by default",
			is: section{latencyKeys(&f.Storage.Read, embeddedRead)}},
		{name: "replication_lag", otherwise: "100ms", about: "how long a write takes to the other regions",
			is: duration(&f.Storage.ReplicationLag, 0, time.Minute)},
		{name: "cache", otherwise: "none", about: "a write-through cache in front of the store",
			is: choice(&f.Storage.Cache, "cache", cacheProfiles)},
		{name: "chunk", otherwise: shortSize(defaultChunk),
			about: "what larger segments are cut into; each chunk is a row of the store, and an item of the cache",
			is:    size(&f.Storage.Chunk, leastChunk, mostChunk)},
		{name: "recent", otherwise: strconv.Itoa(defaultRecent),
			about: "how many of the newest segments of each rendition an origin keeps in its memory",
			is:    count(&f.Storage.Recent, 0, 1000)},
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
	if f.Storage.Profile == ObjectStore {
		f.checkObjectStore(r)
	}
}

// checkObjectStore wants nothing of what there was not when there was an object store.
func (f *form) checkObjectStore(r *reader) {
	if r.given("storage.replication_lag") {
		r.problemOfKey("storage.replication_lag", "nothing is copied with profile %s: every pipeline publishes in every "+
			"region; take replication_lag out", ObjectStore)
	}
	for _, key := range []string{"chunk", "recent"} {
		if path := join("storage", key); r.given(path) {
			r.problemOfKey(path, "profile %s keeps segments whole, and nothing before it; take %s out", ObjectStore, key)
		}
	}
	if f.Storage.Cache != "" && r.sound("storage.cache") {
		r.problemOfKey("storage.cache", "profile %s has no cache in front of it; take cache out", ObjectStore)
	}
	for _, b := range f.broken {
		if b.Zone != "" && r.sound(join(b.path, "zone")) {
			r.problem(join(b.path, "zone"), "profile %s has no zones to lose; slow-store and region-loss hit it", ObjectStore)
		}
	}
}

// checkCache wants rows that fit the cache, and faults that break a cache to have one.
func (f *form) checkCache(r *reader) {
	if !r.sound("storage.cache") {
		return
	}
	if f.Storage.Cache != "" {
		if f.Storage.Chunk > mostCached && r.sound("storage.chunk") {
			r.problem("storage.chunk", "a chunk of %s does not fit the cache, whose items have %s at most", shortSize(f.Storage.Chunk),
				shortSize(mostCached))
		}
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

package storage

import (
	"math"
	"time"

	"github.com/liveorigin/liveorigin/sim/streams"
)

// ReplicaProfile is what one zone of a Table is like.
type ReplicaProfile struct {
	// Write and Read are the body of its latencies.
	Write, Read Latency
	// WriteMiB and ReadMiB are what every MiB adds to it, at the same percentile: an answer that is slow is slow in both.
	WriteMiB, ReadMiB Latency
	// Pauses are times in which it does nothing, Throttling those in which every answer takes Slowdown times as long.
	Pauses, Throttling Episodes
	Slowdown           float64
	// Lost is the part of what it is asked to do that it neither does nor answers.
	Lost     float64
	Capacity Capacity
	// ReadCapacity is that of a zone which does nothing but read, where reads cost less than writes; zero means as Capacity.
	ReadCapacity Capacity
	// OneMachine says that all zones stand on one machine: what makes an answer slow is that others have its processors, and
	// then all zones are slow, so that a call has one latency and not one for each zone.
	OneMachine bool
	// Nodes are the machines that the zone's replica is spread over; zero means one. Capacity is that of all of them.
	Nodes int
}

// StoreProfile is a kind of store, with figures for it.
type StoreProfile struct {
	Name string
	// Replica is what each zone of a Table is like; of no meaning when there is a Bucket.
	Replica ReplicaProfile
	// Bucket is what an ObjectStore is like; nil for a Table.
	Bucket *BucketProfile
}

// WithBody is the profile with another body of its latencies: of one replica, or of the bucket. A zero Latency leaves
// the profile's own.
func (p StoreProfile) WithBody(write, read Latency) StoreProfile {
	toWrite, toRead := &p.Replica.Write, &p.Replica.Read
	if p.Bucket != nil {
		bucket := *p.Bucket
		p.Bucket, toWrite, toRead = &bucket, &bucket.Write, &bucket.Read
	}
	if write != (Latency{}) {
		*toWrite = write
	}
	if read != (Latency{}) {
		*toRead = read
	}
	return p
}

// Stores lists the store profiles: first those with figures that were published, of which the first is the default, then
// the measured ones.
func Stores() []StoreProfile {
	all := []StoreProfile{
		{Name: "embedded", Replica: embedded},
		{Name: "cassandra", Replica: cassandra},
		{Name: "object-store", Bucket: &objectStore},
	}
	for _, p := range shippedProfiles() {
		all = append(all, p.Store())
	}
	return all
}

// StoreByName finds a store profile.
func StoreByName(name string) (StoreProfile, bool) {
	for _, p := range Stores() {
		if p.Name == name {
			return p, true
		}
	}
	return StoreProfile{}, false
}

// CacheByName finds a cache profile.
func CacheByName(name string) (CacheProfile, bool) {
	if name == memcached.Name {
		return memcached, true
	}
	return CacheProfile{}, false
}

const (
	ms  = time.Millisecond
	mib = 1 << 20
	gib = 1 << 30
)

// embedded is a store that is fast enough not to be noticed, so that what a scenario breaks is all that is wrong.
var embedded = ReplicaProfile{Write: Latency{5 * ms, 30 * ms}, Read: Latency{2 * ms, 10 * ms}}

// cassandra is the store that the origin has now: written with p50 25 ms and p99 129 ms (facts.md N6). Those are a
// quorum's figures, and of whole objects. One that fits a chunk is one row and takes that long; a larger one takes a
// second write after the slowest of its chunks: with no tries beside the first, p50 66 ms and p99 220 ms for two chunks, 78
// and 251 ms for four, 92 and 284 ms for eight, which is more than was published for segments of any size.
//
// How much worse p99.9 is than p99 differs between published runs of cassandra-stress: 10 times (112 against 11.5 ms,
// CASSANDRA-14281 in performance.md section 8), 3.7 times (223 against 60.5 ms, DataStax Enterprise 6.7, "Interpret
// cassandra-stress output"), 1.7 times (127 against 73.8 ms, Cassandra 3.7 in a question that super-unix.com keeps),
// and a log-normal alone gives 1.7. The maximum is 2.3 and 3.3 times p99.9 in the latter two. Pauses are set to the
// middle of that: a write's p99.9 is near 350 ms and its p99.99 near 800 ms, both beyond what the body gives.
var cassandra = ReplicaProfile{
	Write: ofQuorum(Latency{23900 * time.Microsecond, 109 * ms}),
	// Single-digit milliseconds for reads (performance.md section 8; N33: target 10 ms); measured p50 4.5 and p99 14 ms
	// with 64 KiB on a small cluster (containers.md).
	Read: Latency{5 * ms, 14 * ms},
	// Cassandra's G1 aims at 300 ms (MaxGCPauseMillis in jvm11-server.options) and GCInspector warns from 1 s on
	// (gc_warn_threshold in cassandra.yaml; both recalled, not read again). How often a long one comes is assumed: once a
	// minute.
	Pauses: Episodes{Every: time.Minute, Length: Latency{200 * ms, 1000 * ms}},
	// Compaction takes its share of disk and processor; assumed: once in ten minutes for half a minute, twice as slow.
	Throttling: Episodes{Every: 10 * time.Minute, Length: Latency{30 * time.Second, 2 * time.Minute}},
	Slowdown:   2,
	// Dropped mutations; assumed.
	Lost: 1e-6,
	// 44,000 to 47,000 operations a second (CASSANDRA-14281), taken as one node's; 4 nodes a zone of 10 Gb/s each are
	// assumed: the three zones together then reach 120 Gb/s, and N14 says that reads alone reached 100 Gb/s.
	Nodes: 4, Capacity: Capacity{Operations: 4 * 45_000, Bytes: 4 * 10e9 / 8},
}

// ofQuorum is the body of one replica when two of three have the given percentiles. Their time is the median of three
// independent draws, whose distribution is 3F²-2F³: it has the median of one, and its p99 where F is 0.94109, which is
// 1.5640 standard deviations of the logarithm and not streams.Z99.
func ofQuorum(l Latency) Latency {
	const zQuorum99 = 1.5640
	return Latency{l.P50, time.Duration(float64(l.P50) * math.Pow(float64(l.P99)/float64(l.P50), streams.Z99/zQuorum99))}
}

// objectStore is what was there before: written with p50 113 ms and p99 267 ms (facts.md N5).
var objectStore = BucketProfile{
	Write: Latency{113 * ms, 267 * ms},
	// "Roughly 100-200 milliseconds" to the first byte of a small object (Amazon S3 User Guide, "Best practices design
	// patterns: optimizing Amazon S3 performance"; recalled, not read again).
	Read: Latency{100 * ms, 200 * ms},
	// Failures above 100 requests a second and event (N8); one second's worth at once is assumed.
	Rate: 100, Burst: 100,
	// Occasionally seconds (N7), beyond p99; one in 500 and how many are assumed.
	Stalled: 0.002, Stall: Latency{2 * time.Second, 8 * time.Second},
	// Occasionally both regions fail at the same time (STO-3); no figures, all assumed.
	Outages: Episodes{Every: 2 * time.Hour, Length: Latency{5 * time.Second, 30 * time.Second}},
	Shocks:  Episodes{Every: 6 * time.Hour, Length: Latency{5 * time.Second, 30 * time.Second}},
}

// memcached is a cache of memcached nodes, measured in performance.md section 4 with 512 KiB and 8 callers on one
// thread, on loopback; a network between zones adds some tenths of a millisecond, which those callers' queue stands
// for.
var memcached = CacheProfile{
	Name: "memcached",
	Get:  Latency{929 * time.Microsecond, 2300 * time.Microsecond},
	Set:  Latency{628 * time.Microsecond, 1600 * time.Microsecond},
	// One a zone (design.md section 3). The size is assumed: an hour of a UHD ladder fits in it several times.
	Nodes: 3, Bytes: 64 * gib,
	ItemLimit: mib, // memcached's default, and N34
	// About a million operations a second and core (performance.md section 4, published), on a 25 Gb/s interface; 4.2 GB/s
	// were measured without one.
	Capacity: Capacity{Operations: 1e6, Bytes: 25e9 / 8},
	TTL:      180 * time.Second, // STO-22
	Timeout:  250 * ms,          // performance.md section 4: what a dead cache may cost
}

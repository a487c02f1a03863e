package containers

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"time"
)

// The usual images. LIVEORIGIN_CASSANDRA_IMAGE and LIVEORIGIN_MEMCACHED_IMAGE name others.
const (
	CassandraImage = "cassandra:5.0"
	MemcachedImage = "memcached:1.6"
)

// A Profile is how much of a plan is started.
type Profile string

const (
	Full  Profile = "full"  // a Cassandra node in every zone: what a release is judged on
	Small Profile = "small" // one in the first zone of every region: for quick tests
)

// A Region is a Cassandra data centre, and its zones are the racks.
type Region struct {
	Name  string   `json:"name"`
	Zones []string `json:"zones"`
}

// Images are the images to start. Empty names mean the usual ones.
type Images struct{ Cassandra, Memcached string }

// A Plan says what to start. Only the regions are needed.
type Plan struct {
	Name    string // the run: begins every name, and is the name of the Cassandra cluster
	Regions []Region
	Profile Profile // Full when empty
	Images  Images

	// Limits, in bytes. A container that needs more memory than its limit is killed by the kernel.
	Heap, CassandraMemory, MemcachedMemory int64
	// Memtable is how much of what was written to a Cassandra node it may have in memory, in bytes, outside the heap; of a
	// third of that it writes the largest table to its disk, for which the nodes of a region choose the same moment. So a
	// third has to fit into CassandraMemory beside the heap; 0 means 96 MiB.
	Memtable int64
	// Disk, if not zero, puts the data of every Cassandra node on a file system in memory that is so large, in bytes, for
	// [FillDisk].
	Disk int64

	Keep    bool          // leave it running when this process ends, for Attach
	Timeout time.Duration // for one part to become ready

	// Progress, if not nil, is told of every part that is ready, in the order in which they are; calls do not overlap.
	Progress func(part Part, done, of int)

	lock netip.AddrPort // of a kept stack: whoever uses it listens here
}

const mebibyte = 1 << 20

// The bounds of a plan.
const (
	regionsMax = 4
	zonesMax   = 9
)

var nameOK = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

// complete fills in what was left out.
func (p Plan) complete() Plan {
	p.Name = cmp.Or(p.Name, fmt.Sprintf("run-%d-%x", os.Getpid(), time.Now().UnixMilli()&0xffffff))
	p.Profile = cmp.Or(p.Profile, Full)
	p.Images = p.Images.complete()
	p.Heap = cmp.Or(p.Heap, 400*mebibyte)
	p.CassandraMemory = cmp.Or(p.CassandraMemory, p.Heap+600*mebibyte)
	p.Memtable = cmp.Or(p.Memtable, 96*mebibyte)
	p.MemcachedMemory = cmp.Or(p.MemcachedMemory, 192*mebibyte)
	p.Timeout = cmp.Or(p.Timeout, 2*time.Minute)
	return p
}

func (i Images) complete() Images {
	return Images{
		Cassandra: cmp.Or(i.Cassandra, os.Getenv("LIVEORIGIN_CASSANDRA_IMAGE"), CassandraImage),
		Memcached: cmp.Or(i.Memcached, os.Getenv("LIVEORIGIN_MEMCACHED_IMAGE"), MemcachedImage),
	}
}

// Regions makes regions of so many zones each, which are called 1, 2, 3.
func Regions(names []string, zones int) (list []Region) {
	for _, name := range names {
		r := Region{Name: name}
		for z := range min(zones, zonesMax+1) {
			r.Zones = append(r.Zones, strconv.Itoa(z+1))
		}
		list = append(list, r)
	}
	return list
}

// Check says everything that is wrong with a plan.
func (p Plan) Check() error {
	p = p.complete()
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	name := func(what, s string) {
		if !nameOK.MatchString(s) {
			bad("%s %q: a name has up to 31 lower-case letters, digits and dashes", what, s)
		}
	}
	name("run", p.Name)
	if n := len(p.Regions); n < 1 || n > regionsMax {
		bad("%d regions: there can be 1 to %d", n, regionsMax)
	}
	if p.Profile != Full && p.Profile != Small {
		bad("profile %q: there are full and small", p.Profile)
	}
	regions := map[string]bool{}
	for _, r := range p.Regions {
		name("region", r.Name)
		if regions[r.Name] {
			bad("region %q is there twice", r.Name)
		}
		regions[r.Name] = true
		if n := len(r.Zones); n < 1 || n > zonesMax {
			bad("region %s has %d zones: there can be 1 to %d", r.Name, n, zonesMax)
		}
		zones := map[string]bool{}
		for _, z := range r.Zones {
			name("zone", z)
			if zones[z] {
				bad("zone %q of region %s is there twice", z, r.Name)
			}
			zones[z] = true
		}
	}
	if p.Heap < 256*mebibyte || p.CassandraMemory < p.Heap {
		bad("a heap of %s in a container of %s: Cassandra needs a heap of 256 MiB, and what is outside of it",
			size(p.Heap), size(p.CassandraMemory))
	}
	if p.Memtable < 16*mebibyte || p.Heap+p.Memtable/3 > p.CassandraMemory {
		bad("memtables of %s, of which a third is used, beside a heap of %s in a container of %s: at least 16 MiB, and within it",
			size(p.Memtable), size(p.Heap), size(p.CassandraMemory))
	}
	return errors.Join(errs...)
}

// parts lists what a plan starts: the first is the seed of the Cassandra cluster, the nodes come before the caches.
func (p Plan) parts() []Part {
	var nodes, caches []Part
	for _, r := range p.Regions {
		for i, z := range r.Zones {
			if i == 0 || p.Profile == Full {
				nodes = append(nodes, Part{Name: "cassandra-" + r.Name + "-" + z, Kind: Cassandra, Region: r.Name, Zone: z,
					Image: p.Images.Cassandra})
			}
			caches = append(caches, Part{Name: "memcached-" + r.Name + "-" + z, Kind: Memcached, Region: r.Name, Zone: z,
				Image: p.Images.Memcached})
		}
	}
	return append(nodes, caches...)
}

// Memory is what all parts together may take, in bytes.
func (p Plan) Memory() (sum int64) {
	p = p.complete()
	for _, part := range p.parts() {
		sum += p.limit(part.Kind)
	}
	if p.Disk > 0 {
		sum += keeperMemory
	}
	return sum
}

func (p Plan) limit(kind Kind) int64 {
	if kind == Cassandra {
		return p.CassandraMemory + p.Disk
	}
	return p.MemcachedMemory
}

// token is where the i-th of n nodes of the d-th data centre begins on the ring: every data centre divides the whole ring
// by itself, a little beside the others, because no two nodes may have the same token.
func token(d, i, n int) int64 {
	step := new(big.Int).Div(new(big.Int).Lsh(big.NewInt(1), 64), big.NewInt(int64(n)))
	at := new(big.Int).Add(big.NewInt(math.MinInt64), step.Mul(step, big.NewInt(int64(i))))
	return at.Int64() + int64(d)*100
}

// size prints bytes for a person.
func size(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }

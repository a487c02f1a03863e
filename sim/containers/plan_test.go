package containers

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPlanCheck(t *testing.T) {
	good := Plan{Regions: Regions([]string{"us-east", "us-west"}, 3)}
	if err := good.Check(); err != nil {
		t.Errorf("a plan of regions alone: %v", err)
	}
	for says, change := range map[string]func(*Plan){
		`run "Up": a name`:              func(p *Plan) { p.Name = "Up" },
		"0 regions":                     func(p *Plan) { p.Regions = nil },
		"5 regions":                     func(p *Plan) { p.Regions = Regions([]string{"a", "b", "c", "d", "e"}, 1) },
		`region "a" is there twice`:     func(p *Plan) { p.Regions = Regions([]string{"a", "a"}, 1) },
		`region "a b": a name`:          func(p *Plan) { p.Regions = Regions([]string{"a b"}, 1) },
		"region a has 0 zones":          func(p *Plan) { p.Regions = Regions([]string{"a"}, 0) },
		"region a has 10 zones":         func(p *Plan) { p.Regions = Regions([]string{"a"}, 1<<30) },
		`zone "1" of region a is there`: func(p *Plan) { p.Regions = []Region{{"a", []string{"1", "1"}}} },
		`profile "large"`:               func(p *Plan) { p.Profile = "large" },
		"needs a heap of 256 MiB":       func(p *Plan) { p.Heap = 1 },
		"in a container of 0.1 GiB":     func(p *Plan) { p.CassandraMemory = 128 * mebibyte },
		"memtables of 16.0 GiB":         func(p *Plan) { p.Memtable = 16 << 30 },
	} {
		p := good
		change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

// The seed comes first, the nodes come before the caches, and every zone has a cache whatever the profile.
func TestPlanParts(t *testing.T) {
	p := Plan{Regions: Regions([]string{"e", "w"}, 2)}
	for profile, want := range map[Profile][]string{
		Full: {"cassandra-e-1", "cassandra-e-2", "cassandra-w-1", "cassandra-w-2",
			"memcached-e-1", "memcached-e-2", "memcached-w-1", "memcached-w-2"},
		Small: {"cassandra-e-1", "cassandra-w-1", "memcached-e-1", "memcached-e-2", "memcached-w-1", "memcached-w-2"},
	} {
		p.Profile = profile
		if got := names(p.complete().parts()); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", profile, got, want)
		}
	}
	p = Plan{Regions: p.Regions, CassandraMemory: 1000, MemcachedMemory: 10, Disk: 5}
	if got := p.Memory(); got != 4*1005+4*10+keeperMemory {
		t.Errorf("memory %d, want %d", got, 4*1005+4*10+keeperMemory)
	}
}

// No two nodes of a cluster have one token, and the nodes of a data centre divide the ring evenly.
func TestTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seen := map[int64]bool{}
		for d := range rapid.IntRange(1, regionsMax).Draw(t, "data centres") {
			n := rapid.IntRange(1, zonesMax).Draw(t, "nodes")
			for i := range n {
				at := token(d, i, n)
				if seen[at] {
					t.Fatalf("token %d twice", at)
				}
				seen[at] = true
				if i == 0 {
					continue
				}
				if apart := float64(at) - float64(token(d, i-1, n)); math.Abs(apart*float64(n)/math.Exp2(64)-1) > 1e-9 {
					t.Fatalf("nodes %d and %d of %d are %g apart", i-1, i, n, apart)
				}
			}
		}
	})
}

// Every part is where no other is, on every network.
func TestPlaced(t *testing.T) {
	p := Plan{Name: "x", Regions: Regions([]string{"e", "w"}, zonesMax)}.complete()
	nets := subnets{}
	for i, name := range []string{p.clients(), p.between(), p.within("e"), p.within("w")} {
		nets[name] = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, byte(i), 0}), 24)
	}
	parts, err := p.placed(nets, []Image{{Name: CassandraImage, ID: "sha256:1"}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, part := range parts {
		places := []string{part.Address.String(), part.Inside.String()}
		if !nets[p.clients()].Contains(part.Inside) || part.Address.Addr().String() != "127.0.0.1" {
			t.Errorf("%s is at %v", part.Name, places)
		}
		if part.Kind == Cassandra {
			places = append(places, part.InRegion.String(), part.Between.String())
			if !nets[p.within(part.Region)].Contains(part.InRegion) || !nets[p.between()].Contains(part.Between) ||
				part.ImageID != "sha256:1" {
				t.Errorf("%+v", part)
			}
		}
		for _, place := range places {
			if seen[place] {
				t.Errorf("two parts at %s", place)
			}
			seen[place] = true
		}
	}
}

// Ports that are chosen together differ.
func TestFreePorts(t *testing.T) {
	ports, err := freePorts(500)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(ports, netip.AddrPort.Compare)
	if n := len(slices.Compact(ports)); n != 500 {
		t.Errorf("%d ports of 500", n)
	}
}

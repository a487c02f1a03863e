package containers

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"
)

// A Kind is what runs in a container.
type Kind string

const (
	Cassandra Kind = "cassandra"
	Memcached Kind = "memcached"
)

// port is where a kind listens inside its container.
func (k Kind) port() int {
	if k == Cassandra {
		return 9042
	}
	return 11211
}

// A Part is one container of a stack.
type Part struct {
	Name    string `json:"name"` // cassandra-us-east-1
	Kind    Kind   `json:"kind"`
	Region  string `json:"region"` // the data centre
	Zone    string `json:"zone"`   // the rack
	Image   string `json:"image"`  // the image's name
	ImageID string `json:"image_id,omitempty"`
	ID      string `json:"id,omitempty"` // the container's
	// Address is where the harness reaches the part, on 127.0.0.1. It stays the same over restarts.
	Address netip.AddrPort `json:"address"`
	// Inside is the address by which a Cassandra node is known to its cluster's drivers (rpc_address): a driver that
	// learns it connects to Address instead.
	Inside  netip.Addr    `json:"inside"`
	Version string        `json:"version,omitempty"` // what the part itself says
	Took    time.Duration `json:"took,omitempty"`    // from its creation until it was ready

	// The addresses of a Cassandra node among its peers: in its region, and between regions.
	InRegion netip.Addr `json:"in_region"`
	Between  netip.Addr `json:"between"`
}

// A Stack is what was started, or found running. Its methods can be called by several goroutines at once.
type Stack struct {
	Plan  Plan
	Parts []Part // as Plan.parts orders them: nodes, then caches
	Took  time.Duration

	engine *client.Client
	mu     sync.Mutex
	broken []broken
	use    net.Listener // held while a kept stack is in use
}

// Part finds a part by its name.
func (s *Stack) Part(name string) (Part, error) {
	for _, p := range s.Parts {
		if p.Name == name {
			return p, nil
		}
	}
	return Part{}, fmt.Errorf("no part %q; there are %s", name, strings.Join(names(s.Parts), ", "))
}

// Of lists the parts of one kind in one region, by zone as the plan has them. An empty region means all.
func (s *Stack) Of(kind Kind, region string) []Part {
	return slices.DeleteFunc(slices.Clone(s.Parts), func(p Part) bool {
		return p.Kind != kind || region != "" && p.Region != region
	})
}

// Addresses maps what the Cassandra cluster calls its nodes to where the harness reaches them, for a driver's translator.
func (s *Stack) Addresses() map[netip.Addr]netip.AddrPort {
	m := map[netip.Addr]netip.AddrPort{}
	for _, p := range s.Of(Cassandra, "") {
		m[p.Inside] = p.Address
	}
	return m
}

func names(parts []Part) (list []string) {
	for _, p := range parts {
		list = append(list, p.Name)
	}
	return list
}

// The labels on every container and network.
const (
	labelRun   = "org.liveorigin.run"      // the plan's name
	labelOwner = "org.liveorigin.owner"    // the process that made it
	labelKeep  = "org.liveorigin.keep"     // present: not to be removed when the owner is gone
	labelPart  = "org.liveorigin.part"     // a Part, as far as it is known before the start, as JSON
	labelPlan  = "org.liveorigin.plan"     // a kept plan, as JSON
	labelStand = "org.liveorigin.stand-in" // on an image: what it is made of
)

// kept is what a later process has to know of a plan.
type kept struct {
	Name    string         `json:"name"`
	Regions []Region       `json:"regions"`
	Profile Profile        `json:"profile"`
	Images  Images         `json:"images"`
	Disk    int64          `json:"disk"`
	Lock    netip.AddrPort `json:"lock"`
}

// labels are those of everything that a plan makes.
func (p Plan) labels() map[string]string {
	m := map[string]string{labelRun: p.Name, labelOwner: owner()}
	if p.Keep {
		m[labelKeep] = "true"
		m[labelPlan] = mustJSON(kept{p.Name, p.Regions, p.Profile, p.Images, p.Disk, p.lock})
	}
	return m
}

// filter finds everything of a plan.
func (p Plan) filter() client.Filters { return client.Filters{}.Add("label", labelRun+"="+p.Name) }

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs always can be
	}
	return string(b)
}

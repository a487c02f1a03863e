package storage

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// Profile is a store's profile as a file has it: what was measured on what, the figures of one replica that follow from it,
// and by how much a model with these figures is off.
type Profile struct {
	Name     string   `yaml:"name"`
	Measured Measured `yaml:"measured"`
	Write    Body     `yaml:"write"`
	Read     Body     `yaml:"read"`
	Pauses   *Pauses  `yaml:"pauses,omitempty"`
	// Capacity is what one zone does when it does nothing else; nil where no limit was seen.
	WriteCapacity *Rates `yaml:"write_capacity,omitempty"`
	ReadCapacity  *Rates `yaml:"read_capacity,omitempty"`
	OneMachine    bool   `yaml:"one_machine"` // has all zones
	Nodes         int    `yaml:"nodes"`       // of a zone
	Fit           []Miss `yaml:"fit"`
}

// Measured says where a profile comes from.
type Measured struct {
	At      time.Time `yaml:"at"`
	Stack   string    `yaml:"stack"`
	Machine string    `yaml:"machine"`
	Images  []string  `yaml:"images,omitempty,flow"`
	Version string    `yaml:"version"` // of liveorigin
	Command string    `yaml:"command"`
	For     Span      `yaml:"for"`
	Calls   int64     `yaml:"calls"`
	Failed  int64     `yaml:"failed"`
}

// Body is a log-normal latency of one replica, and how it grows with size.
type Body struct {
	P50 Span `yaml:"p50"`
	P99 Span `yaml:"p99"`
	// MiBP50 and MiBP99 are what every MiB adds.
	MiBP50 Span `yaml:"mib_p50"`
	MiBP99 Span `yaml:"mib_p99"`
}

// Pauses are Episodes in which one zone does nothing.
type Pauses struct {
	Every Span `yaml:"every"`
	P50   Span `yaml:"p50"`
	P99   Span `yaml:"p99"`
}

// Rates are a Capacity; zero is without limit.
type Rates struct {
	Operations Rate  `yaml:"operations,omitempty"`
	Bytes      Speed `yaml:"bytes,omitempty"`
}

// Miss is by how much the model misses what was measured, in one kind of call: +10% is too slow by a tenth.
type Miss struct {
	Call  string  `yaml:"call"`            // put or get
	Bytes int     `yaml:"bytes,omitempty"` // none: all sizes together
	Calls int64   `yaml:"calls"`
	P50   Percent `yaml:"p50"`
	P99   Percent `yaml:"p99"`
}

// Store is the profile that a Table takes.
func (p *Profile) Store() StoreProfile {
	r := ReplicaProfile{
		Write: p.Write.latency(), WriteMiB: p.Write.perMiB(), Read: p.Read.latency(), ReadMiB: p.Read.perMiB(),
		Capacity: p.WriteCapacity.capacity(), ReadCapacity: p.ReadCapacity.capacity(),
		OneMachine: p.OneMachine, Nodes: p.Nodes,
	}
	if r.Capacity != (Capacity{}) && r.ReadCapacity == (Capacity{}) {
		r.ReadCapacity = Unlimited
	}
	if p.Pauses != nil {
		r.Pauses = Episodes{time.Duration(p.Pauses.Every), Latency{time.Duration(p.Pauses.P50), time.Duration(p.Pauses.P99)}}
	}
	return StoreProfile{Name: p.Name, Replica: r}
}

// Unlimited is the capacity of reads on which there is no limit, where writes have one.
var Unlimited = Capacity{Operations: 1e9}

func (b Body) latency() Latency { return Latency{time.Duration(b.P50), time.Duration(b.P99)} }
func (b Body) perMiB() Latency  { return Latency{time.Duration(b.MiBP50), time.Duration(b.MiBP99)} }

func (r *Rates) capacity() Capacity {
	if r == nil {
		return Capacity{}
	}
	return Capacity{Operations: float64(r.Operations), Bytes: float64(r.Bytes)}
}

// ReadProfile reads a profile's file, strictly (package strictyaml). file is what it is called in messages.
func ReadProfile(file string, src []byte) (*Profile, error) {
	p := new(Profile)
	if err := strictyaml.Read(strictyaml.Kind{Name: "profile", First: "name"}, file, src, p, p.check); err != nil {
		return nil, err
	}
	return p, nil
}

// WriteTo writes the file that ReadProfile reads.
func (p *Profile) WriteTo(w io.Writer) (int64, error) {
	b, err := yaml.Marshal(p)
	if err != nil {
		return 0, fmt.Errorf("write profile %s: %w", p.Name, err)
	}
	return io.Copy(w, io.MultiReader(bytes.NewReader([]byte(profileHeader)), bytes.NewReader(b)))
}

const profileHeader = `# What one replica of a store is like, by "liveorigin calibrate". Latencies are log-normal, given by two percentiles,
# and grow with size by mib_p50 and mib_p99 a MiB; a call of the store takes two of three replicas to write and the first
# to read, unless they stand on one_machine: then all have the call's latency. A write is all that it takes to store a
# segment's first row, which in Cassandra is a claim, a look and the row (origin/cassandra/doc.go). Capacity is one
# zone's. The lines of fit are by how much a model with these figures misses what was measured, over all sizes where
# there is no number of bytes; it was measured at the rate of the command, and says little about much higher ones.
`

package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
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

// The limits on a file: one has some two thousand bytes and six hundred words.
const (
	maxProfileBytes  = 64 << 10
	maxProfileTokens = 4000
	maxProfileDepth  = 4
	maxProfileColumn = 1000
)

// ReadProfile reads a profile's file, strictly: a key that nobody knows is an error, as is a figure that cannot be. file is
// what it is called in messages.
func ReadProfile(file string, src []byte) (*Profile, error) {
	if len(src) > maxProfileBytes {
		return nil, fmt.Errorf("%s: more than %d bytes; this is no profile of a store", file, maxProfileBytes)
	}
	if !utf8.Valid(src) {
		return nil, fmt.Errorf("%s: not text in UTF-8", file)
	}
	tokens := lexer.Tokenize(string(src))
	if err := plain(tokens); err != nil {
		return nil, located(file, err)
	}
	tree, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, located(file, err)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return nil, fmt.Errorf("%s:1:1: a profile is one YAML document, not %d", file, len(tree.Docs))
	}
	p := new(Profile)
	if err := yaml.NodeToValue(tree.Docs[0].Body, p, yaml.Strict()); err != nil {
		return nil, located(file, err)
	}
	if path, err := p.check(); err != nil {
		line, column := place(tree, path)
		return nil, fmt.Errorf("%s:%d:%d: %s: %w", file, line, column, path, err)
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

// plain refuses what a file of figures has no use for, and what can take a parser a long time.
func plain(tokens token.Tokens) error {
	depth := 0
	for i, t := range tokens {
		refuse := func(why string) error { return &yaml.SyntaxError{Message: "a profile has no " + why, Token: t} }
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType, token.MappingKeyType:
			return refuse("anchors, aliases, tags and the like")
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		if depth > maxProfileDepth || t.Position.Column > maxProfileColumn {
			return refuse("such depth")
		}
		if i >= maxProfileTokens {
			return refuse("so many words")
		}
	}
	return nil
}

// located puts file, line and column before what the YAML library has to say.
func located(file string, err error) error {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil || at.GetToken().Position == nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	p := at.GetToken().Position
	return fmt.Errorf("%s:%d:%d: %s", file, p.Line, p.Column, at.GetMessage())
}

// place is where the value at a path stands, or the value around it.
func place(tree *ast.File, path string) (line, column int) {
	p, err := yaml.PathString("$." + path)
	if err != nil {
		return 1, 1
	}
	n, err := p.FilterFile(tree)
	if err != nil || n.GetToken() == nil {
		return 1, 1
	}
	return n.GetToken().Position.Line, n.GetToken().Position.Column
}

package scenarios

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

var update = flag.Bool("update", false, "write golden files anew")

func TestShipped(t *testing.T) {
	names := Names()
	if !slices.IsSortedFunc(names, func(a, b Shipped) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("not sorted: %v", names)
	}
	for _, shipped := range names {
		s, err := Load(shipped.Name)
		if err != nil {
			t.Errorf("%s:\n%v", shipped.Name, err)
			continue
		}
		if s.Duration > time.Minute && s.WallClock() == nil {
			t.Errorf("%s lasts %v; shipped scenarios that run on the wall clock last a minute at most", s.Name, s.Duration)
		}
		if shipped.About != s.About {
			t.Errorf("%s: listed as %q, but is about %q", s.Name, shipped.About, s.About)
		}
		first, rest, _ := bytes.Cut(s.Source, []byte("\n"))
		if string(first) != "# yaml-language-server: $schema=schema.json" || !bytes.HasPrefix(rest, []byte("about: ")) {
			t.Errorf("%s begins with %q; want the schema's line, then about", s.Name, first)
		}
		if len(s.Objectives()) == 0 {
			t.Errorf("%s has no objectives, so it proves nothing", s.Name)
		}
	}
}

// Every fault and every defect has a scenario that shows it.
func TestShippedUseEveryFault(t *testing.T) {
	used := map[string]bool{"none": true} // a run with it is inconclusive by design
	for _, shipped := range Names() {
		s, err := Load(shipped.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range s.FaultSpecs() {
			used[spec.Kind], used[spec.Defect] = true, true
		}
	}
	for _, name := range append(kindNames(), defectNames()...) {
		if !used[name] {
			t.Errorf("no shipped scenario uses %s", name)
		}
	}
}

// The shipped scenarios for the wall clock run on it, and those that need virtual time say so.
func TestShippedOnTheWallClock(t *testing.T) {
	for _, shipped := range Names() {
		s, err := Load(shipped.Name)
		if err != nil {
			t.Fatal(err)
		}
		virtual := slices.Contains([]string{"alerts", "dvr-storm", "event-65m", "half-time", "late-start"}, s.Name)
		if wall := s.WallClock(); (wall != nil) != virtual {
			t.Errorf("%s on the wall clock: %v", s.Name, wall)
		}
		real := slices.Contains([]string{"broken-processes", "cut-store", "disk-full", "starved-store"}, s.Name)
		if models := s.Models(); (models != nil) != real {
			t.Errorf("%s on models: %v", s.Name, models)
		}
		if err := s.Agents(); (err != nil) != (s.Name == "event-65m") {
			t.Errorf("%s one by one: %v", s.Name, err)
		}
	}
}

// What a fault of the table needs or allows must be a key that scenarios have.
func TestFaultKeysExist(t *testing.T) {
	have := (&breakage{}).keys().names()
	for _, kind := range faults.Kinds() {
		for _, k := range append(slices.Clone(kind.Needs), kind.Allows...) {
			if !slices.Contains(have, k) {
				t.Errorf("%s takes %q, which is no key of a fault: %v", kind.Name, k, have)
			}
		}
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "My Own!.yaml")
	src, err := shipped.ReadFile("quiet.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, src, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "My Own!" || s.File != file || s.Event(time.Unix(0, 0)).ID != "my-own" {
		t.Errorf("got name %q, file %q, event %q", s.Name, s.File, s.Event(time.Unix(0, 0)).ID)
	}
	for name, want := range map[string]string{
		"region-los": `unknown scenario "region-los"; did you mean "region-loss"?`,
		"xyzzyxyzzy": `no such file, and the shipped ones are alerts, broken-processes, cache-dead, cache-loss, `,
		"nope.yaml":  `read scenario: open nope.yaml: no such file`,
	} {
		if _, err := Load(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%q): got %v, want %s", name, err, want)
		}
	}
}

func TestSchemaIsCurrent(t *testing.T) {
	if *update {
		if err := os.WriteFile("schema.json", Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("schema.json")
	if err != nil || !bytes.Equal(got, Schema()) {
		t.Fatalf("schema.json is not the one that Schema makes (%v); run go test ./scenarios -update", err)
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaTakesShipped(t *testing.T) {
	s := compileSchema(t)
	for _, shipped := range Names() {
		src, err := os.ReadFile(shipped.Name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(jsonOf(literal(string(src), strictyaml.Position{}))); err != nil {
			t.Errorf("%s: %v", shipped.Name, err)
		}
	}
}

// What an editor marks should be what Parse refuses.
func TestSchemaRefuses(t *testing.T) {
	s := compileSchema(t)
	for _, change := range []Override{
		{"event.durration", "4s"},
		{"event.duration", "4"},
		{"event.ladder", "hdd"},
		{"audience.viewers.peak", "0"},
		{"audience.dvr_share", "5"},
		{"audience.viewers", "null"},
		{"audience.curve", "x.csv"},
		{"audience.adaptive", "1"},
		{"audience.retries", "never"},
		{"audience.manifest", "none"},
		{"delivery.backbone", "400"},
		{"delivery.backbone", "400gbps"},
		{"delivery.site", "3"},
		{"storage.profile", "cassandr"},
		{"phases", "{Warm: 0s}"},
		{"faults", "[{kind: region-los, at: 1s, for: 1s}]"},
		{"faults", "[{kind: region-loss, at: 1s, for: 1s}]"},
		{"faults", "[{kind: region-loss, at: 1s, region: us-east}]"},
		{"faults", "[{kind: region-loss, at: 1s, for: 1s, region: us-east, ppm: 5}]"},
		{"faults", "[{kind: edge-flush, at: 1s, for: 1s}]"},
		{"objectives[0].max", "5"},
		{"objectives[0].after", "x"},
		{"objectives[4].max", "5ms"},
		{"objectives[4].p", "99"},
	} {
		root, r := quietTree(t)
		r.override(root, change)
		if s.Validate(jsonOf(root)) == nil {
			t.Errorf("the schema takes %v", change)
		}
		_, err := Load("quiet", change)
		if p := new(strictyaml.Problems); !errors.As(err, &p) {
			t.Errorf("Parse takes %v: %v", change, err)
		}
	}
}

func quietTree(t *testing.T) (*strictyaml.Node, *reader) {
	t.Helper()
	src, err := shipped.ReadFile("quiet.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, root := newReader("quiet.yaml", src)
	return root, r
}

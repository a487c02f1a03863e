package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra/cqldouble"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/scenarios/databases"
	"github.com/liveorigin/liveorigin/sim/parts"
)

// asPart makes this test's program one part of a stack: the processes that tests start are the program itself.
const asPart = "LIVEORIGIN_STACK_TEST_PART"

func TestMain(m *testing.M) {
	if os.Getenv(asPart) != "" && len(os.Args) == 2 && os.Args[1] == asPart {
		if err := parts.Main(RunPart); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// overDouble is a stack whose origins and edges are processes, over a double of Cassandra in this one.
type overDouble struct {
	*Stack
	processes *Processes
	records   *records
}

func newOverDouble(t *testing.T, besides string) *overDouble {
	t.Helper()
	t.Setenv(asPart, "1")
	sc, err := scenarios.Parse("test.yaml", []byte(small+besides))
	if err != nil {
		t.Fatal(err)
	}
	ps, err := StartProcesses(t.Context(), ProcessesConfig{Scenario: sc, Databases: databasesOver(t, sc), Args: []string{asPart}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	rt, rec := new(origin.Wall), new(records)
	start := time.Now().Add(500 * time.Millisecond).Truncate(time.Millisecond)
	var fs []faults.Fault
	for _, spec := range sc.FaultSpecs() {
		fs = append(fs, faults.New(spec, start, rt))
	}
	s, err := NewOver(context.Background(), ps, sc, sc.Event(start), fs, rt, rec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.Publish()
	return &overDouble{s, ps, rec}
}

// databasesOver are a double's, with a keyspace for the scenario.
func databasesOver(t *testing.T, sc *scenarios.Scenario) databases.Config {
	t.Helper()
	double, err := cqldouble.Start(cqldouble.Config{Nodes: map[string]int{"east": 3, "west": 3}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(double.Close)
	d := databases.Config{Keyspace: "live", Retention: time.Minute, Regions: map[string]databases.Region{}}
	for _, region := range sc.RegionNames() {
		hosts, published := double.Hosts(region)
		d.Regions[region] = databases.Region{Datacenter: region, Hosts: hosts, Published: published}
	}
	if err := d.CreateKeyspace(t.Context(), sc.RegionNames(), "a test"); err != nil {
		t.Fatal(err)
	}
	return d
}

// Of a stack that does not come about, the processes are still the caller's, who ends them.
func TestProcessesOfNoStack(t *testing.T) {
	t.Setenv(asPart, "1")
	sc, err := scenarios.Parse("test.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	ps, err := StartProcesses(t.Context(), ProcessesConfig{Scenario: sc, Databases: databasesOver(t, sc), Args: []string{asPart}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	late, cancel := context.WithCancel(t.Context())
	cancel()
	rt := new(origin.Wall)
	if _, err := NewOver(late, ps, sc, sc.Event(rt.Now()), nil, rt, new(records)); !errors.Is(err, context.Canceled) {
		t.Errorf("made a stack when it was too late: %v", err)
	}
	if dead := ps.Deaths(); len(dead) > 0 {
		t.Errorf("somebody has ended %v", dead)
	}
	if err := ps.Close(); err != nil {
		t.Error(err)
	}
}

// get asks a part for a segment.
func (o *overDouble) get(t *testing.T, at string, n origin.SegmentNumber) origin.Response {
	t.Helper()
	c, err := originhttp.NewClient(o.Addresses()[at], originhttp.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Get(t.Context(), origin.Request{Event: o.Event.ID, Rendition: o.Event.Renditions[0].ID, Number: n})
	if err != nil {
		t.Fatalf("%s, segment %d: %v", at, n, err)
	}
	return r
}

// await waits until a node of east has its own region's candidate.
func (o *overDouble) await(t *testing.T, node string, n origin.SegmentNumber) {
	t.Helper()
	var r origin.Response
	for range 100 {
		if r = o.get(t, node, n); r.OK() && r.Pipeline == "a" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s gives segment %d as %s from %q", node, n, r.Reason, r.Pipeline)
}

func (o *overDouble) act(t *testing.T, v faults.Verb, at faults.Place, offset time.Duration) (undo func()) {
	t.Helper()
	deeds, err := o.processes.Do(t.Context(), faults.Act{Verb: v, At: at, Offset: offset})
	if err != nil || len(deeds) == 0 {
		t.Fatalf("%s %+v: %d deeds, %v", v, at, len(deeds), err)
	}
	return func() {
		for _, d := range deeds {
			if err := d.Undo(t.Context()); err != nil {
				t.Errorf("undo %s of %s: %v", v, d.Part, err)
			}
		}
	}
}

// One life of a stack of processes: segments go through it, nodes tell each other, what is done to processes is done and
// undone, and a region whose origins were all killed knows again what there is.
func TestProcesses(t *testing.T) {
	o := newOverDouble(t, "faults: [{kind: edge-flush, at: 2s}]\n")
	first := o.Event.StartNumber
	time.Sleep(time.Until(o.Event.AvailableAt(first))) // then it is the next one, for which an origin holds
	if r := o.get(t, "east-edge-1", first); !r.OK() || origin.Checksum(r.Object.Body) != r.Object.Digest {
		t.Fatalf("the edge gave %s from %q, digest %08x of %d bytes", r.Reason, r.Pipeline, r.Object.Digest, len(r.Object.Body))
	}
	for _, node := range []string{"east-origin-1/deliver", "east-origin-2/deliver"} {
		o.await(t, node, first) // whoever took it told the other
	}

	o.act(t, faults.SetClock, faults.Place{Node: "west-origin-1"}, time.Minute)()
	if err := o.Strike(o.Faults[0]); err != nil {
		t.Error(err)
	}
	if n := o.Affected(o.Faults[0]); n == 0 {
		t.Error("an edge that forgot everything says that it changed nothing")
	}

	for _, p := range o.processes.all() {
		if _, err := p.Ping(t.Context()); err != nil { // what it recorded is here then
			t.Error(err)
		}
	}
	undo := o.act(t, faults.Kill, faults.Place{Region: "east", Node: faults.AllNodes}, 0)
	if dead := o.processes.Deaths(); len(dead) != 2 {
		t.Errorf("dead are %v", dead)
	}
	time.Sleep(time.Until(o.Event.AvailableAt(first + 1)))
	if r := o.get(t, "east-edge-1", first+1); !r.OK() || r.Pipeline != "b" {
		t.Errorf("without its region's origins the edge gave %s from %q", r.Reason, r.Pipeline)
	}
	undo()
	o.await(t, "east-origin-1/deliver", first)

	undo = o.act(t, faults.Kill, faults.Place{Node: "east-edge-1"}, 0)
	if err := o.Strike(o.Faults[0]); err == nil || !strings.Contains(err.Error(), "east-edge-1") {
		t.Errorf("a flush of an edge that is dead: %v", err)
	}
	undo()

	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if lost := o.processes.Losses(); lost.Dropped+lost.Missing > 0 {
		t.Errorf("lost %+v", lost)
	}
	o.shows(t, "a decision of an origin", func(r origin.Record) bool { return r.Kind == origin.KindDecision && r.Node == "east-origin-2" })
	o.shows(t, "a fetch of an edge", func(r origin.Record) bool { return r.Kind == origin.KindFetch && r.Node == "east-edge-1" })
	o.shows(t, "an edge's flush", func(r origin.Record) bool { return r.Kind == origin.KindFlush && r.Node == "east-edge-1" })
	o.shows(t, "the wrong clock", func(r origin.Record) bool {
		return r.Kind == origin.KindPart && r.LateUs > 59_000_000 && r.AtUs < 20_000_000
	})
}

func (o *overDouble) shows(t *testing.T, what string, is func(origin.Record) bool) {
	t.Helper()
	if !slices.ContainsFunc(o.records.all, is) {
		t.Errorf("no record shows %s", what)
	}
}

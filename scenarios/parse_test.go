package scenarios

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// full uses every key once, with values that no default has.
const full = `about: everything
seed: 18446744073709551615
event:
  duration: 1m
  segment: 2s
  time_shift_buffer: 20s
  publish_delay: 400ms
  retry_budget: 3s
  patience: 700ms
  start_number: 7
  ladder: [v360, a96]
regions:
  west: {pipelines: [w1, w2], origins: 2, zones: 5}
  east: {pipelines: [e], origins: 3}
  asia: {}
storage:
  write: {p50: 6ms, p99: 40ms}
  read: {p50: 3ms, p99: 9ms}
  replication_lag: 1s
  chunk: 64KiB
  recent: 2
audience:
  edges: 3
  viewers: {start: 5, ramp: 20s, peak: 200}
  ladder: v360
  buffer: 6s
  dvr_share: 5%
  scrub: {at: 30s, for: 5s}
  check_every: 2
phases: {zero: 0s, alpha: 10s, mid: 20s}
faults:
  - {kind: media-defect, defect: truncated, pipeline: e, rendition: v360, at: 2s, for: 1500ms}
  - {kind: drift, name: slow-clock, pipeline: e, ppm: -20, at: 4s, for: 1s}
  - {kind: zone-loss, region: west, zone: 5, at: 6s, for: 1s}
  - {kind: media-defect, defect: not-sync, pipeline: e, at: 8s, for: 1s}
  - {kind: edge-flush, edge: east-edge-3, at: 9s}
  - {kind: slow-store, region: asia, delay: 30ms, at: 9s, for: 1s}
objectives:
  - {indicator: live-edge latency, p: 99.9, phase: alpha, region: east, max: 1500ms, min_samples: 500}
  - {indicator: missed segments, max: 3}
  - indicator: recovery time
    after: slow-clock
    max: 4s
`

func TestParseEverything(t *testing.T) {
	s, err := Parse("dir/full.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	audience := Audience{Edges: 3, Viewers: Viewers{Start: 5, Ramp: 20 * time.Second, Peak: 200}, Ladder: "v360", Buffer: 6 * time.Second,
		DVRShare: 0.05, Scrub: Scrub{30 * time.Second, 5 * time.Second}, CheckEvery: 2}
	same(t, "audience", s.Audience, audience)
	same(t, "regions", s.Regions, []Region{
		{"west", []string{"w1", "w2"}, 2, 5}, {"east", []string{"e"}, 3, 3}, {"asia", nil, 1, 3}})
	same(t, "storage", s.Storage, Storage{Embedded, Latency{6 * time.Millisecond, 40 * time.Millisecond},
		Latency{3 * time.Millisecond, 9 * time.Millisecond}, time.Second, "", 64 << 10, 2})
	same(t, "phases", s.Phases(), []reports.Phase{
		{Name: "zero", Until: 10 * time.Second},
		{Name: "alpha", From: 10 * time.Second, Until: 20 * time.Second},
		{Name: "mid", From: 20 * time.Second, Until: time.Minute}})
	same(t, "faults", s.FaultSpecs(), []faults.Spec{
		{ID: "media-defect", Kind: "media-defect", At: 2 * time.Second, For: 1500 * time.Millisecond, Pipeline: "e",
			Rendition: "v360", Defect: "truncated"},
		{ID: "slow-clock", Kind: "drift", At: 4 * time.Second, For: time.Second, Pipeline: "e", PPM: -20},
		{ID: "zone-loss", Kind: "zone-loss", At: 6 * time.Second, For: time.Second, Region: "west", Zone: "5"},
		{ID: "media-defect-2", Kind: "media-defect", At: 8 * time.Second, For: time.Second, Pipeline: "e",
			Defect: "not-sync"},
		{ID: "edge-flush", Kind: "edge-flush", At: 9 * time.Second, Edge: "east-edge-3"},
		{ID: "slow-store", Kind: "slow-store", At: 9 * time.Second, For: time.Second, Region: "asia",
			Delay: 30 * time.Millisecond}})
	same(t, "objectives", s.Objectives(), []reports.Objective{
		{Indicator: "live-edge latency", Percentile: 99.9, Phase: "alpha", Region: "east",
			Max: reports.Limit{Duration: 1500 * time.Millisecond}, MinSamples: 500, File: "dir/full.yaml", Line: 39},
		{Indicator: "missed segments", Max: reports.Limit{Count: 3}, MinSamples: 1, File: "dir/full.yaml", Line: 40},
		{Indicator: "recovery time", After: "slow-clock", Max: reports.Limit{Duration: 4 * time.Second}, MinSamples: 1,
			File: "dir/full.yaml", Line: 41}})
	same(t, "seed", s.Seed, uint64(1<<64-1))
	same(t, "names", [][]string{s.OriginNames("west"), s.EdgeNames("asia"), s.ZoneNames("east"), s.EdgeNames("moon")},
		[][]string{{"west-origin-1", "west-origin-2"}, {"asia-edge-1", "asia-edge-2", "asia-edge-3"}, {"1", "2", "3"}, nil})
}

func TestEvent(t *testing.T) {
	s, err := Parse("full.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Unix(1_800_000_000, 0)
	ev := s.Event(start)
	same(t, "renditions", ids(ev.Renditions), []string{"v360", "a96"})
	ev.Renditions = nil
	same(t, "event", ev, origin.Event{
		ID: "full", AvailabilityStartTime: start, StartNumber: 7, End: start.Add(time.Minute),
		SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: 20 * time.Second, PublishDelay: 400 * time.Millisecond,
		RetryBudget: 3 * time.Second, Patience: 700 * time.Millisecond, LiveEdgeSegments: 3,
		Regions: []origin.RegionPlan{{Name: "west", Pipelines: []string{"w1", "w2"}},
			{Name: "east", Pipelines: []string{"e"}}, {Name: "asia", Pipelines: []string{}}},
	})
}

const least = `about: little
event: {duration: 10s}
regions: {east: {pipelines: [a]}}
audience: {viewers: {peak: 1}}
`

func TestDefaults(t *testing.T) {
	s, err := Parse("least.yaml", []byte(least))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "audience", s.Audience, Audience{Edges: 2, Viewers: Viewers{Peak: 1}, Ladder: "spread",
		Buffer: 4 * time.Second, CheckEvery: 16})
	same(t, "storage", s.Storage, Storage{Embedded, Latency{5 * time.Millisecond, 30 * time.Millisecond},
		Latency{2 * time.Millisecond, 10 * time.Millisecond}, 100 * time.Millisecond, "", 512 << 10, 4})
	same(t, "what is below", []string{s.Machines.Profile, s.Network.Profile}, []string{"unlimited", "loopback"})
	same(t, "delivery", s.Delivery, Delivery{})
	same(t, "phases", s.Phases(), []reports.Phase{{Name: "event", Until: 10 * time.Second}})
	same(t, "regions", s.Regions, []Region{{"east", []string{"a"}, 1, 3}})
	ev := s.Event(time.Unix(0, 0))
	same(t, "times", []time.Duration{ev.SegmentDuration, ev.TimeShiftBufferDepth, ev.PublishDelay, ev.RetryBudget,
		ev.Patience}, []time.Duration{2 * time.Second, 5 * time.Minute, 300 * time.Millisecond, 2 * time.Second,
		500 * time.Millisecond})
	same(t, "numbers", []int{int(ev.StartNumber), int(s.Seed)}, []int{1, 1})
	if len(ev.Renditions) == 0 || len(s.FaultSpecs())+len(s.Objectives()) != 0 {
		t.Errorf("got %d renditions, faults %v, objectives %v", len(ev.Renditions), s.FaultSpecs(), s.Objectives())
	}
}

// A file is the same whatever editor wrote it.
func TestEditors(t *testing.T) {
	for name, src := range map[string]string{
		"carriage returns": strings.ReplaceAll(full, "\n", "\r\n"),
		"byte order mark":  "\ufeff" + full,
		"folded text":      strings.Replace(full, "everything", ">\n  everything", 1),
		"document start":   "---\n" + full,
	} {
		s, err := Parse("full.yaml", []byte(src))
		if err != nil || s.About != "everything" || len(s.Objectives()) != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOverride(t *testing.T) {
	for _, row := range []struct {
		set  string
		got  func(*Scenario) any
		want any
	}{
		{"audience.viewers.peak=50", func(s *Scenario) any { return s.Audience.Viewers.Peak }, 50},
		{"faults[0].for=10s", func(s *Scenario) any { return s.FaultSpecs()[0].For }, 10 * time.Second},
		{"objectives[2].max=5s", func(s *Scenario) any { return s.Objectives()[2].Max.Duration }, 5 * time.Second},
		{"faults=[]", nil, `full.yaml:42:12: there is no fault "slow-clock": the scenario has none`},
		{"event.ladder=[a96, v360]", func(s *Scenario) any { return s.Ladder }, []string{"a96", "v360"}},
		{"about='a: b'", func(s *Scenario) any { return s.About }, "a: b"},
		{"phases.mid=25s", func(s *Scenario) any { return s.Phases()[2].From }, 25 * time.Second},
		{"seed=null", func(s *Scenario) any { return s.Seed }, uint64(1)},
		{"objectives[0]=null", func(s *Scenario) any { return len(s.Objectives()) }, 2},
		{"regions.us-wset=null", nil, `--set regions.us-wset=null: there is no "regions.us-wset" to take out`},
		{"objectives[9]=null", nil, `--set objectives[9]=null: there is no "objectives[9]" to take out`},
		{"audience.viewers.peak=x", nil, `--set audience.viewers.peak=x: "x" is not a whole number`},
		{"audience.viewers.peek=5", nil, `--set audience.viewers.peek=5: unknown key "peek" in audience.viewers; did you mean "peak"?`},
		{"audiance.edges=5", nil, `--set audiance.edges=5: unknown key "audiance"; did you mean "audience"?`},
		{"event.duration.x=5", nil, `--set event.duration.x=5: event.duration is one value; there is no "x" in it`},
		{"faults[6].for=5s", nil, `--set faults[6].for=5s: faults[6] does not exist: the list has 6, from 0`},
		{"event[0]=5s", nil, `--set event[0]=5s: event[0] does not exist: event is a mapping`},
		{"event.duration=[", nil, `--set event.duration=[: "[" is not a value; an empty list is [], text with signs in it is 'quoted'`},
		{"event.duration=", nil, `--set event.duration=: "" is not a value; an empty list is [], text with signs in it is 'quoted'`},
	} {
		o, err := ParseOverride(row.set)
		if err != nil {
			t.Errorf("%s: %v", row.set, err)
			continue
		}
		s, err := Parse("full.yaml", []byte(full), o)
		switch {
		case row.got == nil && (err == nil || strings.Split(err.Error(), "\n")[0] != row.want):
			t.Errorf("%s: got %v, want %v", row.set, err, row.want)
		case row.got != nil && err != nil:
			t.Errorf("%s: %v", row.set, err)
		case row.got != nil:
			same(t, row.set, row.got(s), row.want)
		}
	}
	// What the file leaves out can be set as well.
	s, err := Parse("least.yaml", []byte(least), Override{"audience.scrub.at", "2s"}, Override{"audience.scrub.for", "1s"},
		Override{"audience.dvr_share", "0.5"})
	if err != nil || s.Audience.Scrub != (Scrub{2 * time.Second, time.Second}) {
		t.Errorf("got %v, %v", s, err)
	}
	for _, bad := range []string{"", "x", "=5", "a..b=1", "a b=1", "faults[x]=1", "faults[-1]=2"} {
		if o, err := ParseOverride(bad); err == nil {
			t.Errorf("ParseOverride(%q) = %v; want an error", bad, o)
		}
	}
}

// What virtual time has besides, with values that no default has.
const virtual = `about: what virtual time has besides
event: {duration: 2h, ladder: event}
regions: {west: {pipelines: [w]}, east: {pipelines: [e]}}
storage: {profile: cassandra, write: {p50: 30ms, p99: 140ms}, cache: memcached, chunk: 1020KiB, recent: 0}
machines: {profile: cloud}
network: {profile: world}
delivery: {sites: 50, servers: 70, top_tier: 7, groups: 10, backbone: 2.5Tbps}
audience:
  viewers: {start: 7, ramp: 10m, peak: 65000000, leave: 20m}
  adaptive: true
  rewinds: 0.5%
  retries: ignore
  manifest: refresh
  restarts: {after: 40s, within: 0s, surge: 12}
`

func TestParseVirtual(t *testing.T) {
	s, err := Parse("virtual.yaml", []byte(virtual))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "storage", s.Storage, Storage{Cassandra, Latency{30 * time.Millisecond, 140 * time.Millisecond}, Latency{},
		100 * time.Millisecond, "memcached", 1020 << 10, 0})
	same(t, "what is below", []string{s.Machines.Profile, s.Network.Profile}, []string{"cloud", "world"})
	same(t, "delivery", s.Delivery, Delivery{Sites: 50, Servers: 70, TopTier: 7, Groups: 10, Backbone: 2_500_000_000_000})
	same(t, "audience", s.Audience, Audience{Viewers: Viewers{7, 10 * time.Minute, 65_000_000, 20 * time.Minute},
		Ladder: "spread", Buffer: 4 * time.Second, CheckEvery: 16, Adaptive: true, Rewinds: 0.005, IgnoreLifetimes: true,
		Refresh: true, Restarts: Restarts{40 * time.Second, 0, 12}})
	if len(s.Renditions) != 9 || s.EdgeNames("west") != nil {
		t.Errorf("%d renditions, edges %v", len(s.Renditions), s.EdgeNames("west"))
	}
}

// What a file leaves open follows from what it says.
func TestVirtualDefaults(t *testing.T) {
	for _, row := range []struct {
		set  string
		got  func(s *Scenario) any
		want any
	}{
		{"delivery={}", func(s *Scenario) any { return s.Delivery }, Delivery{6000, 18_000, 60, 240, 400_000_000_000}},
		{"delivery={sites: 50}", func(s *Scenario) any { return s.Delivery }, Delivery{50, 150, 1, 50, 400_000_000_000}},
		{"delivery.backbone=10Mbps", func(s *Scenario) any { return s.Delivery },
			Delivery{6000, 18_000, 60, 240, 10_000_000}},
		{"audience.restarts={}", func(s *Scenario) any { return s.Audience.Restarts },
			Restarts{30 * time.Second, 20 * time.Second, 10}},
		{"storage.profile=object-store", func(s *Scenario) any { return []Latency{s.Storage.Write, s.Storage.Read} },
			[]Latency{{}, {}}},
		{"storage.profile=object-store", func(s *Scenario) any { return s.Event(time.Unix(0, 0)).CrossPublish }, true},
		{"storage.profile=cassandra", func(s *Scenario) any { return s.Event(time.Unix(0, 0)).CrossPublish }, false},
		{"storage.write.p50=1ms", func(s *Scenario) any { return s.Storage.Write },
			Latency{time.Millisecond, 30 * time.Millisecond}},
	} {
		o, err := ParseOverride(row.set)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse("least.yaml", []byte(least), o)
		if err != nil {
			t.Errorf("%s: %v", row.set, err)
			continue
		}
		same(t, row.set, row.got(s), row.want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(least))
	f.Add([]byte(virtual))
	f.Add([]byte(strings.Repeat("[", 500)))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("about: |\n  x\nevent: {duration: 10s"))
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := Parse("fuzz.yaml", src)
		if p := new(strictyaml.Problems); err != nil && !errors.As(err, &p) {
			t.Fatalf("%q: %T %v; want *Problems", src, err, err)
		}
		if err == nil {
			if ev := s.Event(time.Unix(0, 0)); ev.Validate() != nil {
				t.Fatalf("%q: %v", src, ev.Validate())
			}
			if peak := s.Peak(); peak < 1 || peak > maxViewers {
				t.Fatalf("%q: %d viewers at the peak", src, peak)
			}
			if p := new(strictyaml.Problems); s.WallClock() != nil && !errors.As(s.WallClock(), &p) {
				t.Fatalf("%q: %v; want *Problems", src, s.WallClock())
			}
		}
	})
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

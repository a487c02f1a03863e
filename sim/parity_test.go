package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/hurried"
	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/stack"
	"github.com/liveorigin/liveorigin/sim/storage"
)

// One origin, two clocks: the same small worlds are run on the loop and on the wall clock (inside synctest, where an
// event takes no time, and which with -race also finds what a single thread cannot show), and everything that any part
// of them wrote down has to be the same, line by line and to the microsecond. One world is also run over real HTTP.

// worldOfParity is a small event in which nothing is left to chance: with fixed latencies no draw depends on who asks
// first at one instant, where the wall clock has no order, and neither pipeline of west is as fast as the other.
const worldOfParity = `
about: a small world
event: {duration: 16s, ladder: [v360, a96], time_shift_buffer: 10s}
regions:
  east: {pipelines: [a], origins: 2}
  west: {pipelines: [b, c]}
storage: {write: {p50: 7ms, p99: 7ms}, read: {p50: 3ms, p99: 3ms}, replication_lag: 90ms}
audience: {edges: 1, viewers: {peak: 1}}
`

// worlds are what happens in it.
var worlds = []struct{ why, faults string }{
	{"nothing happens", ``},
	{"a region is lost and comes back", `{kind: region-loss, region: east, at: 5s, for: 6s}`},
	{"the only encoder of a region stops", `{kind: pipeline-stop, pipeline: a, at: 5s, for: 6s}`},
	{"every encoder stops: holes", `{kind: pipeline-stop, pipeline: a, at: 5s, for: 4s}, {kind: pipeline-stop, pipeline: b, at: 5s, for: 4s}, {kind: pipeline-stop, pipeline: c, at: 5s, for: 4s}`},
	{"declared holes", `{kind: media-defect, pipeline: a, defect: missing-segment, at: 5s, for: 4s}, {kind: media-defect, pipeline: b, defect: missing-segment, at: 5s, for: 2s}, {kind: media-defect, pipeline: c, defect: missing-segment, at: 5s, for: 2s}`},
	{"one pipeline has defects", `{kind: media-defect, pipeline: a, defect: short-segment, at: 3s, for: 6s}`},
	{"all have, one milder ones", `{kind: media-defect, pipeline: a, defect: decode-time, at: 3s, for: 6s}, {kind: media-defect, pipeline: b, defect: epoch-lock, at: 3s, for: 6s}, {kind: media-defect, pipeline: c, defect: truncated, at: 3s, for: 6s}`},
	{"one is late", `{kind: late-segments, pipeline: a, delay: 1500ms, at: 3s, for: 6s}`},
	{"one is too late", `{kind: late-segments, pipeline: a, delay: 2700ms, at: 3s, for: 6s}`},
	{"one drifts", `{kind: drift, pipeline: a, ppm: 50000, at: 3s, for: 8s}`},
	{"a zone is lost", `{kind: zone-loss, region: east, zone: "2", at: 5s, for: 6s}`},
	{"the store is slow", `{kind: slow-store, region: east, delay: 400ms, at: 5s, for: 6s}`},
	{"the way to publish is slow", `{kind: slow-publish, region: east, delay: 900ms, at: 5s, for: 6s}`},
	{"the edges forget", `{kind: edge-flush, at: 9s}`},
}

func worldScenario(t *testing.T, behind, faults string, storage ...scenarios.Override) *scenarios.Scenario {
	t.Helper()
	sc, err := scenarios.Parse("parity.yaml", []byte(worldOfParity+
		"faults: [{kind: late-segments, pipeline: c, delay: "+behind+", at: 0s, for: 16s}, "+faults+"]\n"), storage...)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func TestParity(t *testing.T) {
	for _, w := range worlds {
		t.Run(w.why, func(t *testing.T) {
			t.Parallel()
			parity(t, worldScenario(t, "11ms", w.faults))
		})
	}
}

// What operators do reaches everybody at the same time on both clocks, and changes the same answers.
func TestParityOfOperations(t *testing.T) {
	for _, w := range []struct{ why, operations string }{
		{"masked and invalidated", `{do: mask, pipeline: a, from: 2s, to: 8s, at: 6500ms}, {do: invalidate, pipeline: a, from: 2s, to: 8s, at: 7500ms}, {do: unmask, of: mask, at: 10500ms}`},
		{"masked in one region", `{do: mask, pipeline: a, region: west, from: 2s, to: 8s, at: 4500ms}`},
		{"redirected, and back", `{do: redirect, pipeline: c, at: 4500ms}, {do: restore, at: 9500ms}`},
		{"a new cache version", `{do: cache-version, at: 6500ms}`},
		{"notices", `{do: notice, text: one, at: 4500ms}, {do: notice, name: two, text: two, at: 4600ms}, {do: withdraw, of: notice, at: 8500ms}`},
		{"an early end", `{do: end, at: 8500ms}, {do: remove, at: 12500ms}`},
	} {
		t.Run(w.why, func(t *testing.T) {
			t.Parallel()
			sc := worldScenario(t, "11ms", "", scenarios.Override{Path: "operations", Value: "[" + w.operations + "]"})
			parity(t, sc)
			told := 0
			for _, line := range playOnLoop(t, sc, stack.Sizes) {
				if strings.Contains(line, " "+origin.KindOperation+" ") && strings.Contains(line, " "+origin.End+" version ") {
					told++
				}
			}
			if want := 5 * len(sc.Operations()); told != want { // three nodes and two edges
				t.Errorf("%d times somebody came to know, want %d", told, want)
			}
		})
	}
}

// The same for other stores than the default, where segments are many rows, and nodes remember less than is asked for.
func TestParityOfStores(t *testing.T) {
	// Two writes, one after the other, must end before anybody asks, and reads not at an instant at which somebody does.
	chunks := []scenarios.Override{{Path: "storage.chunk", Value: "16KiB"}, {Path: "storage.recent", Value: "1"},
		{Path: "storage.write", Value: "{p50: 3200us, p99: 3200us}"}, {Path: "storage.read", Value: "{p50: 2700us, p99: 2700us}"}}
	cached := append([]scenarios.Override{{Path: "storage.cache", Value: "memcached"}}, chunks...)
	for _, w := range []struct {
		why, faults string
		storage     []scenarios.Override
	}{
		{"many rows", ``, chunks},
		{"many rows in a slow store", `{kind: slow-store, region: east, delay: 200ms, at: 5s, for: 6s}`, chunks},
		{"many rows while a region is lost", `{kind: region-loss, region: east, at: 5s, for: 6s}`, chunks},
		{"many rows and a cache", ``, cached},
		{"many rows and a cache that is lost", `{kind: cache-loss, region: east, at: 5s, for: 6s}`, cached},
	} {
		t.Run(w.why, func(t *testing.T) {
			t.Parallel()
			parity(t, worldScenario(t, "11ms", w.faults, w.storage...))
		})
	}
}

// parity plays a world on both clocks, and with and without bytes.
func parity(t *testing.T, sc *scenarios.Scenario) {
	onLoop := playOnLoop(t, sc, stack.CMAF)
	var onWall []string
	synctest.Test(t, func(t *testing.T) { onWall = playOnWall(t, sc) })
	if diff := cmp.Diff(decisive(sc, onWall), decisive(sc, onLoop)); diff != "" || len(onLoop) < 100 {
		t.Errorf("%d lines; -wall clock +loop:\n%s", len(onLoop), clip(diff))
	}
	again := playOnLoop(t, sc, stack.CMAF)
	if diff := cmp.Diff(onLoop, again); diff != "" {
		t.Errorf("the loop is not the same twice:\n%s", clip(diff))
	}
	// Without bytes there is nothing to inspect, but everything comes to the same.
	withoutBytes := playOnLoop(t, sc, stack.Sizes)
	if diff := cmp.Diff(decisive(sc, withoutSizes(onLoop)), decisive(sc, withoutSizes(withoutBytes))); diff != "" {
		t.Errorf("-with bytes +sizes only:\n%s", clip(diff))
	}
}

// decisive takes away what is recorded of a cache that is lost: how many of the rows that are asked for at one instant find
// that out, before it is taken for dead, is another number each time where an instant has no order.
func decisive(sc *scenarios.Scenario, lines []string) []string {
	if sc.Storage.Cache == "" {
		return lines
	}
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return strings.Contains(line, " "+origin.KindReplica+" ")
	})
}

// steadyStorage has tables and caches in which nothing is left to chance: the cache of the scenarios has not.
type steadyStorage struct {
	stack.Storage
	config stack.Config
	caches map[string][]*storage.CacheNode
}

// newSteady is the stack of a world: over a storage of its own where it has a cache.
func newSteady(c stack.Config) (*stack.Stack, error) {
	if c.Scenario.Storage.Cache != "" {
		c.Storage = &steadyStorage{config: c, caches: map[string][]*storage.CacheNode{}}
	}
	return stack.New(context.Background(), c)
}

// Rows implements stack.Storage.
func (s *steadyStorage) Rows(region string) (stack.Rows, error) {
	c := s.config
	table := storage.NewTable(storage.TableConfig{Region: region, Zones: c.Scenario.ZoneNames(region), Runtime: c.Runtime,
		Context: context.Background(), Start: c.Event.AvailabilityStartTime, Recorder: c.Recorder,
		Replica: storage.ReplicaProfile{Write: storage.Latency(c.Scenario.Storage.Write), Read: storage.Latency(c.Scenario.Storage.Read)}})
	rows := stack.Rows{Table: table}
	profile, _ := storage.CacheByName(c.Scenario.Storage.Cache)
	profile.Get, profile.Set, profile.Capacity = storage.Latency{P50: time.Millisecond}, storage.Latency{P50: time.Millisecond}, storage.Capacity{}
	for i := range profile.Nodes {
		node := storage.NewCacheNode(storage.CacheNodeConfig{Name: fmt.Sprint(i), Region: region, Runtime: c.Runtime, Profile: profile})
		s.caches[region] = append(s.caches[region], node)
		rows.Caches = append(rows.Caches, node)
	}
	return rows, nil
}

// Strike implements stack.Storage.
func (s *steadyStorage) Strike(f faults.Striker) {
	for _, region := range s.config.Scenario.RegionNames() {
		for _, node := range s.caches[region] {
			f.Strike(faults.Place{Region: region, Cache: faults.AllNodes}, node)
		}
	}
}

// A diff says enough in its beginning.
func clip(s string) string { return s[:min(len(s), 2500)] }

// lines is a Recorder that writes every record as a line.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Record(r origin.Record) {
	line := fmt.Sprintf("%8d %s %s %s %s %s/%d %s %s %v %v attempts %d wait %d hold %d store %d %s size %d", r.AtUs, r.Kind, r.Region,
		r.Node, r.Upstream, r.Rendition, r.Number, r.Reason, r.Pipeline, r.Defects, r.Candidates, r.Attempts, r.WaitUs, r.HoldUs,
		r.StoreUs, r.Error, r.Size)
	if r.Kind == origin.KindOperation || r.Kind == origin.KindAnswer {
		line += fmt.Sprintf(" %s %s version %d", r.Name, r.Step, r.Count)
	}
	l.mu.Lock()
	l.all = append(l.all, line)
	l.mu.Unlock()
}

// withoutSizes takes away what looped media and a formula must differ in.
func withoutSizes(lines []string) []string {
	var out []string
	for _, line := range lines {
		line, _, _ = strings.Cut(line, " size ")
		out = append(out, line)
	}
	return out
}

// playWorld lets an event take its course, with a viewer at every edge who asks for every segment of every rendition as
// soon as it is available, and a second one who asks for the next one too early and for an old one.
func playWorld(sc *scenarios.Scenario, rt origin.Runtime, start time.Time, make func(stack.Config) (*stack.Stack, error),
	media stack.Media, rec *lines) (*stack.Stack, error) {
	ev := sc.Event(start)
	fs := makeFaults(sc, ev, rt)
	s, err := make(stack.Config{Scenario: sc, Event: ev, Faults: fs, Runtime: rt, Recorder: rec, Wiring: stack.Calls{}, Media: media})
	if err != nil {
		return nil, err
	}
	s.Publish()
	for _, f := range fs {
		rt.Go(func() {
			if rt.Sleep(context.Background(), start.Add(f.Spec().At).Sub(rt.Now())) == nil {
				s.Strike(f)
			}
		})
	}
	for _, o := range sc.Operations() {
		rt.Go(func() {
			if rt.Sleep(context.Background(), start.Add(o.At).Sub(rt.Now())) == nil {
				s.Operate(o)
			}
		})
	}
	for _, e := range s.Edges() {
		for i, r := range ev.Renditions {
			rt.Go(func() { watchWorld(rt, &ev, e.Getter, r.ID, time.Duration(10+i)*time.Millisecond) })
		}
	}
	return s, nil
}

func watchWorld(rt origin.Runtime, ev *origin.Event, g origin.Getter, rendition string, offset time.Duration) {
	ctx := context.Background()
	for n := ev.StartNumber; n <= ev.LastNumber(); n++ {
		_ = rt.Sleep(ctx, ev.AvailableAt(n).Add(offset).Sub(rt.Now()))
		for _, wanted := range []origin.SegmentNumber{n, n + 2, n - 3} {
			rt.Go(func() { _, _ = g.Get(ctx, origin.Request{Event: ev.ID, Rendition: rendition, Number: wanted}) })
			_ = rt.Sleep(ctx, 3*time.Millisecond) // nothing at one instant
		}
	}
}

var worldStart = time.Date(2026, 1, 1, 0, 0, 3, 0, time.UTC)

// worldEnds is when everything in it is over.
const worldEnds = 25 * time.Second

func playOnLoop(t *testing.T, sc *scenarios.Scenario, media stack.Media) []string {
	t.Helper()
	l, rec := loop.New(worldStart.Add(-time.Second)), new(lines)
	s, err := playWorld(sc, l, worldStart, newSteady, media, rec)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(worldStart.Add(worldEnds)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := l.Settle(1_000_000); err != nil {
		t.Fatal(err)
	}
	if n := l.Close(); n > 0 {
		t.Errorf("%d coroutines never ended", n)
	}
	slices.Sort(rec.all)
	return rec.all
}

func playOnWall(t *testing.T, sc *scenarios.Scenario) []string {
	t.Helper()
	rt, rec := new(origin.Wall), new(lines)
	start := rt.Now().Add(time.Second)
	s, err := playWorld(sc, rt, start, newSteady, stack.CMAF, rec)
	if err != nil {
		t.Fatal(err)
	}
	_ = rt.Sleep(context.Background(), start.Add(worldEnds).Sub(rt.Now()))
	s.Close()
	slices.Sort(rec.all)
	return rec.all
}

// Over real HTTP times are not the same to the microsecond, but what was chosen for every segment is.
func TestParityOverHTTP(t *testing.T) {
	t.Parallel()
	faults := `{kind: region-loss, region: east, at: 5s, for: 6s}, {kind: media-defect, pipeline: b, defect: short-segment, at: 3s, for: 10s}`
	sc := worldScenario(t, "450ms", faults) // in the middle between the others' copies and the end of patience: sockets have times of their own
	want := chosen(playOnLoop(t, sc, stack.CMAF))
	for try := 1; ; try++ {
		got := chosen(playOverHTTP(t, sc))
		diff := cmp.Diff(want, got)
		if diff == "" && len(want) >= 20 {
			return
		}
		if try == 3 { // a machine that stood still for a tenth of a second has lost a second of the event
			t.Fatalf("%d segments; -loop +HTTP:\n%s", len(want), clip(diff))
		}
	}
}

func playOverHTTP(t *testing.T, sc *scenarios.Scenario) []string {
	t.Helper()
	rt, rec := hurried.New(), new(lines)
	start := rt.Now().Add(2 * time.Second)
	var clients []*originhttp.Client
	s, err := playWorld(sc, rt, start, func(c stack.Config) (*stack.Stack, error) {
		s, err := stack.NewEmbedded(context.Background(), c.Scenario, c.Event, c.Faults, c.Runtime, c.Recorder)
		if err != nil {
			return nil, err
		}
		for _, e := range s.Edges() {
			client, err := originhttp.NewClient(e.URL, originhttp.ClientOptions{})
			if err != nil {
				return nil, err
			}
			clients = append(clients, client)
			e.Getter = client
		}
		return s, nil
	}, stack.CMAF, rec)
	if err != nil {
		t.Fatal(err)
	}
	_ = rt.Sleep(context.Background(), start.Add(worldEnds).Sub(rt.Now()))
	s.Close()
	for _, c := range clients {
		c.Close()
	}
	return rec.all
}

// chosen lists for every segment what the regions' origins served it as, without times; but for the last one, when the
// fault is over that keeps pipeline c behind b: which of two on-time pipelines comes first is luck over sockets.
func chosen(lines []string) []string {
	set := map[string]bool{}
	for _, line := range lines {
		f := strings.Fields(line)
		if strings.Contains(line, "/8 ") {
			continue
		}
		if f[1] == origin.KindDecision && (strings.Contains(line, " "+string(origin.Published)+" ") || strings.Contains(line, " "+string(origin.Defective)+" ")) {
			before, _, _ := strings.Cut(strings.Join(append(f[2:3:3], f[4:]...), " "), " attempts")
			before, _, _ = strings.Cut(before, "] [")
			set[before] = true
		}
	}
	var out []string
	for line := range set {
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

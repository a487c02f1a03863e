package sim

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// smallEvent has everything that virtual time has, at a size that takes no second.
const smallEvent = `
about: a small event on a delivery network
event: {duration: 18s, ladder: event}
regions:
  us-east: {pipelines: [a], origins: 2}
  us-west: {pipelines: [b], origins: 2}
storage: {profile: cassandra, cache: memcached}
machines: {profile: cloud}
network: {profile: world}
delivery: {sites: 20, servers: 60, top_tier: 2, groups: 4, backbone: 40Gbps}
audience:
  viewers: {start: 1000, ramp: 4s, peak: 100000, leave: 2s}
  adaptive: true
  dvr_share: 4%
  rewinds: 10%
  restarts: {after: 4s, within: 5s, surge: 10}
phases: {arrival: 0s, peak: 4s, fault: 8s, recovery: 14s}
faults:
  - {kind: region-loss, region: us-east, at: 8s, for: 6s}
  - {kind: media-defect, pipeline: b, defect: short-segment, at: 4s, for: 3s}
objectives:
  - {indicator: missed segments, phase: peak, max: 0}
`

func parse(t *testing.T, src string) *scenarios.Scenario {
	t.Helper()
	sc, err := scenarios.Parse("small-event.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// histories are the files that are the same for the same seed.
var histories = []string{historyFile, audienceFile, reports.LoadFile, "capacity.json", "capacity.csv"}

func replayed(t *testing.T, sc *scenarios.Scenario, agents bool) (*reports.Report, map[string][]byte) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "run")
	r, _, err := Replay(context.Background(), sc, ReplayOptions{Options: Options{Out: out, Command: "again", Progress: Quiet{}}, Agents: agents})
	if err != nil {
		t.Fatal(err)
	}
	return r, contents(t, out)
}

func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range histories {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = b
	}
	return files
}

// The same seed gives the same bytes, on one processor or two, as counts and as agents; another seed gives others.
func TestReplayIsTheSame(t *testing.T) {
	for _, agents := range []bool{false, true} {
		report, first := replayed(t, parse(t, smallEvent), agents)
		if len(report.Faults) != 2 || !report.Faults[0].Felt || !report.Faults[1].Felt || report.Counts.Segments < 1_000_000 {
			t.Errorf("agents %v: a world in which little happens proves little: %+v", agents, report.Counts)
		}
		for _, processors := range []int{1, 2} {
			before := runtime.GOMAXPROCS(processors)
			_, again := replayed(t, parse(t, smallEvent), agents)
			runtime.GOMAXPROCS(before)
			for _, name := range histories {
				if !bytes.Equal(first[name], again[name]) {
					t.Errorf("agents %v: %s differs on %d processors", agents, name, processors)
				}
			}
		}
		_, other := replayed(t, parse(t, "seed: 2\n"+smallEvent), agents)
		for _, name := range histories[:3] {
			if bytes.Equal(first[name], other[name]) {
				t.Errorf("agents %v: %s does not depend on the seed", agents, name)
			}
		}
	}
}

// The command, which is built without the race detector, writes the same bytes as this process, which may have it.
func TestReplayIsTheSameInAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	command := filepath.Join(dir, "liveorigin")
	if out, err := exec.Command("go", "build", "-o", command, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, file := filepath.Join(dir, "run"), filepath.Join(dir, "small-event.yaml")
	if err := os.WriteFile(file, []byte(smallEvent), 0o644); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(command, "replay", file, "--quiet", "--out", out).CombinedOutput()
	if !strings.Contains(string(said), "small-event  seed 1") {
		t.Fatalf("%v\n%s", err, said)
	}
	_, here := replayed(t, parse(t, smallEvent), false)
	there := contents(t, out)
	for _, name := range histories[:3] {
		if !bytes.Equal(here[name], there[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

// Every scenario that is short enough for the wall clock comes to its verdict in virtual time as well.
func TestShippedScenariosInVirtualTime(t *testing.T) {
	for _, s := range scenarios.Names() {
		sc, err := scenarios.Load(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if sc.WallClock() != nil || sc.Models() != nil {
			continue
		}
		r, _ := replayed(t, sc, false)
		if r.Verdict != reports.Pass {
			t.Errorf("%s: %s: %s", s.Name, r.Verdict, strings.Join(r.Reasons, "; "))
		}
	}
}

// One viewer after the other comes to what counts of them come to.
func TestAgentsAndCountsAgree(t *testing.T) {
	counts, _ := replayed(t, parse(t, smallEvent), false)
	agents, _ := replayed(t, parse(t, smallEvent), true)
	a, b := counts.Counts, agents.Counts
	for _, f := range []struct {
		what string
		a, b int64
	}{{"segments", a.Segments, b.Segments}, {"requests", a.Requests, b.Requests}, {"bytes", a.Bytes, b.Bytes}} {
		if off := math.Abs(float64(f.b)/float64(f.a) - 1); off > 0.01 {
			t.Errorf("%s: %d counted, %d one by one", f.what, f.a, f.b)
		}
	}
}

func TestReplayIsJudgedAgain(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	sc := parse(t, smallEvent)
	if err := sc.Scale(0.5, 2); err != nil {
		t.Fatal(err)
	}
	r, needs, err := Replay(context.Background(), sc, ReplayOptions{Options: Options{Out: out, Progress: Quiet{}}})
	if err != nil {
		t.Fatal(err)
	}
	again, needsAgain, err := Judge(out)
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != again.Verdict || r.Counts.ViewersPlanned != 50_000 || again.Counts.ViewersPlanned != 50_000 ||
		r.Counts.Segments != again.Counts.Segments || len(needs.Tiers) == 0 || len(needs.Tiers) != len(needsAgain.Tiers) {
		t.Errorf("%s of %d and %d viewers, then %s of %d", r.Verdict, r.Counts.ViewersPlanned, r.Counts.ViewersPeak,
			again.Verdict, again.Counts.ViewersPlanned)
	}
}

// A world that has lost its way ends without a verdict, with the seed, and never hangs.
func TestReplayOfALostWorld(t *testing.T) {
	var enough atomic.Bool
	defer enough.Store(true)
	for why, c := range map[string]struct {
		spoil func(r *replay)
		says  string
	}{
		"a loop at one instant": {func(r *replay) {
			r.loop.Limits = loop.Limits{Instant: 100_000}
			r.loop.Go(func() {
				_ = r.loop.Sleep(context.Background(), 5*time.Second)
				for r.loop.Sleep(context.Background(), 0) == nil {
				}
			})
		}, "the clock stands still"},
		"a coroutine that nobody ends": {func(r *replay) {
			r.drain = 100_000
			r.loop.Go(func() {
				for r.loop.Sleep(context.Background(), time.Millisecond) == nil && r.loop.Elapsed() < 1000*time.Hour {
				}
			})
		}, "still at it"},
		"a panic": {func(r *replay) { r.loop.Go(func() { panic("at the disco") }) }, "at the disco"},
		"code that never gives the thread back": {func(r *replay) {
			r.stuck = 200 * time.Millisecond
			r.loop.Go(func() {
				for !enough.Load() {
					r.history.Record(origin.Record{Kind: origin.KindFetch, Reason: string(origin.Published)})
				}
			})
		}, "did not end within"},
	} {
		sc, err := scenarios.Load("quiet")
		if err != nil {
			t.Fatal(err)
		}
		report, err := replayWith(context.Background(), sc, filepath.Join(t.TempDir(), "run"), c.spoil)
		if err != nil {
			t.Errorf("%s: %v", why, err)
			continue
		}
		reasons := strings.Join(report.Reasons, "\n")
		if report.ExitCode() != 4 || !strings.Contains(reasons, c.says) || !strings.Contains(reasons, "seed 1") {
			t.Errorf("%s: exit %d, %q; want 4 and %q", why, report.ExitCode(), reasons, c.says)
		}
	}
}

// replayWith is Replay with something done to the world before it begins.
func replayWith(ctx context.Context, sc *scenarios.Scenario, out string, spoil func(*replay)) (*reports.Report, error) {
	r := newReplay(sc, Options{Out: out, Progress: Quiet{}})
	if err := r.prepare(false); err != nil {
		return nil, err
	}
	spoil(r)
	if err := r.finish(r.play(ctx)); err != nil {
		return nil, err
	}
	report, _, err := Judge(out)
	return report, err
}

func TestReplayThatIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	sc, err := scenarios.Load("quiet")
	if err != nil {
		t.Fatal(err)
	}
	report, err := replayWith(ctx, sc, filepath.Join(t.TempDir(), "run"), func(r *replay) {
		r.loop.Wake(replayStart.Add(10*time.Second), waker(cancel))
	})
	if err != nil || report.ExitCode() != 4 || !strings.Contains(strings.Join(report.Reasons, " "), reports.Interrupted) {
		t.Errorf("%v: %+v", err, report)
	}
}

// A long history is sampled by the rule that it states, and its counters are exact.
func TestSampledHistory(t *testing.T) {
	dir := t.TempDir()
	h, err := newHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	h.sample(0, 10)
	for i := range 1000 {
		h.Record(origin.Record{Kind: origin.KindFetch, Reason: string(origin.Published)})
		if i%100 == 0 {
			h.Record(origin.Record{Kind: origin.KindFetch, Error: "unreachable"})
			h.Record(origin.Record{Kind: origin.KindFetch, Reason: string(origin.Gap)})
			h.Record(origin.Record{Kind: origin.KindPublish})
		}
	}
	h.counters(1)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, historyFile))
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]int{
		`"kind":"sampling"`: 2, `"reason":"published"`: 100, `"error":"unreachable"`: 10, `"reason":"gap"`: 10,
		`"kind":"publish"`: 10, `"name":"fetch","count":1020`: 1, `"name":"fetch","count":10}`: 1,
	} {
		if got := bytes.Count(b, []byte(what)); got < want-2 || got > want+2 || want < 10 && got != want {
			t.Errorf("%d lines with %s, want %d", got, what, want)
		}
	}
}

// What the harness could not do for a fault is in the history, and the run is no evidence.
func TestFaultThatCouldNotBegin(t *testing.T) {
	r := newReplay(parse(t, smallEvent), Options{Out: filepath.Join(t.TempDir(), "run"), Command: "again", Progress: Quiet{}})
	if err := r.prepare(false); err != nil {
		t.Fatal(err)
	}
	r.loop.After(replayStart.Add(8*time.Second).Sub(r.loop.Now()), waker(func() {
		r.check("storm", "none", nil)
		r.check("storm", "first", errors.New("no door opens"))
		r.check("stop", "second", errors.New("nor here"))
	}))
	if err := r.finish(r.play(t.Context())); err != nil {
		t.Fatal(err)
	}
	report, _, err := Judge(r.Out)
	if err != nil {
		t.Fatal(err)
	}
	if why := "the run did not come to its planned end: storm first: no door opens"; report.Verdict != reports.Inconclusive || !slices.Contains(report.Reasons, why) {
		t.Errorf("%s, %q", report.Verdict, report.Reasons)
	}
	history, err := os.ReadFile(filepath.Join(r.Out, historyFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"kind":"act","step":"begin","what":"storm","target":"first","error":"no door opens"`, `"what":"stop","target":"second"`} {
		if !strings.Contains(string(history), want) {
			t.Errorf("no %s in the history", want)
		}
	}
}

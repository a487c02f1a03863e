package sim

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/containers"
	"github.com/liveorigin/liveorigin/sim/containers/containertest"
	"github.com/liveorigin/liveorigin/sim/parts"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// asPart makes this test's own binary a part of a run on containers.
const asPart = "LIVEORIGIN_TEST_PART"

// bePart is what TestMain does first: where this process is a part, it does not come back.
func bePart() {
	if os.Getenv(asPart) == "" {
		return
	}
	if err := parts.Main(stack.RunPart); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// decisionsLeast is how many segments outside of faults there must be: zone-loss has one region and two renditions.
const decisionsLeast = 10

// What a model of a store is held against. A latency that is further off than wanted is shown and does no harm: the profile
// is of one machine on one day, and a run of half a minute has some fifty publishes, whose p99 is their slowest. One that is
// off by more than offMost times is not a matter of chance or of the day, but of a model of something else.
const (
	measuredAs = "laptop"
	medianWant = 0.10
	tailWant   = 0.25
	offMost    = 5
)

// TestProveContainers runs scenarios on real databases, and in virtual time on a model of them that was measured, and
// compares what was decided and how long publishers and viewers waited.
func TestProveContainers(t *testing.T) {
	if os.Getenv("LIVEORIGIN_PROVE") == "" {
		t.Skip("minutes of wall clock; make prove")
	}
	containertest.Need(t, func() error { _, err := containers.Check(t.Context(), containers.Images{}); return err })
	k6, err := filepath.Abs("../bin/k6")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asPart, "1")
	warmStack(t, k6)
	fmt.Printf("\n%-14s %-10s %-20s %6s %14s %14s %8s %8s  %s\n", "containers vs", "phase", "", "", "p50 ms", "p99 ms", "p50 off",
		"p99 off", "within 10 %")
	fmt.Printf("%-14s %-10s %-20s %6s %14s %14s %8s %8s  %s\n", "model "+measuredAs, "", "", "least", "real   model", "real   model", "", "",
		"and 25 %")
	for _, name := range []string{"quiet", "region-loss", "zone-loss"} {
		t.Run(name, func(t *testing.T) { proveContainers(t, name, k6) })
	}
}

// warmStack sees to a kept stack that has been used: databases that have just started are several times slower for some
// minutes than they are from then on, and it is from then on that they were measured.
func warmStack(t *testing.T, k6 string) {
	kept, err := containers.Attach(t.Context(), containers.Warm)
	if errors.Is(err, containers.ErrNoStack) {
		t.Cleanup(func() {
			if _, err := containers.Down(context.Background(), containers.Warm); err != nil {
				t.Error(err)
			}
		})
		kept, err = containers.Up(t.Context(), containers.Plan{Name: containers.Warm, Profile: containers.Full, Keep: true,
			Regions: containers.Regions([]string{"us-east", "us-west"}, 3)})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range warmRuns {
		runOnContainers(t, "quiet", filepath.Join(t.TempDir(), fmt.Sprint(i)), k6)
	}
}

// warmRuns is how many runs of half a minute nobody looks at.
const warmRuns = 3

// runOnContainers runs a shipped scenario on real databases.
func runOnContainers(t *testing.T, name, out, k6 string) (*scenarios.Scenario, *reports.Report) {
	t.Helper()
	sc, err := scenarios.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), sc, RunOptions{Options: Options{Out: out, Command: "again", Progress: Quiet{}}, K6: k6,
		Stack: Containers, Part: []string{"part"}})
	if err != nil {
		t.Fatal(err)
	}
	return sc, report
}

func proveContainers(t *testing.T, name, k6 string) {
	dir := t.TempDir()
	sc, real := runOnContainers(t, name, filepath.Join(dir, "real"), k6)
	modelled, err := scenarios.Load(name, scenarios.Override{Path: "storage.profile", Value: measuredAs})
	if err != nil {
		t.Fatal(err)
	}
	model, _, err := Replay(context.Background(), modelled, ReplayOptions{
		Options: Options{Out: filepath.Join(dir, "model"), Command: "again", Progress: Quiet{}}})
	if err != nil {
		t.Fatal(err)
	}
	if real.Verdict != model.Verdict {
		fmt.Printf("%-14s verdict %s on containers, %s on the model: %v %v\n", name, real.Verdict, model.Verdict, real.Reasons, model.Reasons)
	}
	compareDecisions(t, sc, real, filepath.Join(dir, "real"), filepath.Join(dir, "model"))
	a, b := waits(t, sc, filepath.Join(dir, "real")), waits(t, sc, filepath.Join(dir, "model"))
	for i, p := range real.Phases {
		compareWaits(t, name, p.Name, "publish", quantilesOf(a[i]), quantilesOf(b[i]))
		for j, r := range p.Regions {
			compareWaits(t, name, p.Name, "live edge "+r.Region, r.Latency, model.Phases[i].Regions[j].Latency)
		}
	}
}

// compareWaits shows by how much the model is off, and fails where that is beyond all reason.
func compareWaits(t *testing.T, scenario, phase, what string, real, model *reports.Quantiles) {
	t.Helper()
	if real == nil || model == nil {
		if real != model {
			t.Errorf("%s %s: latencies on one side only: %+v, %+v", phase, what, real, model)
		}
		return
	}
	median, tail := off(real.P50, model.P50), off(real.P99, model.P99)
	within := "yes"
	if max(median, -median) > medianWant || max(tail, -tail) > tailWant {
		within = "no"
	}
	fmt.Printf("%-14s %-10s %-20s %6d %6.1f %7.1f %6.1f %7.1f %6.0f %% %6.0f %%  %s\n", scenario, phase, what,
		min(real.Samples, model.Samples), real.P50, model.P50, real.P99, model.P99, 100*median, 100*tail, within)
	if r := model.P50 / real.P50; r > offMost || r < 1./offMost {
		t.Errorf("%s %s: p50 %.1f ms, and %.1f ms on the model: more than %d times off", phase, what, real.P50, model.P50, offMost)
	}
}

// compareDecisions fails where another thing was served than on the model, but for whose it was: of two clean candidates
// that come within some milliseconds of each other, whichever is first is served, and that is a draw on either side. While a
// database is away, and until it is back, which takes its time where it is real, it is a draw too whether the origins of
// that region had the segment.
func compareDecisions(t *testing.T, sc *scenarios.Scenario, report *reports.Report, real, model string) {
	t.Helper()
	a, b := decisionsOf(t, sc, real), decisionsOf(t, sc, model)
	var same, all, spared int
	for k, was := range a {
		is, ok := b[k]
		switch {
		case broken(sc, report, k.number):
			spared++
			continue
		case !ok:
			is = "nothing"
		}
		all++
		if withoutPipeline(was) == withoutPipeline(is) {
			same++
		} else {
			t.Errorf("%s %s/%d: %s on containers, %s on the model", k.region, k.rendition, k.number, was, is)
		}
	}
	fmt.Printf("%-14s %d of %d decisions the same; %d more fall into a fault\n", sc.Name, same, all, spared)
	if all < decisionsLeast {
		t.Errorf("only %d decisions to compare", all)
	}
}

// broken says that a segment is due between a fault's beginning and its target's recovery.
func broken(sc *scenarios.Scenario, report *reports.Report, n origin.SegmentNumber) bool {
	due := time.Duration(n-sc.StartNumber+1) * sc.Segment
	return slices.ContainsFunc(report.Faults, func(f reports.FaultReport) bool {
		until := time.Duration(f.UntilMs) * time.Millisecond
		if f.RecoveryMs != nil {
			until += time.Duration(*f.RecoveryMs * float64(time.Millisecond))
		}
		return due > time.Duration(f.FromMs)*time.Millisecond-sc.Segment-sc.PublishDelay && due < until+sc.Segment
	})
}

// waits are how long publishes took that were acknowledged, in milliseconds, by phase.
func waits(t *testing.T, sc *scenarios.Scenario, dir string) [][]float64 {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, reports.HistoryFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	phases := sc.Phases()
	all := make([][]float64, len(phases))
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r origin.Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if r.Kind != origin.KindPublish || r.Reason != string(origin.Stored) {
			continue
		}
		due := time.Duration(r.Number-sc.StartNumber+1) * sc.Segment
		for i, p := range phases {
			if due >= p.From && due < p.Until {
				all[i] = append(all[i], float64(r.WaitUs)/1000)
			}
		}
	}
	return all
}

func quantilesOf(ms []float64) *reports.Quantiles {
	if len(ms) == 0 {
		return nil
	}
	slices.Sort(ms)
	return &reports.Quantiles{P50: ms[len(ms)/2], P99: ms[len(ms)*99/100], Samples: int64(len(ms))}
}

func withoutPipeline(decision string) string {
	words := strings.Fields(decision)
	return strings.Join(slices.Delete(words, min(1, len(words)), min(2, len(words))), " ")
}

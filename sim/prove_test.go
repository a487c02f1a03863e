package sim

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios"
)

// By how much the two clocks may differ, in the median and the 99th percentile of live-edge latency.
const (
	medianMost = 0.10
	tailMost   = 0.25
	// samplesLeast are needed to tell: the standard deviation of the median of 400 viewers, evenly spread over their offsets
	// or not, is at most 5 % of it.
	samplesLeast = 400
)

// TestProveClocks runs every scenario that both clocks can on both, with real servers and k6 on the one, and compares
// what was decided and how long viewers waited.
func TestProveClocks(t *testing.T) {
	if os.Getenv("LIVEORIGIN_PROVE") == "" {
		t.Skip("minutes of wall clock; make prove")
	}
	k6, err := filepath.Abs("../bin/k6")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := FindK6(k6); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\n%-16s %-10s %-9s %14s %14s %8s %8s %10s %9s\n", "wall vs virtual", "phase", "region", "p50 ms", "p99 ms",
		"p50 off", "p99 off", "decisions", "the same")
	for _, s := range scenarios.Names() {
		sc, err := scenarios.Load(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if sc.WallClock() != nil {
			continue
		}
		t.Run(s.Name, func(t *testing.T) { proveClocks(t, sc, k6) })
	}
}

// proveClocks compares up to three times: a machine that others use too can spoil a run on the wall clock; it cannot
// spoil three.
func proveClocks(t *testing.T, sc *scenarios.Scenario, k6 string) {
	for try := 1; ; try++ {
		complaints := compareClocks(t, sc, k6)
		if len(complaints) > 0 && try < 3 {
			fmt.Printf("%-16s try %d: %s\n", sc.Name, try, strings.Join(complaints, "; "))
			continue
		}
		for _, c := range complaints {
			t.Error(c)
		}
		return
	}
}

// compareClocks runs a scenario on both clocks, prints what it measured, and returns what differs too much.
func compareClocks(t *testing.T, sc *scenarios.Scenario, k6 string) (complaints []string) {
	t.Helper()
	dir := t.TempDir()
	o := Options{Out: filepath.Join(dir, "wall"), Command: "again", Progress: Quiet{}}
	wall, err := Run(context.Background(), sc, RunOptions{Options: o, K6: k6})
	if err != nil {
		t.Fatal(err)
	}
	o.Out = filepath.Join(dir, "virtual")
	virtual, _, err := Replay(context.Background(), sc, ReplayOptions{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	say := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	if wall.Verdict != virtual.Verdict {
		say("verdict %s on the wall clock, %s in virtual time: %v %v", wall.Verdict, virtual.Verdict, wall.Reasons, virtual.Reasons)
	}
	same, all := sameDecisions(t, sc, filepath.Join(dir, "wall"), filepath.Join(dir, "virtual"), say)
	for i, p := range wall.Phases {
		for j, w := range p.Regions {
			v := virtual.Phases[i].Regions[j]
			if w.Latency == nil || v.Latency == nil {
				say("%s %s: no latency", p.Name, w.Region)
				continue
			}
			median, tail := off(w.Latency.P50, v.Latency.P50), off(w.Latency.P99, v.Latency.P99)
			fmt.Printf("%-16s %-10s %-9s %6.1f %6.1f  %6.1f %6.1f  %6.1f %%  %6.1f %%  %9d %9d\n", sc.Name, p.Name, w.Region,
				w.Latency.P50, v.Latency.P50, w.Latency.P99, v.Latency.P99, 100*median, 100*tail, all, same)
			if min(w.Latency.Samples, v.Latency.Samples) < samplesLeast {
				continue // a median of a hundred is a tenth off by chance
			}
			if median > medianMost || median < -medianMost || tail > tailMost || tail < -tailMost {
				say("%s %s: p50 off by %.1f %%, p99 by %.1f %%", p.Name, w.Region, 100*median, 100*tail)
			}
		}
	}
	return complaints
}

// off is by how much virtual time differs, as a share of the wall clock's value.
func off(wall, virtual float64) float64 { return virtual/wall - 1 }

// decided names what a region's origins were asked for.
type decidedFor struct {
	region, rendition string
	number            origin.SegmentNumber
}

// sameDecisions compares, for every segment and region, what the region's origins served last. A fault begins and ends
// in the middle of things: which request was the last before it is not the same twice, even on one clock.
func sameDecisions(t *testing.T, sc *scenarios.Scenario, wall, virtual string, say func(string, ...any)) (same, all int) {
	t.Helper()
	a, b := decisionsOf(t, sc, wall), decisionsOf(t, sc, virtual)
	for _, k := range slices.SortedFunc(maps.Keys(a), func(x, y decidedFor) int {
		return strings.Compare(fmt.Sprint(x), fmt.Sprint(y))
	}) {
		if onTheEdge(sc, k.number) {
			continue
		}
		all++
		virtual := cmp.Or(b[k], "nothing")
		if virtual == a[k] {
			same++
			continue
		}
		say("%s %s/%d: %s on the wall clock, %s in virtual time", k.region, k.rendition, k.number, a[k], virtual)
	}
	if all < 20 {
		say("only %d decisions to compare", all)
	}
	return same, all
}

// onTheEdge says that a segment is due where a fault begins or ends.
func onTheEdge(sc *scenarios.Scenario, n origin.SegmentNumber) bool {
	due := time.Duration(n-sc.StartNumber+1) * sc.Segment
	for _, f := range sc.FaultSpecs() {
		for _, edge := range []time.Duration{f.At, f.At + f.For} {
			if due > edge-sc.Segment-sc.PublishDelay && due < edge+sc.Segment+f.Delay {
				return true
			}
		}
	}
	return false
}

// decisionsOf lists what was served last. Where every pipeline publishes in every region, two clean candidates come at
// about the same time, and which comes first is a draw: then only what was served counts, and not whose.
func decisionsOf(t *testing.T, sc *scenarios.Scenario, dir string) map[decidedFor]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, reports.HistoryFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[decidedFor]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r origin.Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		switch origin.Reason(r.Reason) {
		case origin.Published, origin.Defective, origin.Gap:
			if r.Kind == origin.KindDecision {
				if sc.Storage.Profile == scenarios.ObjectStore {
					r.Pipeline = ""
				}
				all[decidedFor{r.Region, r.Rendition, r.Number}] = strings.Join(append([]string{r.Reason, r.Pipeline}, r.Defects...), " ")
			}
		}
	}
	return all
}

package reports

import (
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// operate has operators mask pipeline a's segment 5 from 20 s to 40 s: a node of the east knows after 10 ms, an edge after
// 85 ms, and a node of the west never does.
func (w *world) operate() *world {
	w.plan.Operations = append(w.plan.Operations, OperationPlan{Name: "mask", Target: "a 5", At: 20 * time.Second, Until: 40 * time.Second,
		Masks:    true,
		Concerns: func(a origin.Record) bool { return a.Number == 5 },
		Heeds:    func(a origin.Record) bool { return a.Pipeline != "a" }})
	w.record(origin.Record{Kind: origin.KindOperation, Step: origin.Begin, Name: "mask", What: "mask", AtUs: 20 * second, Count: 2})
	for _, l := range []origin.Record{
		{Node: "east-1", Region: east, Target: "origin", WaitUs: 10_000},
		{Node: "edge-1", Region: east, Target: "edge", WaitUs: 85_000},
		{Node: "west-1", Region: west, Target: "origin", WaitUs: 10_000_000, Error: "timeout"},
	} {
		l.Kind, l.Step, l.AtUs, l.Count = origin.KindOperation, origin.End, 20*second+l.WaitUs, 2
		w.record(l)
	}
	w.answer("east-1", 21*second, 0, "b", 2)
	return w
}

// answer has a node or an edge answer for segment 5 what was asked wait before.
func (w *world) answer(node string, at, wait int64, pipeline string, version int64) {
	region := east
	if strings.HasPrefix(node, west[3:]) {
		region = west
	}
	w.record(origin.Record{Kind: origin.KindAnswer, Node: node, Region: region, Number: 5, Pipeline: pipeline, AtUs: at, WaitUs: wait,
		Reason: string(origin.Published), Count: version})
}

func TestOperations(t *testing.T) {
	for why, c := range map[string]struct {
		node             string
		at, wait         int64
		pipeline         string
		version          int64
		answers, against int64 // besides the one that every world has
	}{
		"heeded":                       {"east-1", 25 * second, 0, "b", 2, 1, 0},
		"not heeded":                   {"east-1", 25 * second, 0, "a", 2, 1, 1},
		"not heeded by an edge":        {"edge-1", 25 * second, 0, "a", 2, 1, 1},
		"before it was made":           {"east-1", 19 * second, 0, "a", 1, 0, 0},
		"before the node knew":         {"east-1", 20*second + 9_000, 0, "a", 1, 0, 0},
		"the instant that it knew":     {"east-1", 20*second + 10_000, 0, "a", 2, 1, 1},
		"asked before it knew":         {"edge-1", 20*second + 200_000, 120_000, "a", 1, 0, 0},
		"never told, soon":             {"west-1", 21 * second, 0, "a", 1, 0, 0},
		"never told, but it had to be": {"west-1", 22 * second, 0, "a", 1, 1, 1},
		"after it was taken back":      {"east-1", 40 * second, 0, "a", 3, 0, 0},
		"of an older version":          {"east-1", 25 * second, 0, "b", 1, 1, 1},
	} {
		w := quiet().operate()
		w.answer(c.node, c.at, c.wait, c.pipeline, c.version)
		w.objective(Objective{Indicator: "masked segments served"})
		w.objective(Objective{Indicator: "answers against operators"})
		r := w.judge(t)
		op := r.Operations[0]
		if op.Answers != 1+c.answers || op.Against != c.against || op.Untold != 1 || *op.NodesMs != 10 || *op.EdgesMs != 85 {
			t.Errorf("%s: %+v; want %d answers more, %d against", why, op, c.answers, c.against)
		}
		for _, o := range r.Objectives {
			if *o.Value != float64(c.against) || o.Samples != 1+c.answers || (o.Verdict == Fail) != (c.against > 0) {
				t.Errorf("%s: %s of %d", why, o.Sentence(), o.Samples)
			}
		}
	}
}

// Two operations that one answer disobeys are one answer; what a region's edges do is not another's.
func TestAnswersAreCountedOnce(t *testing.T) {
	w := quiet().operate()
	again := w.plan.Operations[0]
	again.Name = "mask-2"
	again.Masks = false
	w.plan.Operations = append(w.plan.Operations, again)
	w.record(origin.Record{Kind: origin.KindOperation, Step: origin.Begin, Name: "mask-2", AtUs: 20 * second, Count: 3})
	w.answer("east-1", 30*second, 0, "a", 3)
	w.objective(Objective{Indicator: "answers against operators"}).objective(Objective{Indicator: "answers against operators", Region: west})
	r := w.judge(t)
	if o := r.Objectives[0]; *o.Value != 1 || o.Samples != 2 {
		t.Errorf("%s of %d", o.Sentence(), o.Samples)
	}
	if o := r.Objectives[1]; o.Verdict != Inconclusive {
		t.Errorf("in the west, where nobody asked: %s", o.Sentence())
	}
}

func TestOperationDelays(t *testing.T) {
	w := quiet().operate()
	w.objective(Objective{Indicator: "operation delay at nodes", Percentile: 100, Region: east, Max: ms(100)})
	w.objective(Objective{Indicator: "operation delay at nodes", Percentile: 100, Max: ms(1000)})
	w.objective(Objective{Indicator: "operation delay at edges", Percentile: 100, Max: ms(80)})
	for i, want := range []Verdict{Pass, Fail, Fail} { // who was never told took as long as was waited
		if o := w.judge(t).Objectives[i]; o.Verdict != want {
			t.Errorf("%s: %s, want %s", o.Sentence(), o.Verdict, want)
		}
	}
}

func TestOutdatedNotices(t *testing.T) {
	w := quiet().operate().objective(Objective{Indicator: "outdated notices"})
	if r := w.judge(t); r.Objectives[0].Verdict != Pass {
		t.Error(r.Objectives[0].Sentence())
	}
	w.record(origin.Record{Kind: origin.KindAnswer, Node: "edge-1", Region: east, Number: 9, AtUs: 30 * second, Count: 1, Error: "older"})
	if r := w.judge(t); r.Objectives[0].Verdict != Fail || *r.Objectives[0].Value != 1 {
		t.Error(r.Objectives[0].Sentence())
	}
}

// What was to be done, and was not, is no evidence of anything.
func TestOperationsThatWereNotDone(t *testing.T) {
	for why, change := range map[string]func(*origin.Record){
		`operation mask was not done`:              func(r *origin.Record) { r.Kind = "other" },
		`operation mask was refused: it is a pity`: func(r *origin.Record) { r.Error = "it is a pity" },
	} {
		w := quiet().operate().objective(Objective{Indicator: "missed segments"})
		for i := range w.history {
			if r := &w.history[i]; r.Kind == origin.KindOperation && r.Step == origin.Begin {
				change(r)
			}
		}
		if r := w.judge(t); r.Verdict != Inconclusive || !strings.Contains(strings.Join(r.Reasons, "\n"), why) {
			t.Errorf("%s: %s because of %q", why, r.Verdict, r.Reasons)
		}
	}
}

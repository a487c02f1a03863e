package reports

import (
	"github.com/google/go-cmp/cmp"

	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// missing adds missed segments at second s, without which an objective about them has nothing to find.
func missing(w *world, s, n int64) {
	w.at(s, east, func(l *audienceLine) { l.Missed += n })
	w.line(audienceLine{Kind: "missed", AtUs: s * second, Region: east, Rendition: "v720", Reason: "410 gap", Count: n})
}

func TestVerdicts(t *testing.T) {
	latency := Objective{Indicator: "live-edge latency", Percentile: 99, Max: ms(1500), MinSamples: 500}
	noMiss := Objective{Indicator: "missed segments"}
	for _, tt := range []struct {
		name    string
		world   func() *world
		change  func(*world)
		verdict Verdict
		reason  string // part of the first
	}{
		{"all is well", quiet, func(w *world) { w.objective(latency).objective(noMiss) }, Pass, ""},
		{"no objectives at all", quiet, func(w *world) {}, Inconclusive, "no objectives: nothing was asked of this run"},
		{"no objectives, and wrong bytes", quiet, func(w *world) {
			w.at(30, east, func(l *audienceLine) { l.Wrong = 1 })
		}, Fail, "wrong bytes: 1 of 1280 checked"},
		{"a loss nobody noticed", regionLoss, func(w *world) { w.objective(latency).objective(noMiss) }, Pass, ""},
		{"latency over the limit", quiet, func(w *world) {
			w.objective(Objective{Indicator: "live-edge latency", Percentile: 50, Max: ms(300)})
		}, Fail, "live-edge latency p50: 401.4 ms, limit 300 ms"},
		{"a missed segment", quiet, func(w *world) { missing(w, 30, 1); w.objective(noMiss) }, Fail, "missed segments: 1, limit 0"},
		{"as many missed as may be", quiet, func(w *world) {
			missing(w, 30, 3)
			w.objective(Objective{Indicator: "missed segments", Max: Limit{Count: 3}})
		}, Pass, ""},
		{"too few samples", quiet, func(w *world) {
			w.objective(Objective{Indicator: "missed segments", MinSamples: 10_000})
		}, Inconclusive, "1280 of at least 10000 samples"},
		{"nobody checked the bytes", quiet, func(w *world) {
			w.each("interval", func(l *audienceLine) { l.Unchecked = l.Segments })
			w.objective(Objective{Indicator: "wrong bytes"})
		}, Inconclusive, "wrong bytes: no data"},
		{"no latency was measured", quiet, func(w *world) {
			w.each("interval", func(l *audienceLine) { l.Latency = "" })
			w.objective(latency)
		}, Inconclusive, "0 of at least 500 samples"},
		{"an edge region that does not exist", quiet, func(w *world) {
			w.objective(Objective{Indicator: "missed segments", Region: "mars"})
		}, Inconclusive, "0 of at least 1 samples"},
		{"a fault nobody felt", regionLoss, func(w *world) {
			w.drop(func(r origin.Record) bool { return r.Kind == origin.KindFetch })
		}, Inconclusive, "fault region-loss-1 was not felt: no record shows it at work"},
		{"a fault that changed no call, beside a record that looks like it", regionLoss, func(w *world) {
			w.fault(origin.End, func(r *origin.Record) { r.Count = 0 })
		}, Inconclusive, "fault region-loss-1 was not felt: it changed no call"},
		{"a fault that changed no call, and no record that looks like it", regionLoss, func(w *world) {
			w.fault(origin.End, func(r *origin.Record) { r.Count = 0 })
			w.drop(func(r origin.Record) bool { return r.Kind == origin.KindFetch })
		}, Inconclusive, "fault region-loss-1 was not felt: it changed no call"},
		{"a fault that counted only as it began", regionLoss, func(w *world) {
			w.fault(origin.Begin, func(r *origin.Record) { r.Count = 2 })
			w.fault(origin.End, func(r *origin.Record) { r.Count = 0 })
		}, Inconclusive, "fault region-loss-1 was not felt: it changed no call"},
		{"a fault that changed a single call", regionLoss, func(w *world) {
			w.fault(origin.End, func(r *origin.Record) { r.Count = 1 })
			w.objective(noMiss)
		}, Pass, ""},
		{"a fault that never ended", regionLoss, func(w *world) {
			w.drop(func(r origin.Record) bool { return r.Kind == origin.KindFault && r.Step == origin.End })
		}, Inconclusive, "fault region-loss-1 was not felt: it never ended"},
		{"felt only before it began", regionLoss, func(w *world) {
			for i := range w.history {
				if w.history[i].Kind == origin.KindFetch {
					w.history[i].AtUs = 19 * second
				}
			}
		}, Inconclusive, "fault region-loss-1 was not felt"},
		{"felt six seconds after it ended", regionLoss, func(w *world) {
			w.objective(noMiss)
			for i := range w.history {
				if w.history[i].Kind == origin.KindFetch {
					w.history[i].AtUs = 40 * second
				}
			}
		}, Pass, ""},
		{"felt only long after it ended", regionLoss, func(w *world) {
			for i := range w.history {
				if w.history[i].Kind == origin.KindFetch {
					w.history[i].AtUs = 40*second + 1
				}
			}
		}, Inconclusive, "fault region-loss-1 was not felt"},
		{"a fault that nobody can feel", regionLoss, func(w *world) { w.plan.Faults[0].Felt = nil },
			Inconclusive, "fault region-loss-1 was not felt"},
		{"a fault that never came", regionLoss, func(w *world) {
			w.drop(func(r origin.Record) bool { return r.Kind == origin.KindFault && r.Step == origin.Begin })
		}, Inconclusive, "fault region-loss-1 was never injected"},
		{"no end of the run", quiet, func(w *world) {
			w.drop(func(r origin.Record) bool { return r.Kind == origin.KindRun && r.Step == origin.End })
		}, Inconclusive, "the run has no end in run.jsonl"},
		{"an interrupted run", quiet, func(w *world) { w.history[len(w.history)-1].Reason = Interrupted },
			Inconclusive, "planned end: interrupted"},
		{"a run that broke", quiet, func(w *world) { w.history[len(w.history)-1].Error = "out of files" },
			Inconclusive, "planned end: out of files"},
		{"no end of the audience", quiet, func(w *world) { w.dropLines("end") }, Inconclusive, "the audience has no end"},
		{"an interrupted audience", quiet, func(w *world) { w.each("end", func(l *audienceLine) { l.Interrupted = true }) },
			Inconclusive, "the audience was interrupted"},
		{"one VU of two that never ended", quiet, func(w *world) { w.line(audienceLine{Kind: "viewers", Viewers: 1, VU: 2}) },
			Inconclusive, "1 of the audience's VUs never ended, the first is 2"},
		{"18 of 20 viewers", quiet, func(w *world) { w.each("viewers", func(l *audienceLine) { l.Viewers = 18 }) },
			Inconclusive, "viewers peaked at 18 of 20 planned"},
		{"19 of 20 viewers", quiet, func(w *world) {
			w.each("viewers", func(l *audienceLine) { l.Viewers = 19 })
			w.objective(noMiss)
		}, Pass, ""},
		{"a generator 300 ms late", quiet, func(w *world) {
			w.each("interval", func(l *audienceLine) { l.Lag = histogram(300_000, 10) })
		}, Inconclusive, "sent its requests 301ms late (p99)"},
		{"a generator late once in a thousand", quiet, func(w *world) {
			w.at(30, east, func(l *audienceLine) { l.Lag = histogram(900_000, 1) })
			w.objective(noMiss)
		}, Pass, ""},
		{"missed while the harness stood still", quiet, func(w *world) {
			missing(w, 30, 1)
			w.objective(noMiss).stall(31*second, 1500)
		}, Inconclusive, "the harness stood still for 1.5s from 29.5s on"},
		{"missed six seconds after the harness stood still", quiet, func(w *world) {
			missing(w, 30, 1)
			w.objective(noMiss).stall(24*second, 1500)
		}, Inconclusive, "the harness stood still for 1.5s from 22.5s on"},
		{"missed six seconds after the harness stood still, of segments of one second", quiet, func(w *world) {
			w.plan.Event.SegmentDuration = time.Second
			missing(w, 30, 1)
			w.objective(noMiss).stall(24*second, 1500)
		}, Fail, "missed segments: 1"},
		{"missed long after the harness stood still", quiet, func(w *world) {
			missing(w, 30, 1)
			w.objective(noMiss).stall(20*second, 1500)
		}, Fail, "missed segments: 1"},
		{"missed while the harness stood still for a moment only", quiet, func(w *world) {
			missing(w, 30, 1)
			w.objective(noMiss).stall(30*second, 499)
		}, Fail, "missed segments: 1"},
		{"nothing missed although the harness stood still", quiet, func(w *world) {
			w.objective(noMiss).stall(30*second, 1500)
		}, Pass, ""},
		{"no segments", quiet, func(w *world) { w.dropLines("interval") }, Inconclusive, "no viewer got any segment"},
		{"no audience", quiet, func(w *world) { w.audience = nil }, Inconclusive, "the audience has no end"},
		{"defects without a word which", quiet, func(w *world) { w.at(30, east, func(l *audienceLine) { l.Defective = 3 }) },
			Inconclusive, "3 defective segments were served that no line names"},
		{"a missed objective under half the load proves nothing", quiet, func(w *world) {
			w.each("viewers", func(l *audienceLine) { l.Viewers = 10 })
			missing(w, 30, 1)
			w.objective(noMiss)
		}, Inconclusive, "viewers peaked at 10"},
		{"a missed objective beside a fault nobody felt", regionLoss, func(w *world) {
			w.plan.Faults[0].Felt = nil
			missing(w, 30, 1)
			w.objective(noMiss)
		}, Fail, "missed segments: 1"},
		{"an avoidable defect that no objective asks about", quiet, func(w *world) { w.defect(30, east, 5) },
			Fail, "avoidable defects: 1 of 1 checked"},
		{"wrong bytes under half the load", quiet, func(w *world) {
			w.each("viewers", func(l *audienceLine) { l.Viewers = 10 })
			w.at(30, east, func(l *audienceLine) { l.Wrong = 1 })
		}, Fail, "wrong bytes: 1 of 1280 checked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := tt.world()
			tt.change(w)
			r := w.judge(t)
			if r.Verdict != tt.verdict {
				t.Fatalf("got %s, want %s: %q", r.Verdict, tt.verdict, r.Reasons)
			}
			if want := map[Verdict]int{Pass: 0, Fail: 3, Inconclusive: 4}[tt.verdict]; r.ExitCode() != want {
				t.Errorf("exit code %d, want %d", r.ExitCode(), want)
			}
			if (len(r.Reasons) == 0) != (tt.verdict == Pass) {
				t.Errorf("%s with reasons %q", tt.verdict, r.Reasons)
			}
			if tt.reason != "" && !strings.Contains(r.Reasons[0], tt.reason) {
				t.Errorf("first reason %q does not say %q", r.Reasons[0], tt.reason)
			}
		})
	}
}

// A missed objective in a run that is no evidence is not hidden.
func TestReasonsListFailuresOfInvalidRuns(t *testing.T) {
	w := quiet().objective(Objective{Indicator: "missed segments"})
	missing(w, 30, 2)
	w.dropLines("end")
	r := w.judge(t)
	if got := strings.Join(r.Reasons, "\n"); r.Verdict != Inconclusive || !strings.Contains(got, "missed segments: 2") {
		t.Errorf("%s because of %q; want inconclusive, and the missed segments named", r.Verdict, got)
	}
}

// Every indicator, in a world with nothing in it, and in worlds that lack just what it needs.
func TestNoDataNeverPasses(t *testing.T) {
	begun := regionLoss().plan
	for _, ind := range Indicators() {
		o := Objective{Indicator: ind.Name, Max: Limit{Duration: time.Hour, Count: 1 << 40}}
		if ind.Percentile {
			o.Percentile = 99
		}
		if ind.OfFault {
			o.After = "region-loss"
		}
		full := regionLoss().operate().objective(o)
		full.refuse(20, east, origin.DVR)
		full.ask(20, east, origin.EventLevel, 10, 10)
		full.ask(20, east, origin.SegmentLevel, 10, 10)
		full.watch().alarm("Slow", "", 25, 30, 35)
		if r := full.judge(t); r.Objectives[0].Verdict != Pass {
			t.Errorf("%s: %s in a full world, so that the rest of this test shows nothing", ind.Name, r.Objectives[0].Sentence())
		}
		empty := &world{plan: begun}
		empty.objective(o)
		if r := empty.judge(t); r.Objectives[0].Verdict != Inconclusive || r.Verdict != Inconclusive {
			t.Errorf("%s: %s without any data", ind.Name, r.Objectives[0].Sentence())
		}
		if ind.OfFault {
			continue
		}
		o.Phase = "late"
		after := regionLoss().objective(o)
		after.plan.Phases = append(after.plan.Phases, Phase{"late", time.Hour, 2 * time.Hour})
		if r := after.judge(t); r.Objectives[0].Verdict != Inconclusive {
			t.Errorf("%s: %s in a phase without data", ind.Name, r.Objectives[0].Sentence())
		}
	}
}

func TestAvoidableDefects(t *testing.T) {
	const ack = 10*second + 300_000 // segment 4 of either pipeline
	only := func(pipeline string) func(*world) {
		return func(w *world) {
			w.drop(func(r origin.Record) bool { return r.Kind == origin.KindPublish && r.Pipeline != pipeline })
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*world)
		at     int64
		want   int64
	}{
		{"own region, at the acknowledgement", only("a"), ack, 1},
		{"own region, just before", only("a"), ack - 1, 0},
		{"other region, 250 ms later", only("b"), ack + 250_000, 1},
		{"other region, not yet known here", only("b"), ack + 249_999, 0},
		{"only defective ones", func(w *world) {
			for _, p := range []string{"a", "b"} {
				w.publish(p, func(r *origin.Record) { r.Defects = []string{"short-segment"} })
			}
		}, ack + second, 0},
		{"clean, but refused", func(w *world) {
			for _, p := range []string{"a", "b"} {
				w.publish(p, func(r *origin.Record) { r.Reason = string(origin.Unavailable) })
			}
		}, ack + second, 0},
		{"own is defective, the other one clean", func(w *world) {
			w.publish("a", func(r *origin.Record) { r.Defects = []string{"short-segment"} })
		}, ack + second, 1},
		{"acknowledged again later", func(w *world) {
			only("a")(w)
			w.publish("a", func(r *origin.Record) {
				if r.Number == 4 {
					w.record(origin.Record{Kind: origin.KindPublish, AtUs: r.AtUs + second, Region: east, Pipeline: "a",
						Rendition: r.Rendition, Number: 4, Reason: string(origin.Repeated)})
				}
			})
		}, ack, 1},
	} {
		w := quiet()
		tt.change(w)
		w.at(tt.at/second, east, func(l *audienceLine) { l.Defective += 12 })
		w.line(audienceLine{Kind: "defective", AtUs: tt.at, Region: east, Rendition: "v720", Number: 4, Count: 12})
		r := w.judge(t)
		if got := r.Counts.AvoidableDefects; got != 12*tt.want {
			t.Errorf("%s: %d avoidable of 12, want %d", tt.name, got, 12*tt.want)
		}
		if east := r.Phases[0].Regions[0]; east.Region != "us-east" || east.AvoidableDefects != 12*tt.want || east.DefectiveServed != 12 {
			t.Errorf("%s: phase shows %+v, want 12 defective in us-east", tt.name, east)
		}
	}
}

// An origin may choose a defective candidate long before a viewer gets it: it counts what was known then.
func TestAvoidableAtTheDecision(t *testing.T) {
	const ack = 10*second + 300_000 // segment 4 of either pipeline
	type decision struct {
		at     int64
		region string
		store  int64
	}
	for _, tt := range []struct {
		name      string
		clean     string // the only pipeline with a clean candidate
		decisions []decision
		viewer    int64
		want      int64
	}{
		{"clean after the decision, before the viewer", "a", []decision{{ack - 1, east, 0}}, ack + 9*second, 0},
		{"clean before the decision", "a", []decision{{ack, east, 0}}, ack + 9*second, 1},
		{"other region, not yet known to the one that decided", "b", []decision{{ack + 249_999, east, 0}}, ack + 9*second, 0},
		{"other region, 250 ms before", "b", []decision{{ack + 250_000, east, 0}}, ack + 9*second, 1},
		{"the region that decided, and not the viewer's", "b", []decision{{ack, west, 0}}, ack, 1},
		{"of two decisions the latest", "a", []decision{{ack, east, 0}, {ack - 1, east, 0}}, ack + 9*second, 1},
		{"two at once, of which one knew", "a", []decision{{ack, west, 0}, {ack, east, 0}}, ack + 9*second, 1},
		{"two at once, of which neither knew", "a", []decision{{ack - 1, east, 0}, {ack - 1, west, 0}}, ack + 9*second, 0},
		{"clean while the one that was chosen was read", "a", []decision{{ack + second, east, second + 1}}, ack + 9*second, 0},
		{"clean when the one that was chosen began to be read", "a", []decision{{ack + second, east, second}}, ack + 9*second, 1},
		{"no decision: before the viewer", "a", nil, ack, 1},
		{"no decision: after the viewer", "a", nil, ack - 1, 0},
	} {
		w := quiet()
		for _, p := range []string{"a", "b"} {
			w.publish(p, func(r *origin.Record) {
				if p != tt.clean {
					r.Defects = []string{"short-segment"}
				}
			})
		}
		for _, d := range tt.decisions {
			w.record(origin.Record{Kind: origin.KindDecision, AtUs: d.at, Region: d.region, StoreUs: d.store, Rendition: "v720", Number: 4,
				Reason: string(origin.Defective)})
		}
		// Neither what was decided of other segments counts, nor other reasons.
		for _, other := range []origin.Record{
			{Rendition: "v720", Number: 5, Reason: string(origin.Defective)},
			{Rendition: "aac", Number: 4, Reason: string(origin.Defective)},
			{Rendition: "v720", Number: 4, Reason: string(origin.Published)},
		} {
			other.Kind, other.AtUs, other.Region = origin.KindDecision, ack+20*second, east
			w.record(other)
		}
		w.line(audienceLine{Kind: "defective", AtUs: tt.viewer, Region: east, Rendition: "v720", Number: 4, Count: 12})
		if got := w.judge(t).Counts.AvoidableDefects; got != 12*tt.want {
			t.Errorf("%s: %d avoidable of 12, want %d", tt.name, got, 12*tt.want)
		}
	}
}

func TestPhasesGoByTheirTimes(t *testing.T) {
	w := quiet()
	for _, s := range []int64{19, 20, 39, 40} {
		missing(w, s, s)
	}
	var got []int64
	for _, ph := range w.judge(t).Phases {
		got = append(got, ph.Regions[0].Missed, ph.Regions[1].Missed)
	}
	want := []int64{19, 0, 20 + 39, 0, 40, 0}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("missed by phase and region: %v, want %v", got, want)
		}
	}
}

func TestServedFrom(t *testing.T) {
	w := regionLoss()
	w.line(audienceLine{Kind: "interval", AtUs: 35 * second, Region: east, ServedRegion: east, Pipeline: "a", Segments: 30})
	r := w.judge(t)
	want := map[int64]Share{19: {east, "a", 10}, 20: {west, "b", 10}, 34: {west, "b", 10}, 35: {east, "a", 30}, 36: {east, "a", 10}}
	for _, s := range r.Served {
		if first, ok := want[s.Second]; ok && s.Region == east {
			if s.From[0] != first {
				t.Errorf("second %d came most from %+v, want %+v", s.Second, s.From[0], first)
			}
			delete(want, s.Second)
		}
		if s.Second == 35 && s.Region == east && (len(s.From) != 2 || s.Segments != 40) {
			t.Errorf("second 35: %+v, want both variants and 40 segments", s)
		}
	}
	if len(want) > 0 {
		t.Errorf("seconds without a share: %v", want)
	}
	strip := strings.Join(r.stripLines(), "\n")
	// A column is a segment: two seconds. The one of 34 s and 35 s is mixed.
	east := "eeeeeeeeee" + "wwwwwww" + "E" + strings.Repeat("e", 14)
	if !strings.Contains(strip, east) || !strings.Contains(strip, "e = us-east/a, w = us-west/b") {
		t.Errorf("strip\n%s\nwant a row %s and its legend", strip, east)
	}
}

// Files are written by several writers at once, and a generator may split its lines over shards.
func TestOrderAndShardsDoNotMatter(t *testing.T) {
	whole := regionLoss()
	whole.plan.Objectives = goldenObjectives()
	whole.defect(30, west, 13)
	missing(whole, 22, 3)
	want := reportJSON(t, whole.judge(t))
	if again := reportJSON(t, whole.judge(t)); !bytes.Equal(again, want) {
		t.Fatal("the same files give different reports")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		w := &world{plan: whole.plan, history: append([]origin.Record{}, whole.history...)}
		for _, l := range whole.audience {
			if l.Kind == "interval" && rng.IntN(2) == 0 { // a second shard saw three of the ten requests
				part := l
				part.Requests, part.Segments, part.Bytes, part.Held = 3, 3, 300, 1
				part.Latency, part.TTFB, part.Lag = histogram(400_000, 3), histogram(20_000, 3), histogram(900, 3)
				part.Missed, part.Defective, part.Switches = 0, 0, 0
				l.Requests, l.Segments, l.Bytes, l.Held = l.Requests-3, l.Segments-3, l.Bytes-300, l.Held-1
				l.Latency, l.TTFB, l.Lag = histogram(400_000, 7), histogram(20_000, 7), histogram(900, 7)
				w.line(part)
			}
			w.line(l)
		}
		rng.Shuffle(len(w.history), func(i, j int) { w.history[i], w.history[j] = w.history[j], w.history[i] })
		rng.Shuffle(len(w.audience), func(i, j int) { w.audience[i], w.audience[j] = w.audience[j], w.audience[i] })
		if got := reportJSON(t, w.judge(t)); !bytes.Equal(got, want) {
			t.Fatalf("shuffled shards give another report:\n%s\nwant\n%s", got, want)
		}
	}
}

func reportJSON(t testing.TB, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPlansThatCannotBeJudged(t *testing.T) {
	for _, tt := range []struct {
		want   string
		change func(*Plan)
	}{
		{"event has no id", func(p *Plan) { p.Event = origin.Event{} }},
		{"no such indicator", func(p *Plan) { p.Objectives = []Objective{{Indicator: "mood"}} }},
		{"percentile 0", func(p *Plan) { p.Objectives = []Objective{{Indicator: "live-edge latency"}} }},
		{"percentile 101", func(p *Plan) { p.Objectives = []Objective{{Indicator: "live-edge latency", Percentile: 101}} }},
		{"percentile 50", func(p *Plan) { p.Objectives = []Objective{{Indicator: "missed segments", Percentile: 50}} }},
		{`no phase "dusk"`, func(p *Plan) { p.Objectives = []Objective{{Indicator: "missed segments", Phase: "dusk"}} }},
		{`no fault "flood"`, func(p *Plan) { p.Objectives = []Objective{{Indicator: "recovery time", After: "flood"}} }},
		{`after ""`, func(p *Plan) { p.Objectives = []Objective{{Indicator: "recovery time"}} }},
		{"has no region", func(p *Plan) { p.Objectives = []Objective{{Indicator: "unpublished segments", Region: east}} }},
		{"an id of its own", func(p *Plan) { p.Faults = append(p.Faults, p.Faults[0]) }},
		{"an end that is not before", func(p *Plan) { p.Faults[0].Until = 0 }},
	} {
		w := regionLoss()
		tt.change(&w.plan)
		_, err := Judge(w.plan, strings.NewReader(""), strings.NewReader(""))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got error %v, want one that says %q", err, tt.want)
		}
	}
}

func TestDefectsAreNamedByPipeline(t *testing.T) {
	w := quiet()
	serve := func(s int64, n origin.SegmentNumber, pipeline string, count int64, defects ...string) {
		w.line(audienceLine{Kind: "defective", AtUs: s * second, Region: east, Rendition: "v720", Number: n,
			Pipeline: pipeline, Defects: defects, Count: count})
	}
	serve(30, 15, "a", 7, "decode-time")
	serve(31, 15, "a", 5, "decode-time")
	serve(36, 16, "a", 1, "decode-time")
	serve(30, 15, "b", 2, "short-segment")
	w.publish("a", func(r *origin.Record) { r.Defects = []string{"decode-time"} })
	w.publish("b", func(r *origin.Record) {
		if r.Number == 15 {
			r.Defects = []string{"short-segment"}
		}
	})
	want := []DefectReport{
		{Defects: []string{"short-segment"}, Pipeline: "b", FromMs: 30_000, UntilMs: 30_000, Segments: 1, Served: 2},
		{Defects: []string{"decode-time"}, Pipeline: "a", FromMs: 30_000, UntilMs: 36_000, Segments: 2, Served: 13, Avoidable: 1},
	}
	if diff := cmp.Diff(want, w.judge(t).Defects); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

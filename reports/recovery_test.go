package reports

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// In regionLoss pipeline a is back with segment 16, available at 34 s and acknowledged, in its slower rendition, at
// 34.35 s.
func TestRecovery(t *testing.T) {
	late := func(w *world, pipeline string, numbers ...origin.SegmentNumber) {
		w.publish(pipeline, func(r *origin.Record) {
			for _, n := range numbers {
				if r.Number == n && r.Rendition == "aac" {
					r.LateUs, r.AtUs = 1_000_001, r.AtUs-r.LateUs+1_000_001
				}
			}
		})
	}
	stall := func(w *world, seconds ...int64) {
		for _, s := range seconds {
			w.at(s, west, func(l *audienceLine) { l.Stalled = 1 })
		}
	}
	from := func(first, count int64) (ns []int64) {
		for i := range count {
			ns = append(ns, first+i)
		}
		return ns
	}
	// lost is from when to when, in seconds, pipeline a published nothing.
	lost := func(w *world, from, until int64) {
		w.drop(func(r origin.Record) bool {
			return r.Kind == origin.KindPublish && r.Pipeline == "a" && r.AtUs >= from*second && r.AtUs < until*second
		})
	}
	another := func(w *world, f FaultPlan) {
		f.Kind = "other"
		w.plan.Faults = append(w.plan.Faults, f)
	}
	for _, tt := range []struct {
		name   string
		change func(*world)
		ms     float64 // -1 for none
		why    string
	}{
		{"with the first segment", func(w *world) {}, 350, "recovered"},
		{"it was late; the next one", func(w *world) { late(w, "a", 16) }, 2350, "recovered"},
		{"defective; the one after", func(w *world) {
			w.publish("a", func(r *origin.Record) {
				if r.Number == 16 || r.Number == 17 {
					r.Defects = []string{"truncated"}
				}
			})
		}, 4350, "recovered"},
		{"every second one late is no recovery until it stops", func(w *world) { late(w, "a", 16, 18, 20) }, 10_350, "recovered"},
		{"noise twenty seconds on does not count", func(w *world) { late(w, "a", 26) }, 350, "recovered"},
		{"never back", func(w *world) {
			w.drop(func(r origin.Record) bool { return r.Pipeline == "a" && r.AtUs > 34*second })
		}, -1, "not recovered: pipeline a"},
		{"the other pipeline's trouble is not the fault's", func(w *world) { late(w, "b", 16, 17, 18) }, 350, "recovered"},
		{"viewers stall for three seconds", func(w *world) { stall(w, 34, 35, 36) }, 3000, "recovered"},
		{"viewers stall, rest three seconds, stall", func(w *world) { stall(w, 34, 38) }, 5000, "recovered"},
		{"viewers stall again after four", func(w *world) { stall(w, 34, 39) }, 1000, "recovered"},
		{"before the end is not after it", func(w *world) { stall(w, 33) }, 350, "recovered"},
		{"viewers stall to the end", func(w *world) { stall(w, from(34, 30)...) }, -1, "not recovered: viewers"},
		{"nobody watches any more", func(w *world) {
			w.each("interval", func(l *audienceLine) {
				if l.AtUs >= 34*second {
					l.Segments = 0
				}
			})
		}, -1, "unknown: no viewer asked"},
		{"an instant fault that nothing came of", func(w *world) {
			*w = *quiet()
			w.plan.Faults = []FaultPlan{{ID: "region-loss-1", Kind: "region-loss", Pipelines: []string{"a"},
				From: 30 * time.Second, Until: 30 * time.Second}}
		}, 0, "recovered"},
		{"an instant fault that delays the next two", func(w *world) {
			*w = *quiet()
			w.plan.Faults = []FaultPlan{{ID: "region-loss-1", Kind: "region-loss", Pipelines: []string{"a"},
				From: 30 * time.Second, Until: 30 * time.Second}}
			late(w, "a", 14, 15) // of which 14 was available at 30 s
		}, 4350, "recovered"},
		{"the next fault begins first", func(w *world) {
			late(w, "a", 16)
			another(w, FaultPlan{ID: "b", From: 38 * time.Second, Until: 40 * time.Second, Pipelines: []string{"a"}})
		}, -1, "unknown: fault b began"},
		{"the next fault begins later", func(w *world) {
			stall(w, from(40, 20)...)
			another(w, FaultPlan{ID: "b", From: 40 * time.Second, Until: 60 * time.Second, Pipelines: []string{"a"}})
		}, 350, "recovered"},
		{"another fault is still at work", func(w *world) {
			stall(w, from(34, 30)...)
			another(w, FaultPlan{ID: "b", From: 10 * time.Second, Until: 60 * time.Second})
		}, -1, "unknown: fault b was at work"},
		{"another fault of the pipeline outlasts it, and began first", func(w *world) {
			another(w, FaultPlan{ID: "b", From: 10 * time.Second, Until: 40 * time.Second, Pipelines: []string{"a"}})
		}, -1, "unknown: fault b was at work"},
		{"another fault of the pipeline outlasts it, and began later", func(w *world) {
			another(w, FaultPlan{ID: "b", From: 30 * time.Second, Until: 40 * time.Second, Pipelines: []string{"a"}})
		}, -1, "unknown: fault b was at work"},
		{"another fault of the pipeline outlasts it, and nothing is well again", func(w *world) {
			lost(w, 34, 70)
			another(w, FaultPlan{ID: "b", From: 30 * time.Second, Until: 40 * time.Second, Pipelines: []string{"a"}})
		}, -1, "unknown: fault b was at work"},
		{"it outlasts another fault of the pipeline", func(w *world) {
			another(w, FaultPlan{ID: "b", From: 10 * time.Second, Until: 33 * time.Second, Pipelines: []string{"a"}})
		}, 350, "recovered"},
		{"it ends with another fault of the pipeline", func(w *world) {
			another(w, FaultPlan{ID: "b", From: 10 * time.Second, Until: 34 * time.Second, Pipelines: []string{"a"}})
		}, 350, "recovered"},
		{"a fault of the other pipeline outlasts it", func(w *world) {
			another(w, FaultPlan{ID: "b", From: 30 * time.Second, Until: 40 * time.Second, Pipelines: []string{"b"}})
		}, 350, "recovered"},
		{"two instant faults at once are judged as one", func(w *world) {
			stall(w, 30, 31)
			w.plan.Faults = nil
			for _, id := range []string{"b", "c"} {
				another(w, FaultPlan{ID: id, From: 30 * time.Second, Until: 30 * time.Second})
			}
		}, 2000, "recovered"},
		{"no pipelines, and the run ends two seconds later", func(w *world) {
			w.plan.Faults[0].Pipelines, w.plan.Faults[0].Until = nil, 62*time.Second
		}, -1, "unknown: the event ended too soon"},
		{"it ends after the event", func(w *world) {
			w.plan.Faults[0].Until = 63 * time.Second
		}, -1, "unknown: the event ended too soon"},
		{"lost to the end, with two segments after it", func(w *world) {
			w.plan.Faults[0].Until = 57 * time.Second
			lost(w, 50, 70)
		}, -1, "unknown: the event ended too soon"},
		{"lost to the end, with three segments after it", func(w *world) {
			w.plan.Faults[0].Until = 56 * time.Second
			lost(w, 50, 70)
		}, -1, "not recovered: pipeline a"},
		{"lost while it lasted, and well for the two segments after it", func(w *world) {
			w.plan.Faults[0].Until = 57 * time.Second
			lost(w, 50, 57)
		}, -1, "unknown: the event ended too soon"},
		{"lost while it lasted, and the run is over three segments later, before the third is due", func(w *world) {
			lost(w, 39, 70)
			w.drop(func(r origin.Record) bool { return r.AtUs >= 38*second+900_000 })
			w.audience = slices.DeleteFunc(w.audience, func(l audienceLine) bool { return l.AtUs >= 39*second })
		}, -1, "unknown: the run ended too soon"},
		{"viewers hurt to the end, with two segments after it", func(w *world) {
			w.plan.Faults[0].Pipelines, w.plan.Faults[0].Until = nil, 57*time.Second
			stall(w, from(57, 10)...)
		}, -1, "unknown: the event ended too soon"},
		{"viewers hurt to the end, with three segments after it", func(w *world) {
			w.plan.Faults[0].Pipelines, w.plan.Faults[0].Until = nil, 56*time.Second
			stall(w, from(56, 10)...)
		}, -1, "not recovered: viewers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := regionLoss()
			tt.change(w)
			got := w.judge(t).Faults[0]
			switch {
			case !strings.HasPrefix(got.Recovery, tt.why):
				t.Errorf("recovery %q, want %q", got.Recovery, tt.why)
			case tt.ms < 0 && got.RecoveryMs != nil:
				t.Errorf("recovery %v ms, want none", *got.RecoveryMs)
			case tt.ms >= 0 && (got.RecoveryMs == nil || *got.RecoveryMs != tt.ms):
				t.Errorf("recovery %+v, want %v ms", got, tt.ms)
			}
		})
	}
}

func TestRecoveryObjective(t *testing.T) {
	never := func(w *world) {
		w.drop(func(r origin.Record) bool { return r.Pipeline == "a" && r.AtUs > 34*second })
	}
	for _, tt := range []struct {
		name    string
		max     int64
		change  func(*world)
		verdict Verdict
		value   bool
		breach  int64 // ms
	}{
		{"at the limit", 350, func(w *world) {}, Pass, true, 0},
		{"over it", 349, func(w *world) {}, Fail, true, 34_349},
		{"never", 9000, never, Fail, false, 43_000},
		{"too soon to say", 9000, func(w *world) { w.plan.Faults[0].Until = 63 * time.Second }, Inconclusive, false, 0},
		{"not felt", 9000, func(w *world) { w.plan.Faults[0].Felt = nil }, Inconclusive, true, 0},
		{"too few viewers", 9000, func(w *world) { w.plan.Objectives[0].MinSamples = 10_000 }, Inconclusive, true, 0},
		{"the other of two was over a moment before", 350, func(w *world) {
			f := w.plan.Faults[0]
			f.ID, f.Until = "region-loss-0", f.Until-300*time.Millisecond
			w.plan.Faults = append([]FaultPlan{f}, w.plan.Faults...)
			w.record(origin.Record{Kind: origin.KindFault, Step: origin.Begin, Name: f.ID})
			w.record(origin.Record{Kind: origin.KindFault, Step: origin.End, Name: f.ID, Count: 1})
		}, Pass, true, 0},
		{"one of two faults never", 9000, func(w *world) {
			never(w)
			f := w.plan.Faults[0]
			f.ID, f.From, f.Until = "region-loss-0", 10*time.Second, 10*time.Second
			f.Felt = func(origin.Record) bool { return true }
			w.plan.Faults = append([]FaultPlan{f}, w.plan.Faults...)
			w.record(origin.Record{Kind: origin.KindFault, Step: origin.Begin, Name: f.ID})
			w.record(origin.Record{Kind: origin.KindFault, Step: origin.End, Name: f.ID, Count: 1})
		}, Fail, false, 43_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := regionLoss().objective(Objective{Indicator: "recovery time", After: "region-loss", Max: ms(tt.max)})
			tt.change(w)
			got := w.judge(t).Objectives[0]
			if got.Verdict != tt.verdict || (got.Value != nil) != tt.value {
				t.Fatalf("%s: %s", got.Verdict, got.Sentence())
			}
			if (got.FirstBreach != nil) != (tt.breach > 0) || tt.breach > 0 && got.FirstBreach.FromMs != tt.breach {
				t.Errorf("first breach %+v, want at %d ms", got.FirstBreach, tt.breach)
			}
			if tt.breach > 0 && got.Fault != "region-loss-1" {
				t.Errorf("breach is attributed to %q", got.Fault)
			}
		})
	}
}

// What was done to real parts lasts until it was undone, and the recovery is counted from then; a busy harness's few
// milliseconds are not.
func TestFaultsLastUntilTheyAreOver(t *testing.T) {
	for late, until := range map[int64]int64{0: 30_000, 200_000: 30_000, 6 * second: 36_000} {
		w := quiet()
		w.plan.Faults = []FaultPlan{{ID: "f", Kind: "x", From: 20 * time.Second, Until: 30 * time.Second}}
		w.record(origin.Record{Kind: origin.KindFault, Step: origin.Begin, Name: "f", AtUs: 20 * second})
		w.record(origin.Record{Kind: origin.KindFault, Step: origin.End, Name: "f", AtUs: 30*second + late, Count: 1})
		if got := w.judge(t).Faults[0].UntilMs; got != until {
			t.Errorf("a fault that ended %d us late lasted until %d ms, want %d", late, got, until)
		}
		if w.plan.Faults[0].Until != 30*time.Second {
			t.Error("the caller's plan was changed")
		}
	}
}

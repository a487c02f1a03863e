package reports

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/origin"
)

func TestWorstWindowAndFirstBreachOfCounts(t *testing.T) {
	w := quiet().objective(Objective{Indicator: "missed segments", Phase: "fault", Max: Limit{Count: 3}})
	for s, n := range map[int64]int64{19: 50, 22: 2, 30: 1, 33: 1, 34: 3, 35: 1, 40: 50} {
		missing(w, s, n)
	}
	got := w.judge(t).Objectives[0]
	if *got.Value != 8 || got.Samples != 20*20+8 || got.Verdict != Fail {
		t.Errorf("%+v, want 8 of 408 in the phase alone, and a fail", got)
	}
	// 30 to 34 has five, 31 to 35 as well, and so has 33 to 37: the earliest counts.
	if want := (Window{30_000, 35_000, 5}); *got.WorstWindow != want {
		t.Errorf("worst window %+v, want %+v", *got.WorstWindow, want)
	}
	// 2 at 22, 3 at 30, 4 at 33: that is the first above 3.
	if want := (Window{33_000, 34_000, 4}); *got.FirstBreach != want {
		t.Errorf("first breach %+v, want %+v", *got.FirstBreach, want)
	}
}

func TestWorstWindowAndFirstBreachOfPercentiles(t *testing.T) {
	w := quiet().objective(Objective{Indicator: "live-edge latency", Percentile: 90, Phase: "fault", Region: east, Max: ms(390)})
	w.each("interval", func(l *audienceLine) { l.Latency = histogram(300_000, 10) })
	for s := int64(24); s < 32; s++ {
		w.at(s, east, func(l *audienceLine) { l.Latency = histogram(s*100_000, 10) })
	}
	w.at(22, west, func(l *audienceLine) { l.Latency = histogram(9_000_000, 10) })
	got := w.judge(t).Objectives[0]
	if got.Verdict != Fail || got.Samples != 200 {
		t.Fatalf("%s with %d samples, want fail with us-east's 200", got.Verdict, got.Samples)
	}
	if f := got.FirstBreach; f.FromMs != 24_000 || f.UntilMs != 25_000 || !near(f.Value, 2400) {
		t.Errorf("first breach %+v, want second 24 with 2400 ms", *f)
	}
	// The 45th of 50 samples is from the slowest second, 31; the earliest window that ends with it begins at 27.
	if ww := got.WorstWindow; ww.FromMs != 27_000 || ww.UntilMs != 32_000 || !near(ww.Value, 3100) {
		t.Errorf("worst window %+v, want 27 s to 32 s with 3100 ms", *ww)
	}
}

// What counts is when a packager began to try, and in which region.
func TestAcknowledgedPublishes(t *testing.T) {
	w := quiet().objective(Objective{Indicator: "acknowledged publishes", Phase: "fault", Region: east, Max: Limit{Count: 0}})
	w.objective(Objective{Indicator: "acknowledged publishes", Phase: "fault", Max: Limit{Count: 39}})
	for i := range w.history {
		r := &w.history[i]
		if r.Kind != origin.KindPublish || r.Region != east || r.AtUs < 20*second {
			continue
		}
		if r.AtUs < 39*second { // those of 40.3 s began at 40.3 s, after the phase
			r.Reason, r.Error = string(origin.Unavailable), "no quorum"
		}
	}
	got := w.judge(t).Objectives
	if *got[0].Value != 0 || got[0].Samples != 20 || got[0].Verdict != Pass {
		t.Errorf("%+v, want none of 20", got[0])
	}
	if *got[1].Value != 20 || got[1].Samples != 40 {
		t.Errorf("%+v, want west's 20 of 40", got[1])
	}
	for i := range w.history {
		if r := &w.history[i]; r.Region == east && r.AtUs == 30*second+300_000 {
			r.Reason, r.Error = string(origin.Stored), ""
		}
	}
	if got := w.judge(t).Objectives[0]; *got.Value != 1 || got.Verdict != Fail {
		t.Errorf("%+v, want one acknowledged and a fail", got)
	}
}

// What was acknowledged and cannot be read back fails any run.
func TestLostSegments(t *testing.T) {
	w := quiet().objective(Objective{Indicator: "missed segments", Max: Limit{Count: 0}})
	if got := w.judge(t); len(got.Invariants) != 2 {
		t.Errorf("nothing was read back, and there is a rule about it: %+v", got.Invariants)
	}
	w.record(origin.Record{Kind: origin.KindReadBack, AtUs: 66 * second, Count: 119})
	if got := w.judge(t); got.Verdict != Pass || got.Invariants[2] != (InvariantResult{"lost segments", 0, 119}) {
		t.Errorf("%s, %+v", got.Verdict, got.Invariants)
	}
	w.record(origin.Record{Kind: origin.KindReadBack, AtUs: 66 * second, Rendition: "v720", Number: 3, Pipeline: "a", Error: "not found"})
	if got := w.judge(t); got.Verdict != Fail || got.Invariants[2] != (InvariantResult{"lost segments", 1, 120}) {
		t.Errorf("%s, %+v", got.Verdict, got.Invariants)
	}
}

// What could not be read back may be there: nobody knows, and such a run proves nothing. What is lost is lost all the same.
func TestUnreadSegments(t *testing.T) {
	w := quiet().objective(Objective{Indicator: "missed segments", Max: Limit{Count: 0}})
	w.record(origin.Record{Kind: origin.KindReadBack, AtUs: 66 * second, Count: 118})
	for n := range 2 {
		w.record(origin.Record{Kind: origin.KindReadBack, AtUs: 66 * second, Rendition: "v720", Number: origin.SegmentNumber(n), Pipeline: "a",
			Reason: Unread, Error: "timeout"})
	}
	got := w.judge(t)
	why := "2 of 120 acknowledged candidates could not be read back; whether they are lost is not known"
	if got.Verdict != Inconclusive || !slices.Contains(got.Validity, why) || got.Invariants[2] != (InvariantResult{"lost segments", 0, 118}) {
		t.Errorf("%s, %q, %+v", got.Verdict, got.Validity, got.Invariants)
	}
	w.record(origin.Record{Kind: origin.KindReadBack, AtUs: 66 * second, Rendition: "v720", Number: 3, Pipeline: "a", Error: "not found"})
	if got := w.judge(t); got.Verdict != Fail || got.Invariants[2] != (InvariantResult{"lost segments", 1, 119}) {
		t.Errorf("%s, %+v", got.Verdict, got.Invariants)
	}
}

// A storm of which more than a tenth was not sent was not the one that was planned; one that missed less says so.
func TestWeakStorms(t *testing.T) {
	for _, row := range []struct {
		due, unsent int64
		verdict     Verdict
		reason      string
		note        string
	}{
		{1000, 0, Pass, "", ""},
		{1000, 100, Pass, "", "fault storm: 100 of 1000 requests were not sent: too many were under way"},
		{1000, 101, Inconclusive, "fault storm was not felt as planned: 101 of 1000 requests were not sent: too many were under way; 10 % is the most", ""},
	} {
		w := quiet().objective(Objective{Indicator: "missed segments", Max: Limit{Count: 0}})
		w.plan.Faults = []FaultPlan{{ID: "storm", Kind: "not-found-storm", From: 20 * time.Second, Until: 30 * time.Second,
			Felt: func(r origin.Record) bool { return r.Kind == origin.KindStorm && r.Reason == "" }}}
		w.record(origin.Record{Kind: origin.KindFault, Step: origin.Begin, Name: "storm", AtUs: 20 * second})
		for half := range int64(2) {
			at := (21 + half) * second
			w.record(origin.Record{Kind: origin.KindStorm, AtUs: at, Name: "storm", Attempts: int(row.due / 2), Count: row.due / 2})
			if row.unsent > 0 {
				w.record(origin.Record{Kind: origin.KindStorm, AtUs: at, Name: "storm", Reason: Unsent, Count: (row.unsent + half) / 2})
			}
		}
		w.record(origin.Record{Kind: origin.KindFault, Step: origin.End, Name: "storm", AtUs: 30 * second, Count: row.due - row.unsent})
		got := w.judge(t)
		if got.Verdict != row.verdict || row.reason != "" && !slices.Contains(got.Reasons, row.reason) {
			t.Errorf("%d of %d unsent: %s, %q", row.unsent, row.due, got.Verdict, got.Reasons)
		}
		if noted := strings.Join(got.Notes, "\n"); strings.Contains(noted, "not sent") != (row.note != "") || !strings.Contains(noted, row.note) {
			t.Errorf("%d of %d unsent: noted %q", row.unsent, row.due, noted)
		}
	}
}

// A second alone at the end of what was measured is not a window: its median would be that of its own few samples.
func TestWorstWindowIsFiveSecondsLong(t *testing.T) {
	w := quiet().objective(Objective{Indicator: "live-edge latency", Percentile: 50, Region: east, Max: ms(1)})
	w.at(63, east, func(l *audienceLine) { l.Latency = histogram(9_000_000, 10) })
	if got := *w.judge(t).Objectives[0].WorstWindow; got.UntilMs-got.FromMs != 5000 || !near(got.Value, 400) {
		t.Errorf("worst window %+v, want five seconds with 400 ms", got)
	}
}

func near(got, want float64) bool { return got >= want && got <= want*1.01 }

func TestBreachesAreAttributed(t *testing.T) {
	fault := func(id string, from, until int64) FaultPlan {
		return FaultPlan{ID: id, Kind: "x", From: time.Duration(from) * time.Second, Until: time.Duration(until) * time.Second}
	}
	for _, tt := range []struct {
		name   string
		at     int64
		faults []FaultPlan
		want   string
	}{
		{"no fault at all", 30, nil, Unexplained},
		{"during the fault", 30, []FaultPlan{fault("a", 25, 35)}, "a"},
		{"in the second before it", 24, []FaultPlan{fault("a", 25, 35)}, Unexplained},
		{"six seconds after it", 41, []FaultPlan{fault("a", 25, 35)}, "a"},
		{"seven seconds after it", 42, []FaultPlan{fault("a", 25, 35)}, Unexplained},
		{"at an instant fault", 25, []FaultPlan{fault("a", 25, 25)}, "a"},
		{"during one and soon after another that began later", 33, []FaultPlan{fault("b", 28, 30), fault("a", 20, 40)}, "a"},
		{"during two", 33, []FaultPlan{fault("a", 20, 40), fault("b", 32, 36)}, "b"},
		{"soon after two", 44, []FaultPlan{fault("b", 32, 39), fault("a", 20, 40)}, "b"},
	} {
		w := quiet().objective(Objective{Indicator: "missed segments"})
		w.plan.Faults = tt.faults
		missing(w, tt.at, 1)
		if got := w.judge(t).Objectives[0].Fault; got != tt.want {
			t.Errorf("breach %s: attributed to %q, want %q", tt.name, got, tt.want)
		}
	}
}

// How long a fault lingers goes by the event's segments.
func TestBreachesAreAttributedBySegments(t *testing.T) {
	for _, tt := range []struct {
		segment time.Duration
		at      int64
		want    string
	}{
		{time.Second, 38, "a"}, {time.Second, 39, Unexplained},
		{4 * time.Second, 47, "a"}, {4 * time.Second, 48, Unexplained},
	} {
		w := quiet().objective(Objective{Indicator: "missed segments"})
		w.plan.Event.SegmentDuration = tt.segment
		w.plan.Faults = []FaultPlan{{ID: "a", Kind: "x", From: 25 * time.Second, Until: 35 * time.Second}}
		missing(w, tt.at, 1)
		if got := w.judge(t).Objectives[0].Fault; got != tt.want {
			t.Errorf("breach at %d s after a fault until 35 s, segments of %v: attributed to %q, want %q", tt.at, tt.segment, got, tt.want)
		}
	}
}

func TestPercentilesAreExactWithinOnePercent(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var exact []int64
	w := quiet()
	for _, p := range []float64{50, 90, 99, 99.9} {
		w.objective(Objective{Indicator: "live-edge latency", Percentile: p, Max: ms(1)})
	}
	w.each("interval", func(l *audienceLine) {
		h := hdrhistogram.New(1, 120*second, 2)
		for range 100 {
			us := int64(1000 * (1 + rng.ExpFloat64()*400))
			exact = append(exact, us)
			_ = h.RecordValue(us)
		}
		l.Latency = encode(h)
	})
	slices.Sort(exact)
	for _, o := range w.judge(t).Objectives {
		want := float64(exact[int(o.Percentile/100*float64(len(exact))+0.5)-1]) / 1000
		if !near(*o.Value, want) {
			t.Errorf("p%v is %v ms, exactly %v ms", o.Percentile, *o.Value, want)
		}
	}
}

// Two busy seconds and two lazy ones: the mean of their percentiles is far from the percentile of all.
func TestPercentilesAreNotAveraged(t *testing.T) {
	w := quiet().objective(Objective{Indicator: "live-edge latency", Percentile: 50, Max: ms(1)})
	w.each("interval", func(l *audienceLine) { l.Latency = "" })
	w.at(10, east, func(l *audienceLine) { l.Latency = histogram(100_000, 900) })
	w.at(11, east, func(l *audienceLine) { l.Latency = histogram(9_000_000, 100) })
	if got := *w.judge(t).Objectives[0].Value; !near(got, 100) {
		t.Errorf("p50 of 900 at 100 ms and 100 at 9 s is %v ms", got)
	}
}

func TestPublishing(t *testing.T) {
	w := quiet()
	w.objective(Objective{Indicator: "unpublished segments", Phase: "fault", Max: Limit{Count: 1}})
	w.objective(Objective{Indicator: "publish latency", Percentile: 100, Phase: "fault", Max: ms(100)})
	gone := func(rendition string, n origin.SegmentNumber) {
		w.drop(func(r origin.Record) bool {
			return r.Kind == origin.KindPublish && r.Rendition == rendition && r.Number == n && r.Pipeline == "a"
		})
		w.publish("b", func(r *origin.Record) { // the other pipeline has declared a hole
			if r.Rendition == rendition && r.Number == n {
				r.Defects = []string{"missing-segment"}
			}
		})
	}
	gone("v720", 12) // expected at 27 s
	gone("aac", 15)  // expected at 33 s
	gone("aac", 25)  // in another phase
	w.publish("b", func(r *origin.Record) {
		if r.Number == 14 {
			r.WaitUs = 700_000
		}
	})
	r := w.judge(t)
	un := r.Objectives[0]
	if un.Verdict != Fail || *un.Value != 2 || un.Samples != 20 || un.FirstBreach.FromMs != 33_000 || r.Counts.Unpublished != 3 {
		t.Errorf("%+v and %d in all; want 2 of 20 unpublished, the second at 33 s, 3 in all", un, r.Counts.Unpublished)
	}
	lat := r.Objectives[1]
	if lat.Verdict != Fail || !near(*lat.Value, 700) || lat.FirstBreach.FromMs != 30_000 {
		t.Errorf("%+v; want 700 ms, first at 30 s", lat)
	}
}

func TestCounts(t *testing.T) {
	w := regionLoss()
	missing(w, 30, 3)
	w.line(audienceLine{Kind: "missed", AtUs: 31 * second, Region: west, Reason: "timeout", Count: 9})
	w.line(audienceLine{Kind: "wrong", AtUs: 31 * second, Region: west, Reason: "digest", Count: 1})
	c := w.judge(t).Counts
	if c.Requests != 1280 || c.Segments != 1280 || c.Missed != 3 || c.Held != 512 || c.Switches != 16 || c.Published != 106 ||
		c.Fetches != 1 || c.ViewersPeak != 20 {
		t.Errorf("counts %+v", c)
	}
	if want := []Cause{{"timeout", 9}, {"410 gap", 3}}; !slices.Equal(c.MissedFor, want) {
		t.Errorf("missed for %v, want %v", c.MissedFor, want)
	}
	if want := []Cause{{"digest", 1}}; !slices.Equal(c.WrongFor, want) {
		t.Errorf("wrong for %v, want %v", c.WrongFor, want)
	}
}

// Two VUs watch at the same time: their viewers add up, second by second, and not their peaks.
func TestViewersAddUpBySecond(t *testing.T) {
	w := quiet()
	w.dropLines("viewers")
	for _, v := range []audienceLine{{AtUs: 1 * second, VU: 1, Viewers: 10}, {AtUs: 1 * second, VU: 2, Viewers: 4}, {AtUs: 2 * second, VU: 2, Viewers: 9}} {
		v.Kind = "viewers"
		w.line(v)
	}
	if got := w.judge(t).Counts.ViewersPeak; got != 14 {
		t.Errorf("peak of 10 + 4 and then 9 is %d, want 14", got)
	}
}

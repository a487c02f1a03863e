package reports

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// watch has somebody look at two nodes every 5 s.
func (w *world) watch() *world {
	w.plan.Watched = 5 * time.Second
	for s := int64(0); s <= 60; s += 5 {
		w.record(origin.Record{Kind: origin.KindScrape, AtUs: s * second, Count: 2})
	}
	return w
}

// alarm has an alert fire, and be over unless it never is: zero.
func (w *world) alarm(name, labels string, pending, fired, resolved int64) *world {
	r := origin.Record{Kind: origin.KindAlert, Step: origin.Begin, Name: name, Target: labels, AtUs: fired * second, WaitUs: (fired - pending) * second}
	w.record(r)
	if r.Step, r.AtUs, r.WaitUs = origin.End, resolved*second, 0; resolved > 0 {
		w.record(r)
	}
	return w
}

// The fault lasts from 20 s to 34 s, shows for three segments more, and is seen at the next scrape: until 45 s.
func TestTimeToDetect(t *testing.T) {
	for _, tt := range []struct {
		name    string
		world   *world
		verdict Verdict
		value   float64 // in milliseconds; negative for none
		why     string
		falses  float64
	}{
		{"in time", regionLoss().watch().alarm("A", "", 25, 30, 40), Pass, 10_000, "", 0},
		{"too late", regionLoss().watch().alarm("A", "", 25, 31, 40), Fail, 11_000, "first over it at 30s; fault region-loss-1", 0},
		{"by the first of two", regionLoss().watch().alarm("B", "", 30, 40, 0).alarm("A", "", 25, 30, 0), Pass, 10_000, "", 0},
		{"never", regionLoss().watch(), Fail, -1, "region-loss-1 was not detected", 0},
		{"what was there before it is no detection", regionLoss().watch().alarm("A", "", 19, 25, 40), Fail, -1, "was not detected", 1},
		{"nor what was there as it began", regionLoss().watch().alarm("A", "", 20, 25, 40), Fail, -1, "was not detected", 1},
		{"while it lingers", regionLoss().watch().alarm("A", "", 45, 50, 55), Fail, 30_000, "first over it at 30s", 0},
		{"after it", regionLoss().watch().alarm("A", "", 46, 46, 50), Fail, -1, "was not detected", 1},
		{"an alarm before, and one for it", regionLoss().watch().alarm("A", "", 10, 10, 15).alarm("A", "", 25, 25, 30), Pass, 5000, "", 1},
		{"nobody watched", regionLoss(), Inconclusive, -1, "0 of at least 1 samples", -1},
		{"a fault that was not felt", unfelt(regionLoss().watch().alarm("A", "", 25, 30, 40)), Inconclusive, 10_000, "region-loss-1 not felt", 0},
	} {
		tt.world.objective(Objective{Indicator: "time to detect", After: "region-loss", Max: ms(10_000)})
		tt.world.objective(Objective{Indicator: "false alarms"})
		r := tt.world.judge(t)
		detect, falses := &r.Objectives[0], &r.Objectives[1]
		if detect.Verdict != tt.verdict || value(detect) != tt.value || !strings.Contains(detect.Sentence(), tt.why) {
			t.Errorf("%s: %s: %s; want %s with %v: %s", tt.name, detect.Verdict, detect.Sentence(), tt.verdict, tt.value, tt.why)
		}
		if value(falses) != tt.falses || (falses.Verdict == Fail) != (tt.falses > 0) {
			t.Errorf("%s: %s: %s; want %v", tt.name, falses.Verdict, falses.Sentence(), tt.falses)
		}
	}
}

func unfelt(w *world) *world {
	w.fault(origin.End, func(r *origin.Record) { r.Count = 0 })
	return w
}

func value(r *ObjectiveResult) float64 {
	if r.Value == nil {
		return -1
	}
	return *r.Value
}

// Without a fault every alert is a false one; and in a phase, those that fire in it.
func TestFalseAlarms(t *testing.T) {
	w := quiet().watch().alarm("A", "", 15, 19, 25).alarm("A", "", 30, 30, 0)
	for _, phase := range []string{"", "warm-up", "fault", "recovery"} {
		w.objective(Objective{Indicator: "false alarms", Phase: phase})
	}
	want := [][2]int64{{2, 26}, {1, 8}, {1, 8}, {0, 10}} // alarms, scrapes
	for i, o := range w.judge(t).Objectives {
		if int64(*o.Value) != want[i][0] || o.Samples != want[i][1] {
			t.Errorf("%s: %v of %d, want %v", o.Name(), *o.Value, o.Samples, want[i])
		}
	}
}

// Of two faults at work an alarm is for the one that began last, and of those of one kind the slowest detection counts. The
// same alert is told apart from itself with other labels, whatever the order of writing.
func TestAlertsOfSeveralFaults(t *testing.T) {
	w := regionLoss().watch()
	second := w.plan.Faults[0]
	second.ID, second.From, second.Until = "region-loss-2", 28*time.Second, 32*time.Second
	w.plan.Faults = append(w.plan.Faults, second)
	w.record(origin.Record{Kind: origin.KindFault, Step: origin.Begin, Name: second.ID, AtUs: 28_000_000})
	w.record(origin.Record{Kind: origin.KindFault, Step: origin.End, Name: second.ID, AtUs: 32_000_000, Count: 1})
	w.record(origin.Record{Kind: origin.KindFetch, Error: "refused", AtUs: 29_000_000})
	w.alarm("A", `{event="e", pipeline="b"}`, 35, 40, 45).alarm("A", `{event="e", pipeline="a"}`, 50, 50, 0)
	w.alarm("A", `{event="e", pipeline="a"}`, 25, 25, 30).alarm("B", `{event="e"}`, 10, 10, 11)
	w.objective(Objective{Indicator: "time to detect", After: "region-loss", Max: ms(12_000)})
	r := w.judge(t)
	slices.Reverse(w.plan.Faults)
	for _, o := range append(w.judge(t).Objectives, r.Objectives...) {
		if o.Verdict != Pass || value(&o) != 12_000 || o.Samples != 6 { // at 30, 35 and 40 s
			t.Errorf("%s: %s, %d samples; want 12000 ms, 6 samples", o.Verdict, o.Sentence(), o.Samples)
		}
	}
	lines, err := r.alertTable().Lines()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"B all unexplained 10s 10s 11s -", "A a region-loss-1 25s 25s 30s 5000 ms", "A b region-loss-2 35s 40s 45s 12000 ms", "A a unexplained 50s 50s - -"}
	for i, line := range lines[1:] {
		if got := strings.Join(strings.Fields(line), " "); got != want[i] {
			t.Errorf("got %q, want %q", got, want[i])
		}
	}
	var text, markdown, object bytes.Buffer
	if err := errors.Join(r.WriteText(&text, false), r.WriteMarkdown(&markdown), r.WriteJSON(&object)); err != nil {
		t.Fatal(err)
	}
	for where, b := range map[string]*bytes.Buffer{"Alerts, and": &text, "### Alerts": &markdown, `"time_to_detect_ms": 5000`: &object} {
		if !strings.Contains(b.String(), where) {
			t.Errorf("no %s in\n%s", where, b)
		}
	}
}

func TestManyAlerts(t *testing.T) {
	w := quiet().watch()
	for i := range int64(alertsMax + 7) {
		w.alarm("A", "", 1+i/10, 1+i/10, 0)
	}
	w.objective(Objective{Indicator: "false alarms"})
	r := w.judge(t)
	if len(r.Alerts) != alertsMax || !strings.Contains(strings.Join(r.Notes, "\n"), "7 alerts more") || value(&r.Objectives[0]) != alertsMax+7 {
		t.Errorf("%d alerts, %q, %s", len(r.Alerts), r.Notes, r.Objectives[0].Sentence())
	}
}

package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports/tables"
)

// AlertReport is an alert that fired for one set of labels, and what it told of.
type AlertReport struct {
	Alert     string `json:"alert"`
	Labels    string `json:"labels"`
	PendingMs int64  `json:"pending_ms"` // since when there was something to find
	FiredMs   int64  `json:"fired_ms"`
	// ResolvedMs is null for one that still fired at the end.
	ResolvedMs *int64 `json:"resolved_ms"`
	// Fault is the one that it tells of, or Unexplained; then DetectMs is null, which else is from the fault's beginning on.
	Fault    string   `json:"fault"`
	DetectMs *float64 `json:"time_to_detect_ms"`
}

// alertsMax is how many are reported; all are judged.
const alertsMax = 200

// alerted is what a history has to say of alerts.
type alerted struct {
	begun, ended []origin.Record
	scrapes      map[int64]int64 // of nodes, by second
}

func (a *alerted) add(rec *origin.Record) {
	switch {
	case rec.Kind == origin.KindScrape:
		a.scrapes[secondOf(sinceStart(rec.AtUs))] += rec.Count
	case rec.Step == origin.Begin:
		a.begun = append(a.begun, *rec)
	case rec.Step == origin.End:
		a.ended = append(a.ended, *rec)
	}
}

// alarm is an alert from its firing to its end.
type alarm struct {
	name, labels             string
	pending, fired, resolved time.Duration // since the event's start
	over                     bool          // and resolved says when
}

// alarms puts beginnings and ends together: of the same alert with the same labels, one ends before the next begins.
func (a *alerted) alarms() []alarm {
	byTime := func(a, b origin.Record) int {
		return cmp.Or(cmp.Compare(a.AtUs, b.AtUs), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Target, b.Target))
	}
	slices.SortFunc(a.begun, byTime)
	slices.SortFunc(a.ended, byTime)
	type series struct{ name, labels string }
	ends := map[series][]time.Duration{}
	for i := range a.ended {
		s := series{a.ended[i].Name, a.ended[i].Target}
		ends[s] = append(ends[s], sinceStart(a.ended[i].AtUs))
	}
	var all []alarm
	for i := range a.begun {
		b := &a.begun[i]
		one := alarm{name: b.Name, labels: b.Target, pending: sinceStart(b.AtUs - b.WaitUs), fired: sinceStart(b.AtUs)}
		s := series{b.Name, b.Target}
		if left := ends[s]; len(left) > 0 {
			one.resolved, one.over = left[0], true
			ends[s] = left[1:]
		}
		all = append(all, one)
	}
	return all
}

// seenUntil is until when a fault can be seen to have been at work: what it did may linger, and is seen at the next scrape.
func (e *evidence) seenUntil(f *FaultPlan) time.Duration {
	return f.Until + e.plan.lingering() + e.plan.Watched
}

// tellsOf says whether an alarm may be for a fault: what it found began after the fault did, and not when nothing of the fault
// was left. That it fired later still is the rule's own patience, and part of the time to detect.
func (e *evidence) tellsOf(a *alarm, f *FaultPlan) bool {
	return a.pending > f.From && a.pending <= e.seenUntil(f)
}

// cause finds the fault that an alarm is for: of several, the one that began last.
func (e *evidence) cause(a *alarm) *FaultPlan {
	var latest *FaultPlan
	for i := range e.plan.Faults {
		if f := &e.plan.Faults[i]; e.tellsOf(a, f) && (latest == nil || f.From > latest.From) {
			latest = f
		}
	}
	return latest
}

// detection is how long after a fault's beginning the first alarm fired that may be for it.
func (e *evidence) detection(f *FaultPlan) (took time.Duration, detected bool) {
	for i := range e.alarms { // in the order in which they fired
		if a := &e.alarms[i]; e.tellsOf(a, f) {
			return a.fired - f.From, true
		}
	}
	return 0, false
}

// judgeDetection takes the slowest of the faults that the objective names. Its samples are the scrapes from which a fault could
// be seen, and the fewest of any of the faults.
func (e *evidence) judgeDetection(r *ObjectiveResult, o Objective) {
	r.Verdict, r.Samples = Pass, -1
	var slowest time.Duration
	known := true
	for _, f := range e.plan.faultsNamed(o.After) {
		if n := e.scrapesOf(f); r.Samples < 0 || n < r.Samples {
			r.Samples = n
		}
		took, detected := e.detection(f)
		switch {
		case !e.felt(f):
			r.inconclusive(f.ID + " not felt, so there was nothing to detect")
		case !detected:
			r.overdue(f, o.Max.Duration, 0, f.ID+" was not detected")
		case took > o.Max.Duration:
			r.overdue(f, o.Max.Duration, took, "")
		}
		known = known && detected
		slowest = max(slowest, took)
	}
	r.settle(slowest, known)
}

// scrapesOf counts the looks at nodes from which a fault could be seen.
func (e *evidence) scrapesOf(f *FaultPlan) (sum int64) {
	for second, n := range e.history.alerted.scrapes { // any order: added up
		if at := time.Duration(second) * time.Second; at > f.From && at <= e.seenUntil(f) {
			sum += n
		}
	}
	return sum
}

// overdue is a breach from when a fault should have been detected until it was.
func (r *ObjectiveResult) overdue(f *FaultPlan, limit, took time.Duration, why string) {
	r.Verdict = Fail
	r.Why = strings.Join(compact(r.Why, why), "; ")
	if r.FirstBreach == nil {
		r.Fault = f.ID
		r.FirstBreach = &Window{(f.From + limit).Milliseconds(), (f.From + max(limit, took)).Milliseconds(), milliseconds(took.Microseconds())}
	}
}

// falseAlarms are alarms that no fault explains, at the second in which they fired. Samples are the scrapes.
func (e *evidence) falseAlarms(string) (ps []point) {
	for second, n := range e.history.alerted.scrapes { // any order: points are sorted, and added up
		ps = append(ps, point{second: second, samples: n})
	}
	for i := range e.alarms {
		if a := &e.alarms[i]; e.cause(a) == nil {
			ps = append(ps, point{second: secondOf(a.fired), count: 1})
		}
	}
	return ps
}

// alerts reports what fired.
func (e *evidence) alerts() (all []AlertReport) {
	for i := range e.alarms[:min(len(e.alarms), alertsMax)] {
		a := &e.alarms[i]
		r := AlertReport{Alert: a.name, Labels: a.labels, PendingMs: a.pending.Milliseconds(), FiredMs: a.fired.Milliseconds(), Fault: Unexplained}
		if a.over {
			at := a.resolved.Milliseconds()
			r.ResolvedMs = &at
		}
		if f := e.cause(a); f != nil {
			took := milliseconds((a.fired - f.From).Microseconds())
			r.Fault, r.DetectMs = f.ID, &took
		}
		all = append(all, r)
	}
	return all
}

// alarmNotes says what the table of alerts leaves out.
func (e *evidence) alarmNotes() (notes []string) {
	if n := len(e.alarms) - alertsMax; n > 0 {
		notes = append(notes, fmt.Sprintf("%d alerts more have fired than are reported", n))
	}
	return notes
}

func (r *Report) alertTable() *tables.Table {
	t := &tables.Table{Title: "Alerts, and after how long they told of which fault", Labels: 3,
		Header: []string{"alert", "of", "fault", "pending", "fired", "resolved", "time to detect"}}
	for _, a := range r.Alerts {
		resolved, took := "-", "-"
		if a.ResolvedMs != nil {
			resolved = seconds(*a.ResolvedMs)
		}
		if a.DetectMs != nil {
			took = number(*a.DetectMs) + " ms"
		}
		t.Row(a.Alert, brief(a.Labels), a.Fault, seconds(a.PendingMs), seconds(a.FiredMs), resolved, took)
	}
	return t
}

// brief is the values of a set of labels, without the event, which is one in a run.
func brief(labels string) string {
	var words []string
	for label := range strings.SplitSeq(strings.Trim(labels, "{}"), ", ") {
		name, value, _ := strings.Cut(label, "=")
		if name != "event" {
			words = append(words, strings.Trim(value, `"`))
		}
	}
	if len(words) == 0 {
		return "all"
	}
	return strings.Join(words, " ")
}

// alertIndicators are the part of the table of indicators that is about alerts.
func alertIndicators() []Indicator {
	return []Indicator{
		{Name: "time to detect", Unit: Milliseconds, OfFault: true, Watched: true,
			About: "from a fault's beginning until the first alert fires that may be for it"},
		{Name: "false alarms", Unit: Count, Watched: true, About: "alerts that fired, and no fault was at work",
			points: (*evidence).falseAlarms},
	}
}

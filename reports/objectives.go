package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/reports/tables"
)

// objective measures one objective and holds it against its limit.
func (e *evidence) objective(o Objective, recoveries map[string]recovery) ObjectiveResult {
	ind, _ := IndicatorByName(o.Indicator)
	r := ObjectiveResult{
		Indicator: o.Indicator, Percentile: o.Percentile, Phase: o.Phase, Region: o.Region, After: o.After,
		Limit: ind.inUnit(o.limit(ind)), Unit: ind.Unit, MinSamples: max(1, o.MinSamples), File: o.File, Line: o.Line,
	}
	if ind.OfFault && ind.Watched {
		e.judgeDetection(&r, o)
		return r
	}
	if ind.OfFault {
		e.judgeRecovery(&r, o, recoveries)
		return r
	}
	scope := e.scope(o.Phase)
	points := ind.points(e, o.Region)
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.second, b.second) })
	points = pointsIn(points, scope)

	m := newMeasure(o.Percentile)
	value, samples, ok := m.of(points)
	r.Samples = samples
	if ok {
		v := ind.inUnit(value)
		r.Value = &v
	}
	worst := m.worst(points, scope)
	if value > 0 { // of nothing at all, no window is the worst
		r.WorstWindow = ind.window(worst)
	}
	switch limit := o.limit(ind); {
	case !ok || samples < r.MinSamples:
		r.Verdict = Inconclusive
		r.Why = fmt.Sprintf("%d of at least %d samples", samples, r.MinSamples)
	case value > limit:
		r.Verdict = Fail
		breach := m.firstOver(points, limit)
		r.FirstBreach = ind.window(breach)
		// The ranks of a whole and of its parts are rounded apart; then no second of its own may be over the limit.
		if breach == nil {
			breach = worst
		}
		r.Fault = e.during(breach.span)
	default:
		r.Verdict = Pass
	}
	return r
}

// limit is in microseconds, or a count.
func (o *Objective) limit(i Indicator) int64 {
	if i.Unit == Milliseconds {
		return o.Max.Duration.Microseconds()
	}
	return o.Max.Count
}

// inUnit turns what was measured, microseconds or a count, into what a report shows.
func (i *Indicator) inUnit(v int64) float64 {
	if i.Unit == Milliseconds {
		return milliseconds(v)
	}
	return float64(v)
}

func (i *Indicator) window(s *stretch) *Window {
	if s == nil {
		return nil
	}
	return &Window{s.from.Milliseconds(), s.until.Milliseconds(), i.inUnit(s.value)}
}

// scope is a phase's time, or all of it.
func (e *evidence) scope(phase string) span {
	for _, ph := range e.plan.Phases {
		if ph.Name == phase {
			return span{ph.From, ph.Until}
		}
	}
	return forever
}

// during names the fault that a breach belongs to: one that was at work, or else one that had been until
// lately. Of several, the one that began last.
func (e *evidence) during(s span) string {
	for _, after := range []time.Duration{0, e.plan.lingering()} {
		var latest *FaultPlan
		for i := range e.plan.Faults {
			f := &e.plan.Faults[i]
			if f.From < s.until && s.from <= f.Until+after && (latest == nil || f.From > latest.From) {
				latest = f
			}
		}
		if latest != nil {
			return latest.ID
		}
	}
	return Unexplained
}

// judgeRecovery takes the slowest of the faults that the objective names. Its samples are the segments that viewers
// asked for after the fault, and the fewest of any of the faults.
func (e *evidence) judgeRecovery(r *ObjectiveResult, o Objective, recoveries map[string]recovery) {
	limit := o.Max.Duration
	r.Verdict, r.Samples = Pass, -1
	var slowest time.Duration
	known := true
	named := e.plan.faultsNamed(o.After)
	for _, f := range named {
		rec := recoveries[f.ID]
		if rec.state == unknown && e.outlasted(f, named) {
			continue // the one that lasted longer speaks for both
		}
		if r.Samples < 0 || rec.asked < r.Samples {
			r.Samples = rec.asked
		}
		known = known && rec.state == recovered
		switch {
		case rec.state == unknown || !e.felt(f):
			why := rec.why
			if !e.felt(f) {
				why = "not felt, so there was nothing to recover from"
			}
			r.inconclusive(f.ID + " " + why)
		case rec.state == notRecovered || rec.after > limit:
			r.breach(f, rec, limit)
		}
		slowest = max(slowest, rec.after)
	}
	r.settle(slowest, known)
}

// settle takes the slowest of all for the value, if that is known, and wants enough samples for it.
func (r *ObjectiveResult) settle(slowest time.Duration, known bool) {
	if known {
		v := milliseconds(slowest.Microseconds())
		r.Value = &v
	}
	if r.Samples < r.MinSamples {
		r.Verdict = Inconclusive
		r.Why = strings.Join(compact(fmt.Sprintf("%d of at least %d samples", r.Samples, r.MinSamples), r.Why), "; ")
	}
}

// outlasted says that a fault had an effect, and that another of these was still at work when it ended.
func (e *evidence) outlasted(f *FaultPlan, by []*FaultPlan) bool {
	for _, o := range by {
		if o.ID != f.ID && !o.follows(f) && o.Until > f.Until && e.felt(f) {
			return true
		}
	}
	return false
}

// inconclusive gives way to a breach that another fault has shown.
func (r *ObjectiveResult) inconclusive(why string) {
	if r.Verdict == Pass {
		r.Verdict = Inconclusive
	}
	r.Why = strings.Join(compact(r.Why, why), "; ")
}

// breach begins when the fault should have been over.
func (r *ObjectiveResult) breach(f *FaultPlan, rec recovery, limit time.Duration) {
	r.Verdict = Fail
	if rec.state == notRecovered {
		r.Why = strings.Join(compact(r.Why, f.ID+" "+rec.why), "; ")
	}
	if r.FirstBreach == nil {
		at := f.Until + limit
		r.Fault = f.ID
		r.FirstBreach = &Window{at.Milliseconds(), max(at, f.Until+rec.after).Milliseconds(), milliseconds(rec.after.Microseconds())}
	}
}

// compact leaves out what is empty.
func compact(ss ...string) []string {
	return slices.DeleteFunc(ss, func(s string) bool { return s == "" })
}

// Name is the objective in a few words: what, how, and where.
func (r *ObjectiveResult) Name() string {
	name := r.Indicator
	if r.Percentile > 0 {
		name += " p" + number(r.Percentile)
	}
	if r.After != "" {
		name += " after " + r.After
	}
	if r.Phase != "" {
		name += " in " + r.Phase
	}
	if r.Region != "" {
		name += ", " + r.Region
	}
	return name
}

// Sentence says what came of the objective, with every figure that one would ask for next.
func (r *ObjectiveResult) Sentence() string {
	value := "no data"
	if r.Value != nil {
		value = r.Quantity(*r.Value)
	}
	s := fmt.Sprintf("%s: %s, limit %s", r.Name(), value, r.Quantity(r.Limit))
	if r.Verdict == Fail && r.WorstWindow != nil {
		s += fmt.Sprintf("; worst %s with %s", r.WorstWindow, r.Quantity(r.WorstWindow.Value))
	}
	if r.FirstBreach != nil {
		s += fmt.Sprintf("; first over it at %s", seconds(r.FirstBreach.FromMs))
	}
	switch r.Fault {
	case "":
	case Unexplained:
		s += "; no fault explains it"
	default:
		s += "; fault " + r.Fault
	}
	return strings.Join(compact(s, r.Why), "; ")
}

// Quantity is a value with its unit.
func (r *ObjectiveResult) Quantity(v float64) string {
	if r.Unit == Milliseconds {
		return number(v) + " ms"
	}
	return number(v)
}

// inTable is Quantity with a count short enough for a column.
func (r *ObjectiveResult) inTable(v float64) string {
	if r.Unit == Milliseconds {
		return r.Quantity(v)
	}
	return r.bare(v)
}

// bare is a value without its unit, a count short enough for a column.
func (r *ObjectiveResult) bare(v float64) string {
	if r.Unit == Milliseconds {
		return number(v)
	}
	return tables.Short(int64(v))
}

// number has one decimal at most, and none that is zero.
func number(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

// String is the window's time, as seconds of the event.
func (w *Window) String() string { return seconds(w.FromMs) + "-" + seconds(w.UntilMs) }

func seconds(ms int64) string { return strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64) + "s" }

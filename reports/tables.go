package reports

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/liveorigin/liveorigin/reports/tables"
)

func (r *Report) latencyTable() *tables.Table {
	t := &tables.Table{Title: "What viewers got, in milliseconds", Labels: 2, Header: []string{
		"phase", "region", "segments", "samples", "p50", "p95", "p99", "max", "ttfb p99",
	}}
	r.eachRegion(func(phase string, g *RegionReport) {
		l, f := [4]string{"-", "-", "-", "-"}, "-"
		var samples int64
		if q := g.Latency; q != nil {
			l, samples = [4]string{whole(q.P50), whole(q.P95), whole(q.P99), whole(q.Max)}, q.Samples
		}
		if q := g.TTFB; q != nil {
			f = whole(q.P99)
		}
		t.Row(phase, g.Region, tables.Short(g.Segments), tables.Short(samples), l[0], l[1], l[2], l[3], f)
	})
	return t
}

func (r *Report) countTable() *tables.Table {
	t := &tables.Table{Title: "What went wrong for them", Labels: 2, Header: []string{
		"phase", "region", "missed", "late", "stall", "defect", "avoid", "wrong", "fail", "switch", "held", "early",
	}}
	r.eachRegion(func(phase string, g *RegionReport) {
		t.Row(phase, g.Region, tables.Short(g.Missed), tables.Short(g.Late), tables.Short(g.Stalled), tables.Short(g.DefectiveServed),
			tables.Short(g.AvoidableDefects), tables.Short(g.WrongBytes), tables.Short(g.FailedRequests), tables.Short(g.Switches), tables.Short(g.Held),
			tables.Short(g.Early404))
	})
	return t
}

func (r *Report) eachRegion(do func(phase string, g *RegionReport)) {
	for i := range r.Phases {
		for j := range r.Phases[i].Regions {
			do(r.Phases[i].Name, &r.Phases[i].Regions[j])
		}
	}
}

func (r *Report) faultTable() *tables.Table {
	t := &tables.Table{Title: "Faults", Labels: 4, Header: []string{"", "fault", "target", "recovery", "window", "felt", "affected"}}
	for i, f := range r.Faults {
		felt := "no"
		recovery, _, _ := strings.Cut(f.Recovery, ":") // report.json has the rest
		if f.Felt {
			felt = "yes"
		}
		if f.RecoveryMs != nil {
			recovery = number(*f.RecoveryMs) + " ms"
		}
		t.Row(faultMark(i), f.ID, f.Target, recovery, (&Window{FromMs: f.FromMs, UntilMs: f.UntilMs}).String(), felt, tables.Short(f.Affected))
	}
	return t
}

func (r *Report) objectiveTable() *tables.Table {
	t := &tables.Table{Title: "Objectives", Labels: 3, Header: []string{
		"", "objective", "fault", "value", "limit", "samples", "worst 5s", "breach",
	}}
	for i := range r.Objectives {
		o := &r.Objectives[i]
		value, worst, breach := "-", "-", "-"
		if o.Value != nil {
			value = o.inTable(*o.Value)
		}
		if o.WorstWindow != nil {
			worst = fmt.Sprintf("%s @%s", o.bare(o.WorstWindow.Value), seconds(o.WorstWindow.FromMs))
		}
		if o.FirstBreach != nil {
			breach = seconds(o.FirstBreach.FromMs)
		}
		t.Row(verdictWord[o.Verdict], o.Name(), o.Fault, value, o.inTable(o.Limit), tables.Short(o.Samples), worst, breach)
	}
	return t
}

// String says how often the rule was broken, and how often that could have been seen.
func (i InvariantResult) String() string {
	if i.Violations == 0 && i.Checked == 0 {
		return i.Name + ": not checked"
	}
	return fmt.Sprintf("%s: %d of %d checked", i.Name, i.Violations, i.Checked)
}

// invariantLines has a line for each rule.
func (r *Report) invariantLines() []string {
	var lines []string
	for _, i := range r.Invariants {
		lines = append(lines, i.String())
	}
	return lines
}

// verdictWord is for tables; what is not a pass stands out without colour, too.
var verdictWord = map[Verdict]string{Pass: "pass", Fail: "FAIL", Inconclusive: "????"}

// faultMark is how a fault is drawn in the strip.
func faultMark(i int) string {
	const marks = "123456789abcdefghijklmnopqrstuvwxyz"
	if i < len(marks) {
		return marks[i : i+1]
	}
	return "#"
}

func whole(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }

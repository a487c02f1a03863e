package reports

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports/tables"
)

// DefectReport is what viewers were served that was known to be defective, by defects and by pipeline: an origin that
// has nothing better says so, and so does the report.
type DefectReport struct {
	Defects  []string `json:"defects"` // worst first
	Pipeline string   `json:"pipeline"`
	FromMs   int64    `json:"from_ms"`  // first and last answer
	UntilMs  int64    `json:"until_ms"` //
	Segments int64    `json:"segments"` // different ones, of all renditions
	// Served counts the viewers' segments; Avoidable are those of them for which a clean candidate was known when an
	// origin chose this one.
	Served    int64 `json:"served"`
	Avoidable int64 `json:"avoidable"`
}

// defectGroup gathers one line of the table.
type defectGroup struct {
	DefectReport
	segments map[segment]bool
}

// addDefective counts viewers when they were served, but whether it was avoidable goes by the origin's decision.
func (a *audience) addDefective(l *audienceLine, at time.Duration) {
	a.detailed += l.Count
	key := strings.Join(l.Defects, ",") + " " + l.Pipeline
	g := a.defective[key]
	if g == nil {
		g = &defectGroup{segments: map[segment]bool{}, DefectReport: DefectReport{
			Defects: append([]string{}, l.Defects...), Pipeline: l.Pipeline, FromMs: at.Milliseconds()}}
		a.defective[key] = g
	}
	g.FromMs, g.UntilMs = min(g.FromMs, at.Milliseconds()), max(g.UntilMs, at.Milliseconds())
	s := segment{l.Rendition, l.Number}
	g.segments[s] = true
	g.Served += l.Count
	if a.history.avoidable(s, l.Region, at) {
		g.Avoidable += l.Count
		a.cell(at, l.Region).AvoidableDefects += l.Count
	}
}

// defects lists what was served, the mildest first as the origin weighs them, then by time.
func (e *evidence) defects() []DefectReport {
	out := []DefectReport{}
	for _, key := range slices.Sorted(maps.Keys(e.audience.defective)) {
		g := e.audience.defective[key]
		g.DefectReport.Segments = int64(len(g.segments))
		out = append(out, g.DefectReport)
	}
	weight := func(d DefectReport) origin.Defects {
		set, err := origin.ParseDefects(d.Defects)
		if err != nil {
			return origin.Uninspected // somebody else's word for it
		}
		return set
	}
	slices.SortStableFunc(out, func(a, b DefectReport) int {
		return cmp.Or(cmp.Compare(a.FromMs, b.FromMs), cmp.Compare(weight(a), weight(b)))
	})
	return out
}

func (r *Report) defectTable() *tables.Table {
	t := &tables.Table{Title: "Defective, and served with the defect named", Labels: 3, Header: []string{
		"defects", "pipeline", "window", "segments", "to viewers", "avoidable",
	}}
	for _, d := range r.Defects {
		t.Row(strings.Join(d.Defects, ","), d.Pipeline, (&Window{FromMs: d.FromMs, UntilMs: d.UntilMs}).String(),
			tables.Short(d.Segments), tables.Short(d.Served), tables.Short(d.Avoidable))
	}
	return t
}

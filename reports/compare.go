package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/liveorigin/liveorigin/reports/tables"
)

// Side is one of the runs of a comparison.
type Side struct {
	Name   string
	Report *Report
	// Load sums up what each tier carried; nil after a run on the wall clock.
	Load map[Tier]Carried
}

// Carried is what a tier carried in a whole run.
type Carried struct {
	Load
	PeakRequests int64 // in one second, in all regions together
}

// reportMax bounds a report.json that is read back.
const reportMax = 256 << 20

// ReadSide reads a run's directory, without judging it again.
func ReadSide(name, dir string) (Side, error) {
	s := Side{Name: name, Report: new(Report)}
	path := filepath.Join(dir, JSONFile)
	f, err := os.Open(path)
	if err != nil {
		return s, fmt.Errorf("read run: %w", err)
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, reportMax)).Decode(s.Report); err != nil {
		return s, fmt.Errorf("read %s: %w", path, err)
	}
	if s.Report.Schema != Schema {
		return s, fmt.Errorf("%s is of schema %q; this version compares %s: judge the run again with `liveorigin report`", path, s.Report.Schema, Schema)
	}
	return s, s.readLoad(dir)
}

func (s *Side) readLoad(dir string) error {
	f, err := os.Open(filepath.Join(dir, LoadFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read run: %w", err)
	}
	defer f.Close()
	s.Load = map[Tier]Carried{}
	type second struct {
		tier Tier
		at   int64
	}
	requests := map[second]int64{}
	_, err = EachLoad(f, func(l *Load) error {
		sum, at := s.Load[l.Tier], second{l.Tier, l.AtUs}
		sum.Requests += l.Requests
		sum.Bytes += l.Bytes
		sum.CPUUs += l.CPUUs
		sum.Shed += l.Shed
		sum.Failed += l.Failed
		requests[at] += l.Requests
		sum.PeakRequests = max(sum.PeakRequests, requests[at])
		s.Load[l.Tier] = sum
		return nil
	})
	return err
}

// WriteComparison lays runs side by side: what was asked of them, what viewers and packagers got, and what each tier carried.
// What is zero in all of them is left out.
func WriteComparison(w io.Writer, sides []Side) error {
	for _, t := range comparison(sides) {
		lines, err := t.Lines()
		if err != nil {
			return err
		}
		if len(lines) > 0 {
			fmt.Fprintf(w, "\n%s\n", t.Title)
		}
		for _, line := range lines {
			fmt.Fprintln(w, line)
		}
	}
	return nil
}

func comparison(sides []Side) []*tables.Table {
	header := []string{"figure"}
	for _, s := range sides {
		header = append(header, s.Name)
	}
	made := func(title string) *figures {
		return &figures{table: &tables.Table{Title: title, Labels: 1, Header: header}, sides: sides}
	}
	verdicts := made("Verdict and objectives")
	verdicts.row("verdict", func(s *Side) string { return string(s.Report.Verdict) })
	for i := range sides[0].Report.Objectives {
		o := &sides[0].Report.Objectives[i]
		verdicts.row(o.Name(), func(s *Side) string { return s.objective(o.Name()) })
	}
	viewers := made("What viewers got")
	for _, c := range viewerFigures {
		viewers.count(c.name, func(s *Side) int64 { return c.of(&s.Report.Counts.Tally) })
	}
	for _, phase := range sides[0].Report.Phases {
		for _, q := range []struct {
			name string
			of   func(*Quantiles) float64
		}{{"p50", func(q *Quantiles) float64 { return q.P50 }}, {"p99", func(q *Quantiles) float64 { return q.P99 }}} {
			viewers.row("latency "+q.name+" in "+phase.Name+", ms", func(s *Side) string { return s.latency(phase.Name, q.of) })
		}
	}
	in := made("What packagers got")
	in.count("candidates acknowledged", func(s *Side) int64 { return s.Report.Counts.Published })
	in.count("given up", func(s *Side) int64 { return s.Report.Counts.Refused })
	in.count("over 500 ms", func(s *Side) int64 { return s.Report.Counts.SlowPublishes })
	all := []*tables.Table{verdicts.table, viewers.table, in.table}
	return append(all, made("What each tier carried").load())
}

var viewerFigures = []struct {
	name string
	of   func(*Tally) int64
}{
	{"requests", func(t *Tally) int64 { return t.Requests }},
	{"segments", func(t *Tally) int64 { return t.Segments }},
	{"missed", func(t *Tally) int64 { return t.Missed }},
	{"late", func(t *Tally) int64 { return t.Late }},
	{"stalled", func(t *Tally) int64 { return t.Stalled }},
	{"defective", func(t *Tally) int64 { return t.DefectiveServed }},
	{"failed requests", func(t *Tally) int64 { return t.FailedRequests }},
	{"too early, and told so", func(t *Tally) int64 { return t.Early404 }},
	{"too early, and held", func(t *Tally) int64 { return t.Held }},
}

// figures is a table with a column for each side.
type figures struct {
	table *tables.Table
	sides []Side
}

func (f *figures) row(name string, of func(*Side) string) {
	cells := []string{name}
	for i := range f.sides {
		cells = append(cells, of(&f.sides[i]))
	}
	f.table.Row(cells...)
}

// count adds a row, unless it is zero on all sides.
func (f *figures) count(name string, of func(*Side) int64) {
	if !slices.ContainsFunc(f.sides, func(s Side) bool { return of(&s) != 0 }) {
		return
	}
	f.row(name, func(s *Side) string { return tables.Short(of(s)) })
}

func (f *figures) load() *tables.Table {
	for _, tier := range Tiers() {
		if tier == TierViewers {
			continue
		}
		name := string(tier)
		f.count(name+" requests", func(s *Side) int64 { return s.Load[tier].Requests })
		f.count(name+" requests in the busiest second", func(s *Side) int64 { return s.Load[tier].PeakRequests })
		f.count(name+" MB", func(s *Side) int64 { return s.Load[tier].Bytes / 1e6 })
		f.count(name+" CPU, ms", func(s *Side) int64 { return s.Load[tier].CPUUs / 1000 })
		f.count(name+" refused", func(s *Side) int64 { return s.Load[tier].Shed })
		f.count(name+" failed", func(s *Side) int64 { return s.Load[tier].Failed })
	}
	return f.table
}

// objective is a side's value for an objective, with a mark where it was not met.
func (s *Side) objective(name string) string {
	for i := range s.Report.Objectives {
		o := &s.Report.Objectives[i]
		if o.Name() != name {
			continue
		}
		if o.Value == nil {
			return "?"
		}
		value := o.inTable(*o.Value)
		if o.Verdict != Pass {
			value += " " + string(o.Verdict)
		}
		return value
	}
	return "-"
}

// latency is the worst of the regions' quantiles in a phase.
func (s *Side) latency(phase string, of func(*Quantiles) float64) string {
	worst, found := 0.0, false
	for _, p := range s.Report.Phases {
		for _, r := range p.Regions {
			if p.Name == phase && r.Latency != nil {
				worst, found = max(worst, of(r.Latency)), true
			}
		}
	}
	if !found {
		return "-"
	}
	return strconv.FormatFloat(worst, 'f', 0, 64)
}

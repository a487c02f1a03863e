package reports

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// table is what the terminal and the summary show alike. Labels are the columns on the left that hold words; the others
// hold figures.
type table struct {
	title  string
	labels int
	header []string
	rows   [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// render draws plain columns for a terminal, or Markdown.
func (t *table) render(w io.Writer, markdown bool) error {
	align := make([]tw.Align, len(t.header))
	for i := range align {
		align[i] = tw.AlignRight
		if i < t.labels {
			align[i] = tw.AlignLeft
		}
	}
	opts := []tablewriter.Option{
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithRowAutoWrap(tw.WrapNone), tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
	}
	if markdown {
		opts = append(opts, tablewriter.WithRenderer(renderer.NewMarkdown()))
	} else {
		opts = append(opts, tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off},
				Lines:      tw.Lines{ShowHeaderLine: tw.Off},
			},
		})), tablewriter.WithPadding(tw.Padding{Left: "", Right: strings.Repeat(" ", columnGap), Overwrite: true}))
	}
	tab := tablewriter.NewTable(w, opts...)
	tab.Header(t.header)
	for _, row := range t.rows {
		if err := tab.Append(row); err != nil {
			return err
		}
	}
	return tab.Render()
}

func (r *Report) latencyTable() *table {
	t := &table{title: "What viewers got, in milliseconds", labels: 2, header: []string{
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
		t.row(phase, g.Region, short(g.Segments), short(samples), l[0], l[1], l[2], l[3], f)
	})
	return t
}

func (r *Report) countTable() *table {
	t := &table{title: "What went wrong for them", labels: 2, header: []string{
		"phase", "region", "missed", "late", "stall", "defect", "avoid", "wrong", "fail", "switch", "held", "early",
	}}
	r.eachRegion(func(phase string, g *RegionReport) {
		t.row(phase, g.Region, short(g.Missed), short(g.Late), short(g.Stalled), short(g.DefectiveServed),
			short(g.AvoidableDefects), short(g.WrongBytes), short(g.FailedRequests), short(g.Switches), short(g.Held),
			short(g.Early404))
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

func (r *Report) faultTable() *table {
	t := &table{title: "Faults", labels: 4, header: []string{"", "fault", "target", "recovery", "window", "felt", "affected"}}
	for i, f := range r.Faults {
		felt := "no"
		recovery, _, _ := strings.Cut(f.Recovery, ":") // report.json has the rest
		if f.Felt {
			felt = "yes"
		}
		if f.RecoveryMs != nil {
			recovery = number(*f.RecoveryMs) + " ms"
		}
		t.row(faultMark(i), f.ID, f.Target, recovery, (&Window{FromMs: f.FromMs, UntilMs: f.UntilMs}).String(), felt, short(f.Affected))
	}
	return t
}

func (r *Report) objectiveTable() *table {
	t := &table{title: "Objectives", labels: 3, header: []string{
		"", "objective", "fault", "value", "limit", "samples", "worst 5s", "breach",
	}}
	for i := range r.Objectives {
		o := &r.Objectives[i]
		value, worst, breach := "-", "-", "-"
		if o.Value != nil {
			value = o.Quantity(*o.Value)
		}
		if o.WorstWindow != nil {
			worst = fmt.Sprintf("%s @%s", number(o.WorstWindow.Value), seconds(o.WorstWindow.FromMs))
		}
		if o.FirstBreach != nil {
			breach = seconds(o.FirstBreach.FromMs)
		}
		t.row(verdictWord[o.Verdict], o.Name(), o.Fault, value, o.Quantity(o.Limit), short(o.Samples), worst, breach)
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

// short keeps a count within six columns.
func short(n int64) string {
	f := float64(n)
	switch {
	case n < 100_000:
		return strconv.FormatInt(n, 10)
	case n < 1_000_000:
		return fmt.Sprintf("%.0fk", f/1e3)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.3gM", f/1e6)
	}
	return fmt.Sprintf("%.3gG", f/1e9)
}

func whole(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }

// clip shortens words that would break a table.
func clip(s string, width int) string {
	rs := []rune(s)
	if len(rs) <= width {
		return s
	}
	return string(rs[:width-1]) + "…"
}

// fit clips words, the longest first, until the table is no wider than that. Figures are never clipped.
func (t *table) fit(width int) *table {
	widths := make([]int, len(t.header))
	total := columnGap * (len(t.header) - 1)
	for i := range widths {
		for _, row := range append(t.rows, t.header) {
			widths[i] = max(widths[i], len([]rune(row[i])))
		}
		total += widths[i]
	}
	for ; total > width; total-- {
		widest := 0
		for i := range t.labels {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= wordMin {
			break
		}
		widths[widest]--
	}
	for _, row := range t.rows {
		for i := range t.labels {
			row[i] = clip(row[i], widths[i])
		}
	}
	return t
}

const (
	columnGap = 2
	wordMin   = 9 // no column of words gets narrower: "recovery" and the like must stay legible
)

// escape keeps cells from ending early in Markdown.
func (t *table) escape() *table {
	for _, row := range t.rows {
		for i := range row {
			row[i] = escapeMarkdown(row[i])
		}
	}
	return t
}

func escapeMarkdown(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", "`", "'").Replace(s)
}

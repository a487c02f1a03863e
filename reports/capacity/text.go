package capacity

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/reports/tables"
)

// limitsShown is how many limits a terminal gets; capacity.json has all.
const limitsShown = 12

// WriteText writes the plan for a terminal.
func (p *Plan) WriteText(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Capacity plan  %s  seed %d\n", p.Scenario, p.Seed)
	fmt.Fprintf(&b, "%s viewers at the peak, %s planned\n", tables.Short(p.ViewersPeak), tables.Short(p.ViewersPlanned))
	all := []*tables.Table{p.trafficTable(), p.stateTable(), p.needTable(), p.limitTable()}
	for _, t := range append(all, p.growthTables()...) {
		lines, err := t.Lines()
		if err != nil {
			return err
		}
		if len(lines) > 0 {
			fmt.Fprintf(&b, "\n%s\n", t.Title)
		}
		for _, line := range lines {
			fmt.Fprintln(&b, line)
		}
	}
	tables.WriteList(&b, "Not known", p.unknowns())
	tables.WriteList(&b, "Notes", p.Notes)
	_, err := w.Write(b.Bytes())
	return err
}

func (p *Plan) trafficTable() *tables.Table {
	t := &tables.Table{Title: "What each tier carried", Labels: 2, Header: []string{
		"tier", "region", "nodes", "req/s", "p99", "Gb/s", "p99", "cores", "p99", "shed", "failed",
	}}
	for i := range p.Tiers {
		c := &p.Tiers[i]
		row := []string{string(c.Tier), c.Region, short(c.Nodes)}
		for _, p := range []*Peaks{c.Requests, c.Gbps, c.Cores} {
			row = append(row, p.cells(1)...)
		}
		t.Row(append(row, short(c.Shed), short(c.Failed))...)
	}
	return t
}

func (p *Plan) stateTable() *tables.Table {
	t := &tables.Table{Title: "What it looked up and held", Labels: 2, Header: []string{
		"tier", "region", "hits", "worst min", "store op/s", "p99", "holders", "p99", "MiB", "p99",
	}}
	for i := range p.Tiers {
		c := &p.Tiers[i]
		if c.HitRatio == nil && c.StoreOps == nil && c.Holders == nil && c.MemoryBytes == nil {
			continue
		}
		row := append([]string{string(c.Tier), c.Region}, c.HitRatio.cells()...)
		row = append(row, c.StoreOps.cells(1)...)
		row = append(row, c.Holders.cells(1)...)
		t.Row(append(row, c.MemoryBytes.cells(1<<20)...)...)
	}
	return t
}

func (p *Plan) needTable() *tables.Table {
	t := &tables.Table{
		Title:  fmt.Sprintf("Nodes that carry the busiest second with one zone of %d lost, by what limits them", p.Zones),
		Labels: 2, Header: []string{"unit", "region"},
	}
	for _, r := range resources {
		t.Header = append(t.Header, r.name)
	}
	t.Header = append(t.Header, "needed", "binding", "simulated")
	for i := range p.Needs {
		n := &p.Needs[i]
		row := []string{n.Unit, n.Region}
		for _, r := range resources {
			row = append(row, n.nodesBy(r.name))
		}
		t.Row(append(row, tables.Short(n.Nodes), n.Binding, short(n.Simulated))...)
	}
	return t
}

// nodesBy is what one resource alone would need.
func (n *Need) nodesBy(resource string) string {
	for _, r := range n.Resources {
		if r.Resource == resource {
			return tables.Short(r.Nodes)
		}
	}
	return none
}

func (p *Plan) limitTable() *tables.Table {
	t := &tables.Table{Title: "Where it breaks first", Labels: 3, Header: []string{
		"resource", "tier", "region", "nodes", "peak", "calm", "full at viewers", "95 %",
	}}
	if len(p.Limits) > limitsShown {
		t.Title += fmt.Sprintf(" (%d of %d)", limitsShown, len(p.Limits))
	}
	for i := range p.Limits[:min(limitsShown, len(p.Limits))] {
		l := &p.Limits[i]
		calm, at, interval := none, l.Why, none
		if l.Calm != nil {
			calm = percent(l.Calm.Value)
		}
		if l.Trend.Shape == NotKnown {
			at = string(NotKnown)
		}
		if l.BreaksAt != nil {
			at = tables.Figure(l.BreaksAt.Value)
			interval = tables.Figure(l.BreaksAt.Low) + "-" + tables.Figure(l.BreaksAt.High)
		}
		t.Row(l.Resource, string(l.Tier), l.Region, short(l.Nodes), percent(l.Utilisation), calm, at, interval)
	}
	return t
}

// growthColumns is how many columns of nodes fit beside each other.
const growthColumns = 4

// growthTables are one table in as many parts as it takes to fit.
func (p *Plan) growthTables() []*tables.Table {
	if len(p.Growth) == 0 {
		return nil
	}
	header, columns := []string{}, make([][]string, len(p.Growth))
	for _, u := range p.Growth[0].Units {
		header = append(header, u.Unit+"s")
	}
	for i, g := range p.Growth {
		for _, u := range g.Units {
			columns[i] = append(columns[i], u.Nodes.String())
		}
		if p.hasLinks() {
			columns[i] = append(columns[i], link(g.Backbone))
		}
	}
	title := "Peak viewers against nodes of all regions"
	if p.hasLinks() {
		header = append(header, "backbone")
		title += ", and the fullest backbone link"
	}
	var parts []*tables.Table
	for from := 0; from < len(header); from += growthColumns {
		until := min(from+growthColumns, len(header))
		t := &tables.Table{Title: title, Labels: 1, Header: append([]string{"viewers"}, header[from:until]...)}
		for i, g := range p.Growth {
			t.Row(append([]string{g.name()}, columns[i][from:until]...)...)
		}
		parts = append(parts, t)
		title = "The same, further columns"
	}
	return parts
}

// hasLinks says that some backbone link has a limit.
func (p *Plan) hasLinks() bool {
	return slices.ContainsFunc(p.Limits, func(l Limit) bool { return l.Tier == reports.TierBackbone })
}

// name marks what was not planned with, but measured, and what was not seen.
func (g *Growth) name() string {
	switch name := tables.Figure(float64(g.Viewers)); {
	case g.Simulated:
		return name + " simulated"
	case g.Extrapolated:
		return name + " extrapolated"
	default:
		return name
	}
}

// String is the number with its interval, if that is one.
func (n *Nodes) String() string {
	switch {
	case n == nil:
		return string(NotKnown)
	case n.Low == n.High:
		return tables.Short(n.Value)
	}
	return fmt.Sprintf("%s (%s-%s)", tables.Short(n.Value), tables.Short(n.Low), tables.Short(n.High))
}

func link(i *Interval) string {
	switch {
	case i == nil:
		return string(NotKnown)
	case i.Low == i.High:
		return percent(i.Value)
	}
	return fmt.Sprintf("%s (%s-%s)", percent(i.Value), hundredths(i.Low), hundredths(i.High))
}

// unknowns says of each limit that was shown without a trend why it has none; those with the same reason share a line.
func (p *Plan) unknowns() []string {
	var whys []string
	who := map[string]string{}
	for i := range p.Limits[:min(limitsShown, len(p.Limits))] {
		l := &p.Limits[i]
		if l.Trend.Shape != NotKnown {
			continue
		}
		if who[l.Trend.Why] == "" {
			whys = append(whys, l.Trend.Why)
		} else {
			who[l.Trend.Why] += ", "
		}
		who[l.Trend.Why] += fmt.Sprintf("%s of %s %s", l.Resource, l.Tier, l.Region)
	}
	for i, why := range whys {
		if !slices.ContainsFunc(p.Limits, func(l Limit) bool { return l.Trend.Why != why }) {
			who[why] = "any trend"
		}
		whys[i] = who[why] + ": " + why
	}
	return whys
}

// none stands for a measure that is not there.
const none = "-"

func short(n *int64) string {
	if n == nil {
		return none
	}
	return tables.Short(*n)
}

// cells are the peak and the percentile, in units of so many.
func (p *Peaks) cells(unit float64) []string {
	if p == nil {
		return []string{none, none}
	}
	p99 := none
	if p.P99 != nil {
		p99 = tables.Figure(*p.P99 / unit)
	}
	return []string{tables.Figure(p.Peak / unit), p99}
}

func (r *HitRatio) cells() []string {
	if r == nil {
		return []string{none, none}
	}
	share := func(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + "%" }
	return []string{share(r.Event), share(r.WorstMinute)}
}

func percent(v float64) string { return hundredths(v) + "%" }

// hundredths are whole ones where they can be; and never more than six columns.
func hundredths(v float64) string {
	if v *= 100; v < 1 || v >= 99_999 {
		return tables.Figure(v)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

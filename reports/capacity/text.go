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
		t.Row(string(c.Tier), c.Region, tables.Short(c.Nodes), figure(c.Requests.Peak), figure(c.Requests.P99),
			figure(c.Gbps.Peak), figure(c.Gbps.P99), figure(c.Cores.Peak), figure(c.Cores.P99),
			tables.Short(c.Shed), tables.Short(c.Failed))
	}
	return t
}

func (p *Plan) stateTable() *tables.Table {
	t := &tables.Table{Title: "What it looked up and held", Labels: 2, Header: []string{
		"tier", "region", "hits", "worst min", "store op/s", "p99", "holders", "p99", "MiB", "p99",
	}}
	for i := range p.Tiers {
		c := &p.Tiers[i]
		if c.HitRatio.Event == nil && c.StoreOps.Peak+c.Holders.Peak+c.MemoryBytes.Peak == 0 {
			continue
		}
		t.Row(string(c.Tier), c.Region, ratio(c.HitRatio.Event), ratio(c.HitRatio.WorstMinute),
			figure(c.StoreOps.Peak), figure(c.StoreOps.P99), figure(c.Holders.Peak), figure(c.Holders.P99),
			figure(c.MemoryBytes.Peak/(1<<20)), figure(c.MemoryBytes.P99/(1<<20)))
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
		t.Row(append(row, tables.Short(n.Nodes), n.Binding, tables.Short(n.Simulated))...)
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
	return "-"
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
		calm, at, interval := "-", l.Why, "-"
		if l.Calm != nil {
			calm = percent(l.Calm.Value)
		}
		if l.Trend.Shape == NotKnown {
			at = string(NotKnown)
		}
		if l.BreaksAt != nil {
			at = figure(l.BreaksAt.Value)
			interval = figure(l.BreaksAt.Low) + "-" + figure(l.BreaksAt.High)
		}
		t.Row(l.Resource, string(l.Tier), l.Region, tables.Short(l.Nodes), percent(l.Utilisation), calm, at, interval)
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

// figure is a dash for nothing at all.
func figure(v float64) string {
	if v == 0 {
		return "-"
	}
	return tables.Figure(v)
}

func ratio(r *float64) string {
	if r == nil {
		return "-"
	}
	return strconv.FormatFloat(100**r, 'f', 1, 64) + "%"
}

func percent(v float64) string { return hundredths(v) + "%" }

// hundredths are whole ones where they can be; and never more than six columns.
func hundredths(v float64) string {
	if v *= 100; v < 1 || v >= 99_999 {
		return tables.Figure(v)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

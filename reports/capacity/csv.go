package capacity

import (
	"encoding/csv"
	"io"
	"strconv"

	"github.com/liveorigin/liveorigin/reports"
)

// record is a row of capacity.csv. What its kind has no use for, and what is not known, is empty.
//
//	tier    a measure of a tier: event, worst_minute, peak and p99, in the unit
//	need    a node's resource: peak and capacity in the unit, and the nodes that it alone would need
//	needed  the nodes that are needed, and simulated; the measure is the resource that binds
//	limit   a resource: peak is the utilisation of the busiest second, value, low and high are the calm one; viewers are
//	        those at which it is full
//	growth  value, low and high are the nodes, or the utilisation of the backbone, that so many viewers need
//
// Low and high are the ends of an interval of 95 %.
type record struct {
	kind, tier, region, node, measure, unit        string
	event, worstMinute, peak, p99                  string
	capacity, nodes, simulated                     string
	value, low, high, viewers, fewest, most, basis string
	note                                           string
}

var csvHeader = record{
	kind: "kind", tier: "tier", region: "region", node: "node", measure: "measure", unit: "unit",
	event: "event", worstMinute: "worst_minute", peak: "peak", p99: "p99",
	capacity: "capacity", nodes: "nodes", simulated: "simulated_nodes",
	value: "value", low: "low", high: "high", viewers: "viewers", fewest: "viewers_low", most: "viewers_high",
	basis: "basis", note: "note",
}

func (r *record) cells() []string {
	return []string{
		r.kind, r.tier, r.region, r.node, r.measure, r.unit, r.event, r.worstMinute, r.peak, r.p99, r.capacity, r.nodes,
		r.simulated, r.value, r.low, r.high, r.viewers, r.fewest, r.most, r.basis, r.note,
	}
}

// WriteCSV writes capacity.csv: all figures of the plan, a row each; the first column says of which kind it is.
func (p *Plan) WriteCSV(w io.Writer) error {
	records := []record{csvHeader}
	for i := range p.Tiers {
		records = append(records, p.Tiers[i].records()...)
	}
	for i := range p.Needs {
		records = append(records, p.Needs[i].records()...)
	}
	for i := range p.Limits {
		records = append(records, p.Limits[i].record())
	}
	for i := range p.Growth {
		records = append(records, p.Growth[i].records(p.hasLinks())...)
	}
	out := csv.NewWriter(w)
	for i := range records {
		if err := out.Write(records[i].cells()); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func (t *Tier) records() []record {
	of := func(measure, unit string) record {
		return record{kind: "tier", tier: string(t.Tier), region: t.Region, measure: measure, unit: unit}
	}
	nodes := of("nodes", "nodes")
	nodes.peak = integer(t.Nodes)
	rows := []record{nodes}
	for _, m := range []struct {
		measure, unit string
		peaks         *Peaks
	}{
		{"requests", "1/s", t.Requests}, {"traffic", "Gbit/s", t.Gbps}, {"cpu", "cores", t.Cores},
		{"store operations", "1/s", t.StoreOps}, {"holders", "requests", t.Holders}, {"memory", "bytes", t.MemoryBytes},
	} {
		row := of(m.measure, m.unit)
		if m.peaks != nil {
			row.peak, row.p99 = decimal(&m.peaks.Peak), decimal(m.peaks.P99)
		}
		rows = append(rows, row)
	}
	ratio, shed, failed := of("cache hit ratio", "1"), of("shed", "requests"), of("failed", "requests")
	if t.HitRatio != nil {
		ratio.event, ratio.worstMinute = decimal(&t.HitRatio.Event), decimal(&t.HitRatio.WorstMinute)
	}
	shed.event, failed.event = integer(t.Shed), integer(t.Failed)
	return append(rows, ratio, shed, failed)
}

func (n *Need) records() []record {
	var rows []record
	for _, r := range n.Resources {
		rows = append(rows, record{
			kind: "need", tier: string(n.Tier), region: n.Region, node: n.Unit, measure: r.Resource, unit: r.Unit,
			peak: decimal(&r.Peak), capacity: decimal(&r.Capacity), nodes: integer(&r.Nodes),
		})
	}
	return append(rows, record{
		kind: "needed", tier: string(n.Tier), region: n.Region, node: n.Unit, measure: n.Binding, unit: "nodes",
		nodes: integer(&n.Nodes), simulated: integer(n.Simulated),
	})
}

func (l *Limit) record() record {
	r := record{
		kind: "limit", tier: string(l.Tier), region: l.Region, measure: l.Resource, unit: "1", peak: decimal(&l.Utilisation),
		simulated: integer(l.Nodes), note: l.Why,
	}
	r.value, r.low, r.high = l.Calm.decimals()
	r.viewers, r.fewest, r.most = l.BreaksAt.decimals()
	return r
}

// records are one for each kind of node, and one for the links if those have a limit.
func (g *Growth) records(links bool) []record {
	of := func(unit string, known bool) record {
		r := record{kind: "growth", unit: unit, viewers: integer(&g.Viewers), basis: g.basis()}
		if !known {
			r.note = string(NotKnown)
		}
		return r
	}
	var rows []record
	for _, u := range g.Units {
		r := of("nodes", u.Nodes != nil)
		r.node = u.Unit
		if n := u.Nodes; n != nil {
			r.value, r.low, r.high = integer(&n.Value), integer(&n.Low), integer(&n.High)
		}
		rows = append(rows, r)
	}
	if links {
		r := of("1", g.Backbone != nil)
		r.tier, r.measure = string(reports.TierBackbone), "link"
		r.value, r.low, r.high = g.Backbone.decimals()
		rows = append(rows, r)
	}
	return rows
}

// basis says what a row of the growth table rests on.
func (g *Growth) basis() string {
	switch {
	case g.Simulated:
		return "simulated"
	case g.Extrapolated:
		return "extrapolated"
	}
	return "interpolated"
}

func (i *Interval) decimals() (value, low, high string) {
	if i == nil {
		return "", "", ""
	}
	return decimal(&i.Value), decimal(&i.Low), decimal(&i.High)
}

func integer(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

func decimal(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

package capacity

import (
	"slices"

	"github.com/liveorigin/liveorigin/reports"
)

// Growth is what a number of viewers at the peak needs.
type Growth struct {
	Viewers int64 `json:"viewers"`
	// Simulated marks the row that was measured; Extrapolated those above it, and those below what trends are drawn from.
	Simulated    bool         `json:"simulated,omitempty"`
	Extrapolated bool         `json:"extrapolated,omitempty"`
	Units        []UnitGrowth `json:"units"`
	// Backbone is the utilisation of the region's link that has least to spare; null where it is not known.
	Backbone *Interval `json:"backbone_utilisation"`
}

// UnitGrowth is a number of nodes in all regions, with its 95 % confidence interval; null where it is not known.
type UnitGrowth struct {
	Unit  string `json:"unit"`
	Nodes *Nodes `json:"nodes"`
}

// Nodes is a number of them with its interval.
type Nodes struct {
	Value int64 `json:"value"`
	Low   int64 `json:"low"`
	High  int64 `json:"high"`
}

// asked are the numbers of viewers that the table has rows for, besides the one that was simulated.
var asked = []int64{1e6, 5e6, 10e6, 20e6, 50e6, 65e6, 100e6}

// law says how a demand follows viewers: along its trend, of which its peak keeps the ratio that it had.
type law struct {
	demand
	trend *trend
	ratio float64 // zero when it is not known
}

func (t *timeline) law(s *series, d demand, blocks []calmBlock) law {
	l := law{demand: d, trend: t.trendOf(s, d.need, blocks)}
	if !l.trend.known() {
		return l
	}
	viewers := t.viewers[secondOf(d.second)]
	if l.trend.Shape == Linear && viewers < t.peak/2 {
		return l // so it was not viewers who made this peak, and nobody knows what more of them would do to it
	}
	if expected := l.trend.at(viewers).Value; expected > 0 {
		l.ratio = d.peak / expected
	}
	return l
}

// at is the demand at a number of viewers; never below zero.
func (l law) at(viewers float64) Interval {
	i := l.trend.at(viewers)
	return Interval{max(0, i.Value*l.ratio), max(0, i.Low*l.ratio), max(0, i.High*l.ratio)}
}

// laws are those of a unit in a region. They are not known when the one of a resource is not that asks for more than
// half of what the binding one does: it could become the binding one.
func (t *timeline) laws(u *Unit, s *series, blocks []calmBlock) (known []law, ok bool) {
	ds := demands(u, s)
	most := binding(ds).peak
	for _, d := range ds {
		switch l := t.law(s, d, blocks); {
		case l.ratio > 0:
			known = append(known, l)
		case d.peak > most/2:
			return nil, false
		}
	}
	return known, true
}

// growth makes the table.
func (t *timeline) growth(in *Inputs, blocks []calmBlock) []Growth {
	simulated, fewest := int64(t.peak), int64(fewestViewers(blocks))
	rows := []Growth{}
	for _, viewers := range slices.Sorted(slices.Values(append([]int64{simulated}, asked...))) {
		if viewers == 0 || float64(viewers) > beyond*t.peak || len(rows) > 0 && rows[len(rows)-1].Viewers == viewers {
			continue
		}
		rows = append(rows, Growth{
			Viewers: viewers, Simulated: viewers == simulated, Extrapolated: viewers > simulated || viewers < fewest,
		})
	}
	for i := range in.Units {
		u := &in.Units[i]
		if all := t.of(u.Tier); limited(u, all) {
			t.growUnit(rows, u, all, in.Zones, blocks)
		}
	}
	t.growBackbone(rows, blocks)
	return rows
}

// limited says whether a tier carried anything that limits a unit of it. Without, there is no need to tell.
func limited(u *Unit, all []*series) bool {
	return slices.ContainsFunc(all, func(s *series) bool { return len(demands(u, s)) > 0 })
}

// growUnit fills in one column. What was simulated is measured and has no interval.
func (t *timeline) growUnit(rows []Growth, u *Unit, all []*series, zones int, blocks []calmBlock) {
	byRegion := make([][]law, len(all))
	known := true
	for i, s := range all {
		var ok bool
		byRegion[i], ok = t.laws(u, s, blocks)
		known = known && ok
	}
	for i := range rows {
		g := UnitGrowth{Unit: u.Name}
		switch {
		case rows[i].Simulated:
			g.Nodes = measured(u, all, zones)
		case known:
			g.Nodes = predicted(byRegion, float64(rows[i].Viewers), zones)
		}
		rows[i].Units = append(rows[i].Units, g)
	}
}

func measured(u *Unit, all []*series, zones int) *Nodes {
	var n int64
	for _, s := range all {
		need, _ := needOf(u, s, zones)
		n += need.Nodes
	}
	return &Nodes{n, n, n}
}

func predicted(byRegion [][]law, viewers float64, zones int) *Nodes {
	var sum Nodes
	for _, laws := range byRegion {
		var most Interval
		for _, l := range laws {
			i := l.at(viewers)
			most = Interval{max(most.Value, i.Value), max(most.Low, i.Low), max(most.High, i.High)}
		}
		sum.Value += nodesFor(most.Value, zones)
		sum.Low += nodesFor(most.Low, zones)
		sum.High += nodesFor(most.High, zones)
	}
	return &sum
}

// growBackbone fills in the last column.
func (t *timeline) growBackbone(rows []Growth, blocks []calmBlock) {
	var links []law
	for _, s := range t.of(reports.TierBackbone) {
		used := need{of: linkShare}
		busiest := s.busiest(used.of)
		if peak := used.of(busiest); peak > 0 {
			links = append(links, t.law(s, demand{peak: peak, second: busiest, need: used}, blocks))
		}
	}
	for i := range rows {
		rows[i].Backbone = fullest(links, &rows[i])
	}
}

// fullest is the link with least to spare; nil when there is none, or one of which that is not known.
func fullest(links []law, row *Growth) *Interval {
	var most *Interval
	for _, l := range links {
		at := Interval{l.peak, l.peak, l.peak}
		switch {
		case row.Simulated:
		case l.ratio == 0:
			return nil
		default:
			at = l.at(float64(row.Viewers))
		}
		if most == nil || at.Value > most.Value {
			most = &at
		}
	}
	return most
}

package capacity

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/reports/tables"
)

// Limit is one resource of which the simulated system had only so much.
type Limit struct {
	Tier     reports.Tier `json:"tier"`
	Region   string       `json:"region,omitempty"`
	Resource string       `json:"resource"`
	// Utilisation is the share of it that was used in the busiest second, at PeakAtMs, of that second's Nodes.
	Utilisation float64 `json:"utilisation"`
	PeakAtMs    int64   `json:"peak_at_ms"`
	Nodes       *int64  `json:"nodes"` // null for a link
	// Trend is of the utilisation. Calm is what it says of the most viewers that were simulated: lower than the peak,
	// since it knows neither single seconds nor faults.
	Trend Trend     `json:"trend"`
	Calm  *Interval `json:"calm_utilisation"`
	// BreaksAt is the number of viewers at which the trend reaches 1; null if nobody can say, and Why tells.
	BreaksAt *Interval `json:"breaks_at_viewers"`
	Why      string    `json:"why,omitempty"`
}

// limits lists them, the most utilised first.
func (t *timeline) limits(units []Unit, blocks []calmBlock) []Limit {
	found := []Limit{}
	for i := range units {
		u := &units[i]
		for _, s := range t.of(u.Tier) {
			for _, r := range resources {
				if capacity := r.capacity(u); capacity > 0 {
					used := func(l *reports.Load) float64 { return share(r.load(l), capacity*float64(l.Nodes)) }
					found = t.appendLimit(found, s, r.name, need{used, r.level}, blocks)
				}
			}
		}
	}
	for _, s := range t.of(reports.TierBackbone) {
		found = t.appendLimit(found, s, "link", need{of: linkShare}, blocks)
	}
	slices.SortStableFunc(found, func(a, b Limit) int { return cmp.Compare(b.Utilisation, a.Utilisation) })
	return found
}

// linkShare is the utilisation of a region's backbone link.
func linkShare(l *reports.Load) float64 { return share(bps(l), float64(l.LimitBps)) }

// share is zero where nobody said of how much.
func share(load, all float64) float64 {
	if all == 0 {
		return 0
	}
	return load / all
}

// appendLimit leaves out what was not used at all.
func (t *timeline) appendLimit(found []Limit, s *series, resource string, used need, blocks []calmBlock) []Limit {
	busiest := s.busiest(used.of)
	l := Limit{Tier: s.tier, Region: s.region, Resource: resource, Utilisation: used.of(busiest),
		PeakAtMs: busiest.AtUs / 1000, Nodes: known(busiest.Nodes)}
	if l.Utilisation == 0 {
		return found
	}
	tr := t.trendOf(s, used, blocks)
	l.Trend = tr.Trend
	if tr.known() {
		calm := tr.at(t.peak)
		l.Calm = &calm
	}
	l.BreaksAt, l.Why = tr.breaksAt()
	return append(found, l)
}

func (f *trend) breaksAt() (*Interval, string) {
	switch f.Shape {
	case NotKnown:
		return nil, "not known: " + f.Why
	case Flat:
		return nil, "does not depend on viewers"
	}
	at := f.reaching(1)
	if at.Value > f.viewersMax {
		return nil, fmt.Sprintf("not before %s", tables.Figure(f.viewersMax))
	}
	return &at, ""
}

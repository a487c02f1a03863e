package capacity

import (
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/liveorigin/liveorigin/reports"
)

// Tier is what one tier carried in one region.
type Tier struct {
	Tier   reports.Tier `json:"tier"`
	Region string       `json:"region,omitempty"`
	Nodes  int64        `json:"nodes"` // the most that were simulated at once
	// BusySeconds are those in which anything happened; percentiles are over them.
	BusySeconds int      `json:"busy_seconds"`
	Requests    Peaks    `json:"requests_per_s"`
	Gbps        Peaks    `json:"gbit_per_s"`
	Cores       Peaks    `json:"cpu_cores"`
	StoreOps    Peaks    `json:"store_ops_per_s"`
	Holders     Peaks    `json:"holders"`
	MemoryBytes Peaks    `json:"memory_bytes"`
	HitRatio    HitRatio `json:"hit_ratio"`
	Shed        int64    `json:"shed"`
	Failed      int64    `json:"failed"`
}

// Peaks are a measure's largest value of any second, and the 99th percentile of the busy ones.
type Peaks struct {
	Peak float64 `json:"peak"`
	P99  float64 `json:"p99"`
}

// HitRatio is the share of look-ups that a cache could answer, from 0 to 1; null where nothing was looked up.
type HitRatio struct {
	Event *float64 `json:"event"` // of all look-ups
	// WorstMinute is the least of any sixty seconds on end. Of an event shorter than that, it is the event's.
	WorstMinute *float64 `json:"worst_minute"`
}

func (s *series) summary() Tier {
	t := Tier{
		Tier: s.tier, Region: s.region, Nodes: s.nodes(), BusySeconds: len(s.loads), HitRatio: s.hitRatio(),
		Requests: s.peaks(requests), Gbps: s.peaks(func(l *reports.Load) float64 { return bps(l) / 1e9 }),
		Cores: s.peaks(cores), StoreOps: s.peaks(storeOps), Holders: s.peaks(holders), MemoryBytes: s.peaks(memory),
	}
	for i := range s.loads {
		l := &s.loads[i]
		t.Shed += l.Shed
		t.Failed += l.Failed
	}
	return t
}

func (s *series) nodes() (most int64) {
	for i := range s.loads {
		most = max(most, s.loads[i].Nodes)
	}
	return most
}

// peaks takes the percentile by nearest rank: it is a value that occurred.
func (s *series) peaks(figure func(*reports.Load) float64) Peaks {
	values := make([]float64, len(s.loads))
	for i := range s.loads {
		values[i] = figure(&s.loads[i])
	}
	if len(values) == 0 {
		return Peaks{}
	}
	slices.Sort(values)
	return Peaks{Peak: values[len(values)-1], P99: stat.Quantile(0.99, stat.Empirical, values, nil)}
}

// lookups counts what a cache was asked, and what of it it had.
type lookups struct{ hits, all int64 }

func (n *lookups) add(l *reports.Load, sign int64) {
	n.hits += sign * l.Hits
	n.all += sign * (l.Hits + l.Misses)
}

// ratio is nil without look-ups.
func (n lookups) ratio() *float64 {
	if n.all == 0 {
		return nil
	}
	r := float64(n.hits) / float64(n.all)
	return &r
}

// minute is the length of the window for the worst of a hit ratio, in seconds.
const minute = 60

// hitRatio slides a minute over the series; it begins with the first whole one.
func (s *series) hitRatio() HitRatio {
	var all, window lookups
	var worst *float64
	oldest := 0
	for i := range s.loads {
		l := &s.loads[i]
		all.add(l, 1)
		window.add(l, 1)
		for ; secondOf(&s.loads[oldest]) <= secondOf(l)-minute; oldest++ {
			window.add(&s.loads[oldest], -1)
		}
		if secondOf(l) < secondOf(&s.loads[0])+minute-1 {
			continue
		}
		if r := window.ratio(); r != nil && (worst == nil || *r < *worst) {
			worst = r
		}
	}
	if worst == nil {
		worst = all.ratio()
	}
	return HitRatio{Event: all.ratio(), WorstMinute: worst}
}

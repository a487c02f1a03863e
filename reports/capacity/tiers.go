package capacity

import (
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/liveorigin/liveorigin/reports"
)

// Tier is what one tier carried in one region. A measure is null where the tier never had anything of it, in any region
// and any second: nobody can tell then whether there was nothing of it or nobody counts it.
type Tier struct {
	Tier   reports.Tier `json:"tier"`
	Region string       `json:"region,omitempty"`
	Nodes  *int64       `json:"nodes"` // the most that were simulated at once
	// BusySeconds are those in which there were requests or bytes.
	BusySeconds int       `json:"busy_seconds"`
	Requests    *Peaks    `json:"requests_per_s"`
	Gbps        *Peaks    `json:"gbit_per_s"`
	Cores       *Peaks    `json:"cpu_cores"`
	StoreOps    *Peaks    `json:"store_ops_per_s"`
	Holders     *Peaks    `json:"holders"`
	MemoryBytes *Peaks    `json:"memory_bytes"`
	HitRatio    *HitRatio `json:"hit_ratio"`
	Shed        *int64    `json:"shed"`
	Failed      *int64    `json:"failed"`
}

// Peaks are a measure's largest value of any second, and its 99th percentile: of the busy seconds, and of memory of all
// that load.jsonl has. It is null where none was busy.
type Peaks struct {
	Peak float64  `json:"peak"`
	P99  *float64 `json:"p99"`
}

// HitRatio is the share of look-ups that a cache could answer, from 0 to 1.
type HitRatio struct {
	Event float64 `json:"event"` // of all look-ups
	// WorstMinute is the least of any sixty seconds on end. Of an event shorter than that, it is the event's.
	WorstMinute float64 `json:"worst_minute"`
}

func (t *timeline) summary(s *series) Tier {
	sum := Tier{
		Tier: s.tier, Region: s.region, Nodes: known(s.nodes()), BusySeconds: len(s.values(busy, requests)),
		Shed:   t.count(s, func(l *reports.Load) int64 { return l.Shed }),
		Failed: t.count(s, func(l *reports.Load) int64 { return l.Failed }),
	}
	for _, m := range []struct {
		into   **Peaks
		figure func(*reports.Load) float64
		counts func(*reports.Load) bool // for the percentile
	}{
		{&sum.Requests, requests, busy}, {&sum.Gbps, gbps, busy}, {&sum.Cores, cores, busy},
		{&sum.StoreOps, storeOps, busy}, {&sum.Holders, holders, busy}, {&sum.MemoryBytes, memory, always},
	} {
		if t.has(s.tier, m.figure) {
			*m.into = s.peaks(m.figure, m.counts)
		}
	}
	sum.HitRatio = s.hitRatio()
	return sum
}

// known is nil for none: where no node was counted, there are some nevertheless.
func known(nodes int64) *int64 {
	if nodes == 0 {
		return nil
	}
	return &nodes
}

// busy tells the seconds in which a tier did its work from those in which it only held or lost something.
func busy(l *reports.Load) bool { return l.Requests > 0 || l.Bytes > 0 }

func always(*reports.Load) bool { return true }

// has says whether a tier had anything of a measure: in any region, in any second.
func (t *timeline) has(tier reports.Tier, figure func(*reports.Load) float64) bool {
	for _, s := range t.of(tier) {
		if figure(s.busiest(figure)) > 0 {
			return true
		}
	}
	return false
}

// count adds up what happened; nil where it never did in this tier.
func (t *timeline) count(s *series, figure func(*reports.Load) int64) *int64 {
	if !t.has(s.tier, func(l *reports.Load) float64 { return float64(figure(l)) }) {
		return nil
	}
	var n int64
	for i := range s.loads {
		n += figure(&s.loads[i])
	}
	return &n
}

func (s *series) nodes() (most int64) {
	for i := range s.loads {
		most = max(most, s.loads[i].Nodes)
	}
	return most
}

// values are those of the seconds that count.
func (s *series) values(counts func(*reports.Load) bool, figure func(*reports.Load) float64) []float64 {
	values := make([]float64, 0, len(s.loads))
	for i := range s.loads {
		if l := &s.loads[i]; counts(l) {
			values = append(values, figure(l))
		}
	}
	return values
}

// peaks takes the percentile by nearest rank: it is a value that occurred.
func (s *series) peaks(figure func(*reports.Load) float64, counts func(*reports.Load) bool) *Peaks {
	p := &Peaks{Peak: figure(s.busiest(figure))}
	if values := s.values(counts, figure); len(values) > 0 {
		slices.Sort(values)
		p99 := stat.Quantile(0.99, stat.Empirical, values, nil)
		p.P99 = &p99
	}
	return p
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

// hitRatio slides a minute over the series; it begins with the first whole one. It is nil without look-ups.
func (s *series) hitRatio() *HitRatio {
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
	event := all.ratio()
	switch {
	case event == nil:
		return nil
	case worst == nil:
		worst = event
	}
	return &HitRatio{Event: *event, WorstMinute: *worst}
}

package reports

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Tally counts what viewers asked for and got.
type Tally struct {
	Requests         int64 `json:"requests"`
	Bytes            int64 `json:"bytes"`
	Segments         int64 `json:"segments"`
	Missed           int64 `json:"missed"`
	Late             int64 `json:"late"`
	Stalled          int64 `json:"stalled"`
	StallUs          int64 `json:"stall_us"`
	DefectiveServed  int64 `json:"defective_served"`
	AvoidableDefects int64 `json:"avoidable_defects"`
	WrongBytes       int64 `json:"wrong_bytes"`
	Unchecked        int64 `json:"unchecked"`
	FailedRequests   int64 `json:"failed_requests"`
	Switches         int64 `json:"switches"`
	Held             int64 `json:"held"`      // requests that an early answer was saved by holding
	Early404         int64 `json:"early_404"` // requests that came too early and were told so
}

func (t *Tally) add(o Tally) {
	t.Requests += o.Requests
	t.Bytes += o.Bytes
	t.Segments += o.Segments
	t.Missed += o.Missed
	t.Late += o.Late
	t.Stalled += o.Stalled
	t.StallUs += o.StallUs
	t.DefectiveServed += o.DefectiveServed
	t.AvoidableDefects += o.AvoidableDefects
	t.WrongBytes += o.WrongBytes
	t.Unchecked += o.Unchecked
	t.FailedRequests += o.FailedRequests
	t.Switches += o.Switches
	t.Held += o.Held
	t.Early404 += o.Early404
}

// asked is how many segments viewers wanted: the samples of every count.
func (t *Tally) asked() int64 { return t.Segments + t.Missed }

// hurt says that a viewer noticed something.
func (t *Tally) hurt() bool { return t.Missed+t.Stalled+t.WrongBytes+t.DefectiveServed > 0 }

// place is a cell's coordinates: a second of intended time, and a region of edges.
type place struct {
	second int64
	region string
}

// variant says where a segment was published.
type variant struct{ region, pipeline string }

// cell is what the edges of one region gave viewers in one second.
type cell struct {
	place
	Tally
	latency, ttfb *hdrhistogram.PackedHistogram // nil without samples
	served        map[variant]int64
}

// span is a half-open stretch of the event's time.
type span struct{ from, until time.Duration }

func (s span) holds(second int64) bool {
	at := time.Duration(second) * time.Second
	return at >= s.from && at < s.until
}

// forever is the scope of what has no phase: also what came before the start and after the end.
var forever = span{-numberMax * time.Microsecond, numberMax * time.Microsecond}

// sorted orders cells by second, then region.
func sorted(cells map[place]*cell) []*cell {
	return slices.SortedFunc(maps.Values(cells), func(a, b *cell) int {
		return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.region, b.region))
	})
}

// within picks the cells of a stretch of time and, unless it is empty, of one region.
func within(cells []*cell, s span, region string) []*cell {
	var in []*cell
	for _, c := range cells {
		if s.holds(c.second) && (region == "" || c.region == region) {
			in = append(in, c)
		}
	}
	return in
}

// regionsOf lists the regions of edges that appear in the cells.
func regionsOf(cells []*cell) []string {
	set := map[string]bool{}
	for _, c := range cells {
		set[c.region] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// checked is how many segments had their bytes compared with what was published.
func (t *Tally) checked() int64 { return max(0, t.Segments-t.Unchecked) }

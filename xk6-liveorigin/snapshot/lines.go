package snapshot

import "github.com/HdrHistogram/hdrhistogram-go"

// Interval is one second of intended time of what has the same coordinates. Region and Edge are those of the edge that
// answered, or of the viewers' home if none did. Several intervals may have the same coordinates, since what comes late
// for a second has a line of its own: they add up.
type Interval struct {
	Kind string `json:"kind"` // "interval"
	AtUs int64  `json:"at_us"`
	coordinates
	counts
	Latency string `json:"latency,omitempty"` // of live viewers only: available(n) to last byte
	TTFB    string `json:"ttfb,omitempty"`    // intended time to first byte
	Lag     string `json:"lag,omitempty"`     // how late the generator was
}

// coordinates are what an interval's segments have in common.
type coordinates struct {
	Phase        string `json:"phase,omitempty"`
	Region       string `json:"region,omitempty"`
	Edge         string `json:"edge"`
	Rendition    string `json:"rendition"`
	Class        string `json:"class"`
	ServedRegion string `json:"served_region,omitempty"`
	Pipeline     string `json:"pipeline,omitempty"`
}

// counts are an interval's sums.
type counts struct {
	Requests  int64 `json:"requests,omitempty"`
	Segments  int64 `json:"segments,omitempty"`
	Bytes     int64 `json:"bytes,omitempty"`
	Held      int64 `json:"held,omitempty"`
	Early     int64 `json:"early,omitempty"`
	Late      int64 `json:"late,omitempty"`
	Stalled   int64 `json:"stalled,omitempty"`
	StallUs   int64 `json:"stall_us,omitempty"`
	Missed    int64 `json:"missed,omitempty"`
	Defective int64 `json:"defective,omitempty"`
	Wrong     int64 `json:"wrong,omitempty"`
	// Unchecked is how many of Segments were not compared with a digest: it was not their turn, or they came without.
	Unchecked int64 `json:"unchecked,omitempty"`
	// NoDigest is how many of them came without.
	NoDigest int64 `json:"no_digest,omitempty"`
	Failed   int64 `json:"failed,omitempty"`
	Switches int64 `json:"switches,omitempty"`
	// Clamped is how many times were longer than a histogram goes.
	Clamped int64 `json:"clamped,omitempty"`
}

// Viewers is how many are watching in one VU, once a second; the totals are for who looks on and does not want to add up
// the intervals.
type Viewers struct {
	Kind          string `json:"kind"` // "viewers"
	AtUs          int64  `json:"at_us"`
	Viewers       int    `json:"viewers"`
	VU            uint64 `json:"vu"`
	SegmentsTotal int64  `json:"segments_total,omitempty"`
	MissedTotal   int64  `json:"missed_total,omitempty"`
}

// Detail says which segments an interval's counts of defective, missed or wrong ones are about.
type Detail struct {
	Kind string `json:"kind"`  // "defective", "missed", "wrong"
	AtUs int64  `json:"at_us"` // of the first: the last byte of a defective or wrong one, a missed one's intended time
	detail
	Defects []string `json:"defects,omitempty"`
	Count   int64    `json:"count"`
}

// detail is what the segments of a Detail have in common.
type detail struct {
	Edge         string `json:"edge"`
	Region       string `json:"region,omitempty"`
	Rendition    string `json:"rendition"`
	Number       int64  `json:"number"`
	Class        string `json:"class"`
	Phase        string `json:"phase,omitempty"`
	Pipeline     string `json:"pipeline,omitempty"`
	ServedRegion string `json:"served_region,omitempty"`
	Reason       string `json:"reason,omitempty"`
}

// End is the last line of one play() of one VU; a record without it is not complete.
type End struct {
	Kind        string `json:"kind"` // "end"
	AtUs        int64  `json:"at_us"`
	VU          uint64 `json:"vu"`
	ViewersPeak int    `json:"viewers_peak"`
	PlannedPeak int    `json:"planned_peak"`
	Requests    int64  `json:"requests"`
	Segments    int64  `json:"segments"`
	Missed      int64  `json:"missed,omitempty"`
	DetailsLost int64  `json:"details_lost,omitempty"` // segments without a Detail, because there were too many
	Interrupted bool   `json:"interrupted,omitempty"`
}

// Histograms hold microseconds, at most 1 % too high.
const (
	shortest = 1
	longest  = 60_000_000
	digits   = 2
)

func newHistogram() *hdrhistogram.PackedHistogram {
	return hdrhistogram.NewPacked(shortest, longest, digits)
}

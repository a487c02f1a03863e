package audience

// The lines of audience.jsonl: the contract is that of the wall clock's audience (xk6-liveorigin/snapshot/lines.go),
// read by reports/audience.go. Times are microseconds since the event's availability start; fields that are zero are
// left out. In virtual time nobody is late to ask, and bytes are never without a digest, so that lag and no_digest
// are not there.

// interval is one second of intended time of what has the same coordinates.
type interval struct {
	Kind string `json:"kind"` // "interval"
	AtUs int64  `json:"at_us"`
	coordinates
	counters
	Latency string `json:"latency,omitempty"`
	TTFB    string `json:"ttfb,omitempty"`
}

// coordinates are what an interval's segments have in common. Edge and rendition are empty where intervals are of a
// whole region.
type coordinates struct {
	Region       string `json:"region,omitempty"`
	Edge         string `json:"edge,omitempty"`
	Rendition    string `json:"rendition,omitempty"`
	Class        string `json:"class"`
	ServedRegion string `json:"served_region,omitempty"`
	Pipeline     string `json:"pipeline,omitempty"`
}

// counters are an interval's sums.
type counters struct {
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
	Unchecked int64 `json:"unchecked,omitempty"`
	Failed    int64 `json:"failed,omitempty"`
	Switches  int64 `json:"switches,omitempty"`
}

// viewers is how many are watching, once a second.
type viewers struct {
	Kind          string `json:"kind"` // "viewers"
	AtUs          int64  `json:"at_us"`
	Viewers       int64  `json:"viewers"`
	VU            int    `json:"vu"`
	SegmentsTotal int64  `json:"segments_total,omitempty"`
	MissedTotal   int64  `json:"missed_total,omitempty"`
}

// detail says which segments an interval's counts of defective, missed or wrong ones are about.
type detail struct {
	Kind string `json:"kind"` // "defective", "missed", "wrong"
	AtUs int64  `json:"at_us"`
	subject
	Defects []string `json:"defects,omitempty"`
	Count   int64    `json:"count"`
}

// subject is what the segments of a detail have in common.
type subject struct {
	Edge         string `json:"edge,omitempty"`
	Region       string `json:"region,omitempty"`
	Rendition    string `json:"rendition"`
	Number       int64  `json:"number"`
	Class        string `json:"class"`
	Pipeline     string `json:"pipeline,omitempty"`
	ServedRegion string `json:"served_region,omitempty"`
	Reason       string `json:"reason,omitempty"`
}

// end is the last line; a record without it is not complete.
type end struct {
	Kind        string `json:"kind"` // "end"
	AtUs        int64  `json:"at_us"`
	VU          int    `json:"vu"`
	ViewersPeak int64  `json:"viewers_peak"`
	PlannedPeak int64  `json:"planned_peak"`
	Requests    int64  `json:"requests"`
	Segments    int64  `json:"segments"`
	Missed      int64  `json:"missed,omitempty"`
	DetailsLost int64  `json:"details_lost,omitempty"`
	Interrupted bool   `json:"interrupted,omitempty"`
}

// onlyVU is what the lines call this audience: the wall clock's can be of several VUs.
const onlyVU = 1

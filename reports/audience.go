package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/origin"
)

// audienceLine is one line of audience.jsonl, of any kind; a kind uses some of the fields. The generator leaves out
// fields that are zero, and may write several lines of equal coordinates: they add up.
type audienceLine struct {
	Kind      string `json:"kind"`
	AtUs      int64  `json:"at_us"`
	Region    string `json:"region"` // of the edge
	Rendition string `json:"rendition"`
	VU        int64  `json:"vu"`

	// interval: one second of intended time. The line's own phase is not read; the plan says what phase a time is in.
	ServedRegion string `json:"served_region"`
	Pipeline     string `json:"pipeline"`
	Requests     int64  `json:"requests"`
	Segments     int64  `json:"segments"`
	Bytes        int64  `json:"bytes"`
	Held         int64  `json:"held"`
	Early        int64  `json:"early"`
	Late         int64  `json:"late"`
	Stalled      int64  `json:"stalled"`
	StallUs      int64  `json:"stall_us"`
	Missed       int64  `json:"missed"`
	Defective    int64  `json:"defective"`
	Wrong        int64  `json:"wrong"`
	Unchecked    int64  `json:"unchecked"`
	Failed       int64  `json:"failed"`
	Switches     int64  `json:"switches"`
	Latency      string `json:"latency"`
	TTFB         string `json:"ttfb"`
	Lag          string `json:"lag"`

	// defective, missed and wrong: which segments the counts of the intervals are about
	Number  origin.SegmentNumber `json:"number"`
	Defects []string             `json:"defects"`
	Reason  string               `json:"reason"`
	Count   int64                `json:"count"`

	Viewers     int64 `json:"viewers"`      // viewers: at this second
	ViewersPeak int64 `json:"viewers_peak"` // end
	Interrupted bool  `json:"interrupted"`  // end
}

// audience is audience.jsonl as the judge needs it.
type audience struct {
	history *history

	cells   map[place]*cell
	lag     *hdrhistogram.Histogram
	viewers map[int64]int64 // by second, all VUs together
	missed  map[string]int64
	wrong   map[string]int64
	// detailed is how many defective segments have a line that says which they were.
	detailed  int64
	defective map[string]*defectGroup

	vus, ended  map[int64]bool
	endedPeak   int64
	interrupted bool
	unknown     map[string]int64 // kinds of line that this judge does not know

	counted    int64 // everything that was counted, all together
	histograms histogramReader
	decoded    [3][]bucket // latency, ttfb and lag of the line that is being read
	// A generator writes what belongs to one cell line after line. It is gathered in sorted lists, which cost least to
	// add up, and packed when another cell's turn has come.
	gathering       *cell
	gathered, spare [2][]bucket
}

// readAudience reads audience.jsonl. The history comes first: it knows which defects could have been avoided.
func readAudience(h *history, r io.Reader) (*audience, string, error) {
	a := &audience{
		defective: map[string]*defectGroup{},
		history:   h,
		cells:     map[place]*cell{}, viewers: map[int64]int64{}, missed: map[string]int64{}, wrong: map[string]int64{},
		vus: map[int64]bool{}, ended: map[int64]bool{}, unknown: map[string]int64{},
		lag: newDense(),
	}
	note, err := eachLine(AudienceFile, r, func(line []byte) error {
		var l audienceLine
		if !l.skim(line) {
			l = audienceLine{}
			if err := json.Unmarshal(line, &l); err != nil {
				return fmt.Errorf("read line: %w", err)
			}
		}
		if err := checkLine(&l); err != nil {
			return err
		}
		if err := a.count(&l); err != nil {
			return err
		}
		return a.add(&l)
	})
	a.pack()
	return a, note, err
}

// countedMax bounds all counts of a file together: then no sum of some of them overflows. 65 million viewers who stall
// through three hours, and their bytes, come to a quarter of it.
const countedMax = 1 << 62

// count refuses files that hold more than can be added up.
func (a *audience) count(l *audienceLine) error {
	for _, f := range l.counts() {
		if a.counted += f.n; a.counted > countedMax {
			return fmt.Errorf("all counts so far come to more than %d", int64(countedMax))
		}
	}
	return nil
}

// namedCount is a field of a line.
type namedCount struct {
	name string
	n    int64
}

// counts are the fields that are no times and no names.
func (l *audienceLine) counts() []namedCount {
	return []namedCount{
		{"requests", l.Requests}, {"segments", l.Segments}, {"bytes", l.Bytes}, {"held", l.Held}, {"early", l.Early},
		{"late", l.Late}, {"stalled", l.Stalled}, {"stall_us", l.StallUs}, {"missed", l.Missed},
		{"defective", l.Defective}, {"wrong", l.Wrong}, {"unchecked", l.Unchecked}, {"failed", l.Failed},
		{"switches", l.Switches}, {"count", l.Count}, {"viewers", l.Viewers}, {"viewers_peak", l.ViewersPeak},
	}
}

func checkLine(l *audienceLine) error {
	if l.Kind == "" {
		return fmt.Errorf("line has no kind")
	}
	if err := inRange("at_us", l.AtUs, -numberMax); err != nil {
		return err
	}
	for _, f := range l.counts() {
		if err := inRange(f.name, f.n, 0); err != nil {
			return err
		}
	}
	return nil
}

func (a *audience) add(l *audienceLine) error {
	at := sinceStart(l.AtUs)
	switch l.Kind {
	case "interval":
		return a.addInterval(l, at)
	case "viewers":
		a.viewers[secondOf(at)] += l.Viewers
		a.vus[l.VU] = true
	case "defective":
		a.addDefective(l, at)
	case "missed":
		a.missed[l.Reason] += l.Count
	case "wrong":
		a.wrong[l.Reason] += l.Count
	case "end":
		a.ended[l.VU] = true
		a.endedPeak += l.ViewersPeak
		a.interrupted = a.interrupted || l.Interrupted
	default:
		a.unknown[l.Kind]++
	}
	return nil
}

func (a *audience) cell(at time.Duration, region string) *cell {
	p := place{secondOf(at), region}
	c := a.cells[p]
	if c == nil {
		c = &cell{place: p}
		a.cells[p] = c
	}
	return c
}

// addInterval reads all histograms first, so that a damaged line leaves no half of itself behind.
func (a *audience) addInterval(l *audienceLine, at time.Duration) error {
	var err error
	for i, encoded := range [...]string{l.Latency, l.TTFB, l.Lag} {
		if a.decoded[i], err = a.histograms.read(encoded, a.decoded[i][:0]); err != nil {
			return fmt.Errorf("%s: %w", [...]string{"latency", "ttfb", "lag"}[i], err)
		}
	}
	c := a.cell(at, l.Region)
	a.gather(c)
	c.add(Tally{
		Requests: l.Requests, Bytes: l.Bytes, Segments: l.Segments, Missed: l.Missed, Late: l.Late,
		Stalled: l.Stalled, StallUs: l.StallUs, DefectiveServed: l.Defective, WrongBytes: l.Wrong,
		Unchecked: l.Unchecked, FailedRequests: l.Failed, Switches: l.Switches, Held: l.Held, Early404: l.Early,
	})
	if l.Segments > 0 {
		if c.served == nil {
			c.served = map[variant]int64{}
		}
		c.served[variant{l.ServedRegion, l.Pipeline}] += l.Segments
	}
	return nil
}

// gather adds the line that has been read to a cell.
func (a *audience) gather(c *cell) {
	if a.gathering != c {
		a.pack()
		a.gathering = c
	}
	for i := range a.gathered {
		a.spare[i] = sum(a.spare[i][:0], a.gathered[i], a.decoded[i])
		a.gathered[i], a.spare[i] = a.spare[i], a.gathered[i]
	}
	for _, b := range a.decoded[2] {
		_ = a.lag.RecordValues(b.value, b.count) // as in addTo
	}
}

// pack leaves what was gathered in its cell.
func (a *audience) pack() {
	if a.gathering == nil {
		return
	}
	addTo(&a.gathering.latency, a.gathered[0])
	addTo(&a.gathering.ttfb, a.gathered[1])
	a.gathered[0], a.gathered[1], a.gathering = a.gathered[0][:0], a.gathered[1][:0], nil
}

// peak is the largest number of viewers that watched in the same second.
func (a *audience) peak() int64 {
	var peak int64
	for _, n := range a.viewers {
		peak = max(peak, n)
	}
	return peak
}

// unfinished lists the generator's VUs that told how many viewers they had, but never that they were done.
func (a *audience) unfinished() []int64 {
	var vus []int64
	for _, vu := range slices.Sorted(maps.Keys(a.vus)) {
		if !a.ended[vu] {
			vus = append(vus, vu)
		}
	}
	return vus
}

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
	lag     *hdrhistogram.PackedHistogram
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
}

// readAudience reads audience.jsonl. The history comes first: it knows which defects could have been avoided.
func readAudience(h *history, r io.Reader) (*audience, string, error) {
	a := &audience{
		defective: map[string]*defectGroup{},
		history:   h,
		cells:     map[place]*cell{}, viewers: map[int64]int64{}, missed: map[string]int64{}, wrong: map[string]int64{},
		vus: map[int64]bool{}, ended: map[int64]bool{}, unknown: map[string]int64{},
	}
	note, err := eachLine(AudienceFile, r, func(line []byte) error {
		var l audienceLine
		if err := json.Unmarshal(line, &l); err != nil {
			return fmt.Errorf("read line: %w", err)
		}
		if err := checkLine(&l); err != nil {
			return err
		}
		return a.add(&l)
	})
	return a, note, err
}

func checkLine(l *audienceLine) error {
	if l.Kind == "" {
		return fmt.Errorf("line has no kind")
	}
	if err := inRange("at_us", l.AtUs, -numberMax); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		n    int64
	}{
		{"requests", l.Requests}, {"segments", l.Segments}, {"bytes", l.Bytes}, {"held", l.Held}, {"early", l.Early},
		{"late", l.Late}, {"stalled", l.Stalled}, {"stall_us", l.StallUs}, {"missed", l.Missed},
		{"defective", l.Defective}, {"wrong", l.Wrong}, {"unchecked", l.Unchecked}, {"failed", l.Failed},
		{"switches", l.Switches}, {"count", l.Count}, {"viewers", l.Viewers}, {"viewers_peak", l.ViewersPeak},
	} {
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
	var decoded [3]*hdrhistogram.PackedHistogram
	for i, encoded := range [...]string{l.Latency, l.TTFB, l.Lag} {
		var err error
		if decoded[i], err = decodePacked(encoded); err != nil {
			return fmt.Errorf("%s: %w", [...]string{"latency", "ttfb", "lag"}[i], err)
		}
	}
	c := a.cell(at, l.Region)
	mergePacked(&c.latency, decoded[0])
	mergePacked(&c.ttfb, decoded[1])
	mergePacked(&a.lag, decoded[2])
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

package sim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
)

// The files of a run's directory.
const (
	historyFile  = reports.HistoryFile
	audienceFile = reports.AudienceFile
	scriptFile   = "audience.js"
	k6LogFile    = "k6.log"
	settingsFile = "run.json"
	scenarioFile = "scenario.yaml"
	curveFile    = "curve.csv"
	profileFile  = "profile.yaml"
)

// history writes run.jsonl, a record a line, and keeps the tally that progress shows.
type history struct {
	mu    sync.Mutex
	file  *os.File
	w     *bufio.Writer
	err   error
	tally tally
	// kept says of how many ordinary records of a kind one is written, and seen how many records of it there were.
	kept map[string]int64
	seen map[string]int64
}

// tally counts what has happened so far.
type tally struct {
	published, defective, unpublished int
	active                            []string // faults
	pipelines                         map[string]strip
}

// strip is a pipeline's segments by number, each as the worst that any rendition's came to.
type strip struct {
	first    origin.SegmentNumber
	segments []byte
}

// What a segment in a strip came to, from the best to the worst.
const (
	marks        = " .d-x"
	markNone     = 0
	markClean    = 1
	markDefect   = 2
	markHole     = 3
	markFailed   = 4
	stripLongest = 1 << 16
)

// mark enters a publication into its pipeline's strip.
func (s strip) mark(n origin.SegmentNumber, m byte) strip {
	if len(s.segments) == 0 {
		s.first = n
	}
	i := int(n - s.first)
	if i < 0 || i >= stripLongest {
		return s
	}
	for len(s.segments) <= i {
		s.segments = append(s.segments, markNone)
	}
	s.segments[i] = max(s.segments[i], m)
	return s
}

// newest draws the last n segments.
func (s strip) newest(n int) string {
	tail := s.segments[max(0, len(s.segments)-n):]
	out := make([]byte, len(tail))
	for i, m := range tail {
		out[i] = marks[m]
	}
	return string(out)
}

func newHistory(dir string) (*history, error) {
	f, err := os.Create(filepath.Join(dir, historyFile))
	if err != nil {
		return nil, err
	}
	return &history{file: f, w: bufio.NewWriterSize(f, 64<<10)}, nil
}

// Record implements origin.Recorder. A history that cannot be written makes the run worthless, so the first error is
// kept for Close to tell.
func (h *history) Record(r origin.Record) {
	if h.skip(&r) {
		return
	}
	line, err := json.Marshal(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		_, err = h.w.Write(append(line, '\n'))
	}
	if err != nil && h.err == nil {
		h.err = err
	}
	h.tally.count(r)
}

// sample makes the history one of which not every ordinary record is written: see origin.KindSampling.
func (h *history) sample(atUs, oneIn int64) {
	h.kept, h.seen = map[string]int64{}, map[string]int64{}
	for _, kind := range sampled {
		h.Record(origin.Record{AtUs: atUs, Kind: origin.KindSampling, Name: kind, Count: oneIn})
		h.kept[kind] = oneIn
	}
}

// sampled are the kinds of record that a long history has too many of.
var sampled = []string{origin.KindDecision, origin.KindFetch}

// skip counts a record, and says whether it is one of those that are left out.
func (h *history) skip(r *origin.Record) bool {
	if h.kept == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	oneIn, ok := h.kept[r.Kind]
	if !ok {
		return false
	}
	h.seen[r.Kind]++
	ordinary := r.Reason == string(origin.Published) && r.Error == ""
	return ordinary && h.seen[r.Kind]%oneIn != 0
}

// counters writes how many records there were of the kinds that were sampled.
func (h *history) counters(atUs int64) {
	for _, kind := range sampled {
		h.mu.Lock()
		count := h.seen[kind]
		h.mu.Unlock()
		h.Record(origin.Record{AtUs: atUs, Kind: origin.KindCounter, Name: kind, Count: count})
	}
}

func (t *tally) count(r origin.Record) {
	switch {
	case r.Kind == origin.KindPublish:
		t.countPublish(r)
	case r.Kind == origin.KindFault && r.Step == origin.Begin:
		t.active = append(t.active, r.Name)
	case r.Kind == origin.KindFault && r.Step == origin.End:
		for i, name := range t.active {
			if name == r.Name {
				t.active = append(t.active[:i:i], t.active[i+1:]...)
				break
			}
		}
	}
}

func (t *tally) countPublish(r origin.Record) {
	if r.Number == origin.Header {
		return
	}
	m := byte(markClean)
	switch {
	case !origin.Outcome(r.Reason).Accepted():
		m = markFailed
		t.unpublished++
	case slices.Contains(r.Defects, origin.MissingSegment.String()):
		m = markHole
		t.defective++
	case len(r.Defects) > 0:
		m = markDefect
		t.defective++
	default:
		t.published++
	}
	if t.pipelines == nil {
		t.pipelines = map[string]strip{}
	}
	t.pipelines[r.Pipeline] = t.pipelines[r.Pipeline].mark(r.Number, m)
}

// stripShown is how many segments of a pipeline progress shows at the most.
const stripShown = 60

// soFar fills in what the history knows of a run's progress.
func (h *history) soFar(s *Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := &h.tally
	s.Faults = slices.Clone(t.active)
	s.Published, s.Defective, s.Unpublished = t.published, t.defective, t.unpublished
	for _, name := range slices.Sorted(maps.Keys(t.pipelines)) {
		s.Pipelines = append(s.Pipelines, PipelineStatus{name, t.pipelines[name].newest(stripShown)})
	}
}

// Flush writes out what is buffered, so that a crash loses little.
func (h *history) Flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.w.Flush(); err != nil && h.err == nil {
		h.err = err
	}
}

// Close ends the history and tells the first error that it met.
func (h *history) Close() error {
	h.Flush()
	err := h.file.Close()
	if h.err != nil {
		err = h.err
	}
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}

package snapshot

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/player"
)

// Recorder is a player.Sink that writes a snapshot. What has the same coordinates is added up first, so that a line is
// for a second and not for a segment.
type Recorder struct {
	file    *file
	options *player.Options
	event   *player.Event
	vu      uint64

	mu        sync.Mutex
	intervals map[key]*interval
	details   map[detailKey]*Detail
	segments  int64 // received so far
	missed    int64
	lost      int64 // details beyond detailsMost
	err       error // the first trouble with the file
}

// detailsMost bounds the details of one second: when everything goes wrong at once, the counts say so.
const detailsMost = 20_000

// key is an interval's coordinates as they come.
type key struct {
	second                 int64
	phase, edge, rendition int
	class                  player.Class
	region, pipeline       string
}

type detailKey struct {
	kind string
	detail
	defects string
}

// interval is an Interval before it is written.
type interval struct {
	counts
	latency, ttfb, lag *hdrhistogram.PackedHistogram
}

// NewRecorder writes to the file at path, together with the other recorders of this process.
func NewRecorder(path string, o *player.Options, e *player.Event, vu uint64) (*Recorder, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	return &Recorder{
		file: f, options: o, event: e, vu: vu,
		intervals: map[key]*interval{}, details: map[detailKey]*Detail{},
	}, nil
}

// Segment adds an outcome.
func (r *Recorder) Segment(o *player.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := key{
		second: int64(o.Intended / time.Second), phase: o.Phase, edge: o.Edge, rendition: o.Rendition, class: o.Class,
		region: o.Region, pipeline: o.Pipeline,
	}
	i := r.intervals[k]
	if i == nil {
		i = &interval{}
		r.intervals[k] = i
	}
	i.add(o)
	switch {
	case o.Received:
		r.segments++
	case !o.Left:
		r.missed++
	}
	if o.Missed != "" {
		r.detail("missed", o, o.Intended, o.Missed)
	}
	if o.Wrong != "" {
		r.detail("wrong", o, o.Arrived, o.Wrong)
	}
	if len(o.Defects) > 0 {
		r.detail("defective", o, o.Arrived, "")
	}
}

func (i *interval) add(o *player.Outcome) {
	i.Requests += int64(o.Requests)
	i.Failed += int64(o.Failed)
	i.Early += int64(o.Early)
	i.record(&i.lag, o.Lag)
	switch {
	case o.Left:
		return
	case !o.Received:
		i.Missed++
		return
	}
	i.Segments++
	i.Bytes += o.Bytes
	i.StallUs += o.Stall.Microseconds()
	for _, c := range [...]struct {
		count *int64
		holds bool
	}{
		{&i.Held, o.Held}, {&i.Late, o.Late}, {&i.Stalled, o.Stalled()}, {&i.Defective, len(o.Defects) > 0},
		{&i.Wrong, o.Wrong != ""}, {&i.Unchecked, !o.Checked}, {&i.NoDigest, o.NoDigest}, {&i.Switches, o.Switched},
	} {
		if c.holds {
			*c.count++
		}
	}
	i.record(&i.ttfb, o.FirstByte())
	if o.Class == player.Live {
		i.record(&i.latency, o.Latency())
	}
}

// record puts a time into a histogram; what is longer than it goes counts as its longest, and as clamped.
func (i *interval) record(h **hdrhistogram.PackedHistogram, d time.Duration) {
	if *h == nil {
		*h = newHistogram()
	}
	us := max(0, d.Microseconds())
	if us > longest {
		us = longest
		i.Clamped++
	}
	_ = (*h).RecordValue(us) // it is within the range
}

func (r *Recorder) detail(kind string, o *player.Outcome, at time.Duration, reason string) {
	edge := &r.options.Edges[o.Edge]
	k := detailKey{kind: kind, defects: strings.Join(o.Defects, ","), detail: detail{
		Edge: edge.Name, Region: edge.Region, Rendition: r.event.Renditions[o.Rendition].ID, Number: int64(o.Number),
		Class: o.Class.String(), Phase: r.phase(o.Phase), Pipeline: o.Pipeline, ServedRegion: o.Region, Reason: reason,
	}}
	d := r.details[k]
	if d == nil {
		if len(r.details) >= detailsMost {
			r.lost++
			return
		}
		d = &Detail{Kind: kind, AtUs: at.Microseconds(), detail: k.detail, Defects: o.Defects}
		r.details[k] = d
	}
	d.AtUs = min(d.AtUs, at.Microseconds())
	d.Count++
}

func (r *Recorder) phase(i int) string {
	if i < 0 {
		return ""
	}
	return r.options.Phases[i].Name
}

// Tick writes how many viewers there are, and all seconds that are over. What still comes for one of them begins a new
// interval, which the next Tick writes: whoever is killed has lost no more than what was in flight, and a second.
func (r *Recorder) Tick(at time.Duration, viewers int) {
	intervals, details := r.take(int64(at / time.Second))
	r.mu.Lock()
	now := Viewers{Kind: "viewers", AtUs: at.Microseconds(), Viewers: viewers, VU: r.vu,
		SegmentsTotal: r.segments, MissedTotal: r.missed}
	r.mu.Unlock()
	var lines bytes.Buffer
	err := r.encode(&lines, intervals, details, now)
	r.write(lines.Bytes(), err)
}

// End writes all the rest. It gives the first trouble there was: then the record is not complete, and has no end.
func (r *Recorder) End(res player.Result) error {
	intervals, details := r.take(1 << 62)
	var lines bytes.Buffer
	err := r.encode(&lines, intervals, details, End{
		Kind: "end", AtUs: res.At.Microseconds(), VU: r.vu, ViewersPeak: res.Peak, PlannedPeak: res.PlannedPeak,
		Requests: res.Requests, Segments: res.Segments, Missed: res.Missed, DetailsLost: r.lost,
		Interrupted: res.Interrupted,
	})
	if r.failed() == nil {
		r.write(lines.Bytes(), err)
	}
	return r.failed()
}

// taken is an interval on its way to the file.
type taken struct {
	key
	*interval
}

// take removes what is of the seconds before one, and all details, in an order that depends on nothing else.
func (r *Recorder) take(before int64) ([]taken, []*Detail) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var intervals []taken
	for k, i := range r.intervals {
		if k.second < before {
			intervals = append(intervals, taken{k, i})
			delete(r.intervals, k)
		}
	}
	slices.SortFunc(intervals, func(a, b taken) int {
		return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.edge, b.edge), cmp.Compare(a.rendition, b.rendition),
			cmp.Compare(a.class, b.class), cmp.Compare(a.phase, b.phase), cmp.Compare(a.region, b.region),
			cmp.Compare(a.pipeline, b.pipeline))
	})
	details := make([]*Detail, 0, len(r.details))
	for _, d := range r.details {
		details = append(details, d)
	}
	clear(r.details)
	slices.SortFunc(details, func(a, b *Detail) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.AtUs, b.AtUs), cmp.Compare(a.Number, b.Number),
			cmp.Compare(a.Rendition, b.Rendition), cmp.Compare(a.Edge, b.Edge), cmp.Compare(a.Class, b.Class),
			cmp.Compare(a.Pipeline, b.Pipeline), cmp.Compare(a.Reason, b.Reason))
	})
	return intervals, details
}

// encode writes lines, the last one last.
func (r *Recorder) encode(to *bytes.Buffer, intervals []taken, details []*Detail, last any) error {
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false)
	for _, t := range intervals {
		line, err := r.line(t)
		if err != nil {
			return err
		}
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	for _, d := range details {
		if err := enc.Encode(d); err != nil {
			return err
		}
	}
	return enc.Encode(last)
}

func (r *Recorder) line(t taken) (Interval, error) {
	edge := &r.options.Edges[t.edge]
	line := Interval{
		Kind: "interval", AtUs: t.second * time.Second.Microseconds(), counts: t.counts, coordinates: coordinates{
			Phase: r.phase(t.phase), Region: edge.Region, Edge: edge.Name, Rendition: r.event.Renditions[t.rendition].ID,
			Class: t.class.String(), ServedRegion: t.region, Pipeline: t.pipeline,
		},
	}
	for _, h := range [...]struct {
		from *hdrhistogram.PackedHistogram
		to   *string
	}{{t.latency, &line.Latency}, {t.ttfb, &line.TTFB}, {t.lag, &line.Lag}} {
		if h.from == nil {
			continue
		}
		b, err := h.from.Encode()
		if err != nil {
			return line, err
		}
		*h.to = string(b)
	}
	return line, nil
}

func (r *Recorder) write(lines []byte, err error) {
	if err == nil {
		err = r.file.write(lines)
	}
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.err = cmp.Or(r.err, err)
	}
}

func (r *Recorder) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

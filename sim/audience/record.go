package audience

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// recorder writes audience.jsonl. What has the same coordinates is added up first, so that a line is for a second and
// not for a segment.
type recorder struct {
	out        io.Writer
	homes      []home
	renditions []origin.Rendition
	whole      bool // intervals are of a whole region

	open     map[key]*sum
	order    []*sum // of open
	spare    []*sum
	variants []variant
	details  map[detailKey]*detail
	ordered  []*detail // of details
	lost     int64     // details beyond detailsMost
	encoder  encoder
	err      error // the first trouble with out
}

const (
	// edgesMost is up to how many edges each has intervals of its own: beyond, three hours would be millions of lines.
	edgesMost = 100
	// detailsMost bounds the details of one second: when everything goes wrong at once, the counters say so.
	detailsMost = 20_000
)

// key is an interval's coordinates; edge and rendition are -1 where it is of a region.
type key struct {
	second                  int64
	region, edge, rendition int
	class                   class
	variant                 int
}

// variant says where a segment was published.
type variant struct{ region, pipeline string }

// sum is an interval before it is written.
type sum struct {
	key
	counters
	latency, ttfb histogram
}

type detailKey struct {
	kind    string
	subject subject
	defects origin.Defects
}

func newRecorder(out io.Writer, homes []home, renditions []origin.Rendition) *recorder {
	return &recorder{
		out: out, homes: homes, renditions: renditions, whole: len(homes) > edgesMost, open: map[key]*sum{},
		details: map[detailKey]*detail{},
	}
}

// sum is the interval of a fetch that an edge answered, or that nobody did.
func (r *recorder) sum(f *fetch, edge int, v variant) *sum {
	k := key{
		second: int64(f.intended / time.Second), region: r.homes[edge].region, edge: edge, rendition: f.rendition,
		class: f.cell.class, variant: r.variant(v),
	}
	if r.whole {
		k.edge, k.rendition = -1, -1
	}
	s := r.open[k]
	if s == nil {
		s = r.newSum(k)
		r.open[k] = s
		r.order = append(r.order, s)
	}
	return s
}

func (r *recorder) newSum(k key) *sum {
	last := len(r.spare) - 1
	if last < 0 {
		return &sum{key: k}
	}
	s := r.spare[last]
	r.spare = r.spare[:last]
	s.latency.clear()
	s.ttfb.clear()
	*s = sum{key: k, latency: s.latency, ttfb: s.ttfb}
	return s
}

// variant is a number for a variant, of which there are few.
func (r *recorder) variant(v variant) int {
	i := slices.Index(r.variants, v)
	if i < 0 {
		i = len(r.variants)
		r.variants = append(r.variants, v)
	}
	return i
}

// detail adds segments that are worth a line of their own.
func (r *recorder) detail(kind string, f *fetch, edge int, v variant, at time.Duration, d origin.Defects, reason string,
	n int64) {
	s := subject{
		Edge: r.homes[edge].Name, Region: r.homes[edge].Region, Rendition: r.renditions[f.rendition].ID,
		Number: int64(f.number), Class: f.cell.class.String(), Pipeline: v.pipeline, ServedRegion: v.region, Reason: reason,
	}
	if r.whole {
		s.Edge = ""
	}
	k := detailKey{kind, s, d}
	line := r.details[k]
	switch {
	case line == nil && len(r.ordered) >= detailsMost:
		r.lost += n
		return
	case line == nil:
		line = &detail{Kind: kind, AtUs: at.Microseconds(), subject: s, Defects: d.Names()}
		r.details[k] = line
		r.ordered = append(r.ordered, line)
	}
	line.AtUs = min(line.AtUs, at.Microseconds())
	line.Count += n
}

// tick writes all seconds that are over, and how many viewers there are. What still comes for one of them begins a new
// interval, which the next tick writes.
func (r *recorder) tick(at time.Duration, watching, segments, missed int64) {
	r.write(int64(at/time.Second), viewers{
		Kind: "viewers", AtUs: at.Microseconds(), Viewers: watching, VU: onlyVU, SegmentsTotal: segments,
		MissedTotal: missed,
	})
}

// finish writes all the rest. With trouble in between the record is not complete, and has no end.
func (r *recorder) finish(e end) error {
	e.DetailsLost = r.lost
	if r.err == nil {
		r.write(1<<62, e)
	}
	return r.err
}

// write writes the intervals before a second, all details, and a last line.
func (r *recorder) write(before int64, last any) {
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for _, s := range r.take(before) {
		if s.Requests > 0 {
			r.check(enc.Encode(r.line(s)))
		}
		r.spare = append(r.spare, s)
	}
	for _, d := range r.takeDetails() {
		r.check(enc.Encode(d))
	}
	r.check(enc.Encode(last))
	if r.err == nil {
		_, err := r.out.Write(lines.Bytes())
		r.check(err)
	}
}

func (r *recorder) check(err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("write the audience's record: %w", err)
	}
}

// take removes the intervals before a second, in an order that depends on nothing else than what is in them.
func (r *recorder) take(before int64) (taken []*sum) {
	kept := r.order[:0]
	for _, s := range r.order {
		if s.second < before {
			taken = append(taken, s)
			delete(r.open, s.key)
		} else {
			kept = append(kept, s)
		}
	}
	r.order = kept
	slices.SortFunc(taken, func(a, b *sum) int {
		return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.region, b.region), cmp.Compare(a.edge, b.edge),
			cmp.Compare(a.rendition, b.rendition), cmp.Compare(a.class, b.class), cmp.Compare(a.variant, b.variant))
	})
	return taken
}

func (r *recorder) takeDetails() []*detail {
	taken := r.ordered
	r.ordered = nil
	clear(r.details)
	slices.SortStableFunc(taken, func(a, b *detail) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.AtUs, b.AtUs), cmp.Compare(a.Number, b.Number),
			cmp.Compare(a.Rendition, b.Rendition), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Edge, b.Edge))
	})
	return taken
}

func (r *recorder) line(s *sum) interval {
	v := r.variants[s.variant]
	line := interval{
		Kind: "interval", AtUs: s.second * time.Second.Microseconds(), counters: s.counters,
		coordinates: coordinates{Class: s.class.String(), ServedRegion: v.region, Pipeline: v.pipeline},
		Latency:     r.encoder.encode(&s.latency), TTFB: r.encoder.encode(&s.ttfb),
	}
	if s.edge >= 0 {
		line.Edge, line.Rendition = r.homes[s.edge].Name, r.renditions[s.rendition].ID
		line.Region = r.homes[s.edge].Region
		return line
	}
	at := slices.IndexFunc(r.homes, func(h home) bool { return h.region == s.region })
	line.Region = r.homes[at].Region
	return line
}

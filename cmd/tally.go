package cmd

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports/tables"
)

// tally counts what became of a packager's segments, by rendition. It is the packager's origin.Recorder.
type tally struct {
	mu         sync.Mutex
	renditions []string // in the event's order
	counts     map[string]*count
	latest     origin.SegmentNumber
	trouble    string // the last one, until it has been shown
}

// count is of one rendition's segments.
type count struct {
	published, refused, givenUp int
	defective                   int                     // of those published
	late                        *hdrhistogram.Histogram // microseconds from a segment's last frame to its acknowledgement
}

// longest is the longest latency that is told apart from longer ones.
const longest = time.Minute

func newCount() *count {
	return &count{late: hdrhistogram.New(1, longest.Microseconds(), 3)}
}

func newTally(ev *origin.Event) *tally {
	t := &tally{counts: make(map[string]*count, len(ev.Renditions))}
	for _, r := range ev.Renditions {
		t.renditions = append(t.renditions, r.ID)
		t.counts[r.ID] = newCount()
	}
	return t
}

// Record implements origin.Recorder.
func (t *tally) Record(r origin.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts[r.Rendition]
	if c == nil || r.Kind != origin.KindPublish {
		return
	}
	outcome := origin.Outcome(r.Reason)
	switch {
	case r.Number == origin.Header && r.Error == "": // a header that was taken goes without saying
	case outcome.Accepted():
		c.published++
		t.latest = max(t.latest, r.Number)
		_ = c.late.RecordValue(min(max(r.LateUs, 1), longest.Microseconds())) // which it takes
		if len(r.Defects) > 0 {
			c.defective++
		}
	case outcome != "" && outcome.Final():
		c.refused++
	default:
		c.givenUp++
	}
}

// settle counts as given up what the packager never came to, of the segments that it should have published by now: those
// behind a header that nobody took, for one.
func (t *tally) settle(ev *origin.Event, first origin.SegmentNumber, now time.Time) {
	last := min(ev.LastNumber(), ev.SegmentAt(now.Add(-ev.PublishDelay-ev.RetryBudget))-1)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.counts { // any order: each for itself
		c.givenUp += max(0, int(last-first+1)-c.published-c.refused-c.givenUp)
	}
}

// witness is a publisher that tells the tally of trouble as it comes.
type witness struct {
	origin.Publisher
	tally *tally
}

// Publish implements origin.Publisher.
func (w witness) Publish(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
	r, err := w.Publisher.Publish(ctx, p)
	switch {
	case err != nil && ctx.Err() == nil:
		w.tally.troubled(err.Error())
	case err == nil && !r.Outcome.Accepted():
		w.tally.troubled(fmt.Sprintf("%s/%d: %s %s", p.Key.Rendition, p.Key.Number, r.Outcome, r.Detail))
	}
	return r, err
}

func (t *tally) troubled(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trouble = why
}

// total adds up all renditions.
func (t *tally) total() *count {
	sum := newCount()
	for _, id := range t.renditions {
		c := t.counts[id]
		sum.published, sum.refused, sum.givenUp = sum.published+c.published, sum.refused+c.refused, sum.givenUp+c.givenUp
		sum.defective += c.defective
		sum.late.Merge(c.late)
	}
	return sum
}

// unpublished counts what the origin does not have.
func (t *tally) unpublished() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.total()
	return sum.refused + sum.givenUp
}

// showEvery is how often there is a line of progress.
const showEvery = 5 * time.Second

// show writes a line of progress every few seconds, until ctx ends.
func (t *tally) show(ctx context.Context, clock origin.Clock, w io.Writer) {
	for clock.Sleep(ctx, showEvery) == nil {
		fmt.Fprintln(w, t.line())
	}
}

func (t *tally) line() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.total()
	s := "nothing published yet"
	if sum.published+sum.refused+sum.givenUp > 0 {
		s = fmt.Sprintf("segment %d: %d published, %d refused, %d given up; acknowledged after %s p50, %s p99", t.latest,
			sum.published, sum.refused, sum.givenUp, sum.after(50), sum.after(99))
	}
	if t.trouble != "" {
		s += "; last trouble: " + t.trouble
		t.trouble = ""
	}
	return s
}

// after is a percentile of the latency.
func (c *count) after(percent float64) string {
	if c.late.TotalCount() == 0 {
		return "-"
	}
	us := c.late.ValueAtPercentile(percent)
	return strconv.FormatFloat(float64(us)/1000, 'f', 1, 64) + "ms"
}

// write draws the table at the end.
func (t *tally) write(w io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	table := tables.Table{Title: "what was published", Labels: 1, Header: []string{
		"rendition", "published", "defective", "refused", "given up", "p50", "p99"}}
	row := func(name string, c *count) {
		table.Row(name, strconv.Itoa(c.published), strconv.Itoa(c.defective), strconv.Itoa(c.refused), strconv.Itoa(c.givenUp),
			c.after(50), c.after(99))
	}
	for _, id := range t.renditions {
		row(id, t.counts[id])
	}
	row("all", t.total())
	lines, err := table.Lines()
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
	return err
}

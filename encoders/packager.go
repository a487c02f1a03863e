package encoders

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// PackagerConfig is what a Packager needs to know.
type PackagerConfig struct {
	Runtime  origin.Runtime
	Event    origin.Event
	Pipeline string
	Region   string
	Source   origin.Source
	// Header gives a rendition's CMAF header.
	Header func(r origin.Rendition) (origin.Object, error)
	// HeaderFrom is when the encoder has its CMAF headers; zero where it always has.
	HeaderFrom time.Time
	// Publishers are the region's nodes, at least one. Where one fails the next is tried, and stays the first to ask
	// once it has answered: a time-out of a dead node is not paid for again by every segment.
	Publishers []origin.Publisher
	Recorder   origin.Recorder
	// Rand is for the jitter of back-offs; nobody else may use it.
	Rand *rand.Rand
	// Inspect judges what the source hands over; nil means the Inspect of this package, which looks at the bytes. Where
	// there are none to look at, as in virtual time, it is Known.
	Inspect func(ev *origin.Event, r origin.Rendition, n origin.SegmentNumber, o origin.Object) (origin.Defects, error)
}

// Packager publishes what one encoder makes: inspected, and again until it is acknowledged or its retry deadline has
// passed. When nobody has answered for three segments, it gives up what has become old meanwhile, and goes on at the live
// edge. Renditions, and the segments of each, go their own ways, so that one that is slow holds up no other. What was not
// published is in the history, each with the reason.
type Packager struct {
	PackagerConfig
	mu        sync.Mutex // guards what follows, and Rand; never held across a call
	preferred int        // of Publishers
	down      time.Time  // since when no publication has had an answer; zero when one has
	last      origin.SegmentNumber
}

// maxInFlight bounds the segments of one rendition that are on their way at once. At 2 s a segment, and with a retry
// budget of a few, it is reached only where an encoder is later than the origin would take its segments anyway; then
// the next segment waits.
const maxInFlight = 16

// How long to wait before another try. It doubles from the first to the last; each is cut by up to a half at random, so
// that packagers that failed together do not come back together.
const (
	firstBackOff = 50 * time.Millisecond
	lastBackOff  = 400 * time.Millisecond
)

// resendable is how many segments an outage may last for all of them to be sent again (DASH-IF Live Media Ingest, general
// failure behaviours, 2).
const resendable = 3

// NewPackager makes a packager that has published nothing yet.
func NewPackager(c PackagerConfig) *Packager {
	if c.Inspect == nil {
		c.Inspect = inspectBody
	}
	if c.Recorder == nil {
		c.Recorder = origin.Discard
	}
	return &Packager{PackagerConfig: c, last: c.Event.LastNumber()}
}

// EndAt says that the event ends at another time than it was to: what begins later is not published, and not recorded.
// A packager that has returned by then stays where it is.
func (p *Packager) EndAt(end time.Time) {
	ev := p.Event
	ev.End = end
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = ev.LastNumber()
}

// over says whether the event has ended before a segment began.
func (p *Packager) over(n origin.SegmentNumber) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return n > p.last
}

// done says whether nobody can want anything of the event any more that is published at a time.
func (p *Packager) done(at time.Time) bool {
	p.mu.Lock()
	last := p.last
	p.mu.Unlock()
	return p.Event.SegmentAt(at) > last && !at.Before(p.Event.RetryDeadline(last))
}

func inspectBody(ev *origin.Event, r origin.Rendition, n origin.SegmentNumber, o origin.Object) (origin.Defects, error) {
	return Inspect(ev, r, n, o.Body)
}

// Run publishes the headers, and of each rendition every segment from the one that is being captured now to the
// event's last. It returns when all that is done, or ctx is, and leaves nothing running.
func (p *Packager) Run(ctx context.Context) {
	first := max(p.Event.StartNumber, p.Event.SegmentAt(p.Runtime.Now()))
	all := newCrew(p.Runtime, len(p.Event.Renditions))
	for _, r := range p.Event.Renditions {
		if all.hire(ctx, func() { p.runRendition(ctx, r, first) }) != nil {
			break
		}
	}
	all.join(ctx)
}

// runRendition publishes one rendition: the header first, since a player can do nothing without it. While there is no
// header yet its segments are waited for all the same, and found missing.
func (p *Packager) runRendition(ctx context.Context, r origin.Rendition, first origin.SegmentNumber) {
	segments := newCrew(p.Runtime, maxInFlight)
	if wait := p.HeaderFrom.Sub(p.Runtime.Now()); wait <= 0 {
		p.publishHeader(ctx, r)
	} else if segments.hire(ctx, func() {
		if p.Runtime.Sleep(ctx, wait) == nil {
			p.publishHeader(ctx, r)
		}
	}) != nil {
		return
	}
	for n := first; !p.over(n); n++ {
		// A segment is begun when its capture begins, so that what the source does to one delays no other.
		if err := p.Runtime.Sleep(ctx, p.Event.SegmentStart(n).Sub(p.Runtime.Now())); err != nil {
			break
		}
		if p.over(n) || segments.hire(ctx, func() { p.runSegment(ctx, r, n) }) != nil {
			break
		}
	}
	segments.join(ctx)
}

// publishHeader tries until the header is stored, or the event is over. An answer that cannot change ends it too, with a record; segments
// are published then as well, and the origin may refuse them.
func (p *Packager) publishHeader(ctx context.Context, r origin.Rendition) {
	t := p.begin(r, origin.Header)
	header, err := p.Header(r)
	if err != nil {
		t.fail(err)
		return
	}
	t.publication.Object, t.publication.Inspected = header, true
	t.publish(ctx, time.Time{})
	if ctx.Err() == nil && !t.receipt.Outcome.Accepted() {
		t.record()
	}
}

// runSegment takes one segment from the source to the origin, and into the history.
func (p *Packager) runSegment(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) {
	deadline := p.Event.RetryDeadline(n)
	t := p.begin(r, n)
	if !p.Runtime.Now().Before(deadline) {
		// The header took too long: the origin would refuse a burst of what it cannot serve. Jump to the live edge.
		t.fail(fmt.Errorf("not tried: the retry deadline has passed"))
		return
	}
	segment, err := p.Source.Segment(ctx, r, n)
	t.first = p.Runtime.Now()
	switch {
	case ctx.Err() != nil || p.over(n):
		return // the end of the run, or of the event, is no failure of a segment
	case errors.Is(err, origin.ErrNoSegment):
		t.publication.Defects = origin.MissingSegment // a declared hole: nobody need wait for it
	case err != nil:
		t.fail(err)
		return
	default:
		t.publication.Object = segment
		if t.publication.Defects, err = p.Inspect(&p.Event, r, n, segment); err != nil {
			t.publication.Defects = origin.Uninspected // sent all the same: it is the origin's to refuse
		}
	}
	t.publication.Inspected = true
	t.publish(ctx, deadline)
	if ctx.Err() == nil && !p.over(n) {
		t.record()
	}
}

// backOff is how long to wait after a number of failed attempts.
func (p *Packager) backOff(attempts int) time.Duration {
	d := lastBackOff
	if attempts < 4 {
		d = firstBackOff << (attempts - 1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return d - time.Duration(p.Rand.Int64N(int64(d/2)))
}

// firstNode is the index of the node to ask first: the one that gave the last final answer.
func (p *Packager) firstNode() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.preferred
}

// answered makes a node the first to ask, and ends an outage.
func (p *Packager) answered(node int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.preferred, p.down = node, time.Time{}
}

// unanswered notes that a try had no answer, and says for how long none has had any.
func (p *Packager) unanswered() time.Duration {
	now := p.Runtime.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down.IsZero() {
		p.down = now
	}
	return now.Sub(p.down)
}

// old says whether there is a newer segment to send than n.
func (p *Packager) old(n origin.SegmentNumber) bool {
	return n != origin.Header && n < p.Event.SegmentAt(p.Runtime.Now())-1
}

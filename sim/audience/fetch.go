package audience

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// fetch is one segment that the viewers of a slice want, from its intended time until it came or is no use any more.
// The rules are those of the wall clock's viewers (xk6-liveorigin/player/fetch.go).
type fetch struct {
	audience *Audience
	cell     *cell
	slot     *slot
	kind     kind
	// rendition is the cell's, but in a start, which asks for all that the viewer plays.
	rendition int
	number    origin.SegmentNumber
	viewers   int64
	byLink    [links]int64         // viewers by the class of their link
	check     int64                // of viewers: those who have the bytes checked
	certain   bool                 // all its viewers are where it asks: it is not a sample of them
	wanted    origin.SegmentNumber // of a reading: what its viewers would ask for by the template

	due      time.Duration // when it became useful; the next segment does one segment later
	intended time.Duration // of the first viewer
	width    time.Duration // the others follow evenly within that
	giveUp   time.Duration

	requests, failed, early int64 // tries of each viewer
	edge                    int   // place in the home's order
	failures                int   // tries that failed, over all edges
	lifetime                time.Duration
	limit                   *limit // of the try before
	run                     func() // work, made once
}

// kind is why something is asked for.
type kind int

const (
	next    kind = iota // it follows the segment before
	jump                // the viewers scrub
	start               // the viewers start their players
	header              // the same, and it is a CMAF header, not a segment
	reading             // the viewers read a playlist again
)

const (
	backOffLeast  = 100 * time.Millisecond
	backOffMost   = time.Second
	usualLifetime = 100 * time.Millisecond // of a refusal that says nothing of its lifetime
	leastLifetime = 5 * time.Millisecond   // so that no answer makes a viewer spin
	mostLifetime  = 24 * time.Hour
)

// fetch makes a fetch for a slice, of those that are done.
func (a *Audience) fetch(c *cell, s *slot, n origin.SegmentNumber) *fetch {
	var f *fetch
	if last := len(a.free) - 1; last >= 0 {
		f, a.free = a.free[last], a.free[:last]
	} else {
		f = &fetch{audience: a}
		f.run = f.work
	}
	*f = fetch{audience: a, run: f.run, cell: c, slot: s, rendition: c.rendition, number: n}
	return f
}

// time says when the fetch is due, when the slice's first viewer asks, and within how long the others do.
func (f *fetch) time(due, intended, width time.Duration) {
	f.due, f.intended, f.width = due, intended, width
	f.giveUp = intended + f.audience.Buffer + f.audience.segment
}

// launch lets the fetch begin.
func (a *Audience) launch(f *fetch) {
	a.flying++
	a.config.Loop.Go(f.run)
}

func (f *fetch) home() *home { return &f.audience.homes[f.cell.home] }

// work tries until there is an outcome, and writes it down; nothing when the audience was stopped before that.
func (f *fetch) work() {
	a := f.audience
	f.edge = f.slot.firstEdge(a.now())
	for a.ctx.Err() == nil && !f.try() {
	}
	a.lift(f.limit)
	a.flying--
	a.free = append(a.free, f)
}

// try asks one edge, and waits as long as its answer says; true when there is an outcome.
func (f *fetch) try() bool {
	a := f.audience
	edge := f.home().order[f.edge]
	resp, err := f.attempt(edge)
	switch {
	case a.ctx.Err() != nil:
		return true
	case err == nil && resp.OK():
		a.count(edge, f.viewers, 0)
		f.received(&resp, edge)
		return true
	case err == nil && over(resp.Reason):
		a.count(edge, f.viewers, 0)
		f.leave(resp.Reason)
		return true
	}
	wait, final := f.refused(&resp, err)
	if final || a.now()+wait >= f.giveUp {
		f.miss(f.viewers, describe(&resp, err))
		return true
	}
	return wait > 0 && a.config.Loop.Sleep(a.ctx, wait) != nil
}

// attempt asks an edge once. It ends when the answer is there, or when the segment is no use any more, or when no
// answer has come by the time by which an origin answers.
func (f *fetch) attempt(edge int) (origin.Response, error) {
	a := f.audience
	f.requests++
	until := min(f.patience(), f.giveUp)
	if until <= a.now() {
		return origin.Response{}, origin.ErrTimeout
	}
	if f.limit == nil || f.limit.at != until { // the edges that are tried at one instant have one
		a.lift(f.limit)
		f.limit = a.limit(until)
	}
	a.sums.attempts++
	e := &a.config.Event
	return a.homes[edge].Getter.Get(f.limit.ctx, origin.Request{
		Event: e.ID, Rendition: e.Renditions[f.rendition].ID, Number: f.number,
	})
}

// patience is when an answer must have begun: an origin holds a request up to the retry deadline, and after that an
// edge or an origin has a second, or the duration of a segment, to be slow.
func (f *fetch) patience() time.Duration {
	a := f.audience
	return max(a.answered(f.due), a.now()+a.slack())
}

// answered is when an origin has answered for a segment that was due at some time.
func (r *rules) answered(due time.Duration) time.Duration {
	return due + r.publishDelay + r.retryBudget + r.slack()/2
}

func (r *rules) slack() time.Duration { return max(time.Second, r.segment) }

// refused decides what to do about a try that brought nothing: how long to wait, and whether to try again at all. A
// refusal that holds for a while is respected at the same edge; an edge that could not answer is left for the next at
// once, and once all have been tried they are left alone for a while. A start is given up then: the viewer starts
// again.
func (f *fetch) refused(resp *origin.Response, err error) (wait time.Duration, final bool) {
	a, edges := f.audience, len(f.home().order)
	status := resp.Reason.Status()
	if err == nil && (status == 410 || status == 404) {
		a.count(f.home().order[f.edge], f.viewers, 0)
		if resp.Reason == origin.Early {
			f.early++
		}
		return a.lifetime(resp), status == 410 || f.starting()
	}
	a.count(f.home().order[f.edge], f.viewers, f.viewers)
	f.failed++
	lifetime := time.Duration(0) // of no answer at all
	if err == nil {
		lifetime = a.lifetime(resp)
	} else {
		f.slot.avoid(f.edge, edges, a.now())
	}
	if f.failures++; f.failures == 1 || lifetime < f.lifetime {
		f.lifetime = lifetime
	}
	f.edge = (f.edge + 1) % edges
	if f.failures%edges != 0 {
		return 0, false
	}
	wait = a.backOff(f.failures/edges, f.lifetime)
	f.lifetime = mostLifetime
	return wait, f.starting()
}

func (f *fetch) starting() bool { return f.kind == start || f.kind == header }

// lifetime is for how long a refusal holds.
func (a *Audience) lifetime(resp *origin.Response) time.Duration {
	if a.IgnoreLifetimes || resp.MaxAge < time.Millisecond {
		return usualLifetime
	}
	return max(resp.MaxAge.Truncate(time.Millisecond), leastLifetime)
}

// backOff doubles from round to round, with jitter, so that viewers who failed together do not come back together, and
// is never shorter than the refusals hold; who ignores those comes back after a moment.
func (a *Audience) backOff(round int, lifetime time.Duration) time.Duration {
	if a.IgnoreLifetimes {
		return usualLifetime
	}
	most := min(backOffLeast<<min(round, 8), backOffMost)
	return max(lifetime, backOffLeast+time.Duration(a.jitter.Float64()*float64(most-backOffLeast)))
}

// count adds requests to the load of an edge's region.
func (a *Audience) count(edge int, requests, failed int64) {
	load := &a.loads[a.homes[edge].region]
	load.Requests += requests
	load.Failed += failed
	a.sums.requests += requests
}

// describe names what became of a request in the words of the wall clock's viewers.
func describe(resp *origin.Response, err error) string {
	switch {
	case err == nil:
		return strconv.Itoa(resp.Reason.Status()) + " " + string(resp.Reason)
	case errors.Is(err, origin.ErrTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "timeout"
	case errors.Is(err, origin.ErrUnreachable):
		return "connection refused"
	}
	return "connection error"
}

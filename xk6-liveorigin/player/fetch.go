package player

import (
	"context"
	"net/http"
	"time"
)

// fetch is one segment that a viewer wants, from its intended time until it came or is no use any more.
type fetch struct {
	Outcome
	viewer *viewer
	due    time.Duration // when the next segment of the viewer's time line becomes available, less one segment
	giveUp time.Duration
	check  bool
	jump   bool // not the successor of the segment before: a viewer that scrubs

	edge     int           // place in viewer.order
	failures int           // tries that failed, over all edges
	lifetime time.Duration // the shortest of the failures since the last wait
}

const (
	backOffLeast = 100 * time.Millisecond
	backOffMost  = time.Second
)

// run tries until there is an outcome; it gives false when ctx was done before that.
func (f *fetch) run(ctx context.Context) bool {
	e := f.viewer.event
	f.Lag = max(0, e.now()-f.Intended)
	f.edge = f.viewer.firstEdge(e.now())
	for {
		edge := f.viewer.order[f.edge]
		f.Requests++
		a := f.attempt(ctx, edge)
		switch {
		case ctx.Err() != nil:
			return false
		case a.err == nil && a.status == http.StatusOK:
			f.received(&a, edge)
			return true
		case a.over():
			f.leave(&a)
			return true
		}
		wait, final := f.refused(&a, edge)
		if final || e.now()+wait >= f.giveUp {
			f.Missed = a.describe()
			f.Edge = f.viewer.order[0]
			return true
		}
		if !sleep(ctx, wait) {
			return false
		}
	}
}

// received fills in what a good answer says.
func (f *fetch) received(a *answer, edge int) {
	v := f.viewer
	f.Received, f.Edge, f.Arrived, f.FirstAt, f.Bytes = true, edge, a.lastAt, a.firstAt, a.bytes
	f.Pipeline = v.names.intern(name(a.header[fieldPipeline]))
	f.Region = v.names.intern(name(a.header[fieldRegion]))
	f.Defects = defects(a.header[fieldDefects])
	for i, d := range f.Defects {
		f.Defects[i] = v.names.intern(d)
	}
	f.Held = heldOpen(a.header[fieldTiming])
	f.Checked, f.NoDigest, f.Wrong = a.checked, a.noDigest, a.wrong
	f.Late = f.Arrived > f.due+v.event.Segment
	f.Stall = max(0, f.Arrived-(f.Intended+v.options.Buffer))
	if !f.jump {
		f.Switched = v.switched(f.Rendition, f.Number, f.Pipeline)
	}
}

// leave lets the viewer go, unless it only jumped beyond the end of what there still is.
func (f *fetch) leave(a *answer) {
	f.Left, f.Edge = true, f.viewer.order[0]
	if !f.jump || a.reason == reasonRemoved {
		f.viewer.left.Store(true)
	}
}

// refused decides what to do about a try that brought nothing: how long to wait, and whether to try again at all. A
// refusal that holds for a while is respected at the same edge; an edge that could not answer is left for the next at
// once, and once all have been tried they are left alone for a while.
func (f *fetch) refused(a *answer, edge int) (wait time.Duration, final bool) {
	switch {
	case a.err == nil && a.status == http.StatusGone:
		return 0, true
	case a.err == nil && a.status == http.StatusNotFound:
		if a.reason == reasonEarly {
			f.Early++
		}
		return a.lifetime, false
	}
	f.Failed++
	if a.err != nil && a.status == 0 {
		f.viewer.avoid(edge)
	}
	if f.failures++; f.failures == 1 || a.lifetime < f.lifetime {
		f.lifetime = a.lifetime
	}
	edges := len(f.viewer.order)
	f.edge = (f.edge + 1) % edges
	if f.failures%edges != 0 {
		return 0, false
	}
	wait = max(f.lifetime, f.viewer.backOff(f.failures/edges))
	f.lifetime = mostLifetime
	return wait, false
}

// backOff doubles from round to round, with jitter, so that viewers who failed together do not come back together. Its
// draws have a stream to themselves: what fails must not change what a viewer asks for next.
func (a *audience) backOff(round int) time.Duration {
	most := min(backOffLeast<<min(round, 8), backOffMost)
	a.jittering.Lock()
	defer a.jittering.Unlock()
	return backOffLeast + time.Duration(a.jitter.Float64()*float64(most-backOffLeast))
}

// sleep returns true after d, or false as soon as ctx is done.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

package parts

import (
	"context"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Offset is a Runtime whose clock is wrong: what Now says is off by an amount that can be changed while it runs. How long
// things take is not changed by that, as a machine's timers do not follow its clock: Sleep sleeps for as long as it is
// asked to, and a Signal's Wait ends when the wrong clock would have said so as the wait began. Only a span between two
// readings with a change between them is off, by the change.
//
// Whatever runs on it gives its records the wrong time too; those go through Recorder, which puts it right.
type Offset struct {
	origin.Runtime

	mu      sync.Mutex
	by, was time.Duration
	changed time.Time // by the right clock; was held before
}

var _ origin.Runtime = (*Offset)(nil)

// NewOffset puts a clock that can be wrong in front of a right one. It is right until Set.
func NewOffset(rt origin.Runtime) *Offset { return &Offset{Runtime: rt} }

// Set makes the clock wrong by so much: fast, where that is more than zero.
func (o *Offset) Set(by time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.was, o.by, o.changed = o.by, by, o.Runtime.Now()
}

// Now implements origin.Clock, wrongly.
func (o *Offset) Now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Runtime.Now().Add(o.by)
}

// Join waits for what runs on the right clock, where that can be waited for.
func (o *Offset) Join() {
	if rt, ok := o.Runtime.(interface{ Join() }); ok {
		rt.Join()
	}
}

// NewSignal implements origin.Runtime.
func (o *Offset) NewSignal() origin.Signal { return offsetSignal{o.Runtime.NewSignal(), o} }

// offsetSignal is told deadlines by the wrong clock.
type offsetSignal struct {
	origin.Signal
	offset *Offset
}

func (s offsetSignal) Wait(ctx context.Context, until time.Time) error {
	s.offset.mu.Lock()
	by := s.offset.by
	s.offset.mu.Unlock()
	return s.Signal.Wait(ctx, until.Add(-by))
}

// Recorder takes records that were made by the wrong clock, for an event that starts at start, and hands them on with
// the right time.
func (o *Offset) Recorder(start time.Time, to origin.Recorder) origin.Recorder {
	return &offsetRecorder{o, start, to}
}

type offsetRecorder struct {
	offset *Offset
	start  time.Time
	to     origin.Recorder
}

func (r *offsetRecorder) Record(rec origin.Record) {
	rec.AtUs = r.offset.right(r.start.Add(time.Duration(rec.AtUs) * time.Microsecond)).Sub(r.start).Microseconds()
	r.to.Record(rec)
}

// right is the right time for a reading of the wrong clock. A reading that was taken just before a change, and is handed
// in after it, is told by that it would lie before the change otherwise, or has not come yet. Records
// count whole microseconds, and so may be off by one.
func (o *Offset) right(reading time.Time) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := reading.Add(-o.by)
	if now.Before(o.changed.Add(-time.Microsecond)) || now.After(o.Runtime.Now().Add(time.Microsecond)) {
		if before := reading.Add(-o.was); before.Before(o.changed) {
			return before
		}
	}
	return now
}

// Local gives a time that came from another process the monotonic reading that it has here, so that a step of the
// machine's clock between the two does not come between them later.
func Local(t time.Time) time.Time {
	now := time.Now()
	return now.Add(t.Sub(now))
}
